"""The reference store: what every other store must do, in plain Python."""

from tocsin.stores.memory.store import MemoryStore
from tocsin.stores.memory.vault import MemoryVault

__all__ = ["MemoryStore", "MemoryVault"]
