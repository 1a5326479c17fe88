"""A node without a machine: the real engine, reception and runner on the store in memory.

Tests plant a bug by overriding one of `Parts`.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from tocsin.geography.areas import Atlas
from tocsin.kernel.cases.react import Tell
from tocsin.packs.model import Pack
from tocsin.packs.registry import Registry
from tocsin.runtime.engine import Engine
from tocsin.runtime.ports import Clock, Ids, Policies, Store
from tocsin.runtime.reception import Reception
from tocsin.runtime.runner import Runner, fixed
from tocsin.simulation.clock import SeededIds, VirtualClock
from tocsin.simulation.faults import Faults, FaultyStore
from tocsin.stores.memory import MemoryStore, MemoryVault


class Parts:
    """How the node is put together."""

    def store(self, vault: MemoryVault) -> MemoryStore:
        return MemoryStore(vault)

    def policies(self, pack: Pack) -> Policies:
        return Registry(pack)

    def engine(self, store: Store, policies: Policies, clock: Clock, ids: Ids) -> Engine:
        return Engine(store, policies, clock, ids)

    def reception(self, engine: Engine, pack: Pack, atlas: Atlas, code_key: bytes) -> Reception:
        return Reception(engine, pack, atlas, code_key)

    def addresses(self, tell: Tell) -> Sequence[str]:
        return fixed(tell)


class SimNode:
    """The parts of one node, and what survives when its process dies: the store and the vault."""

    def __init__(
        self,
        parts: Parts,
        pack: Pack,
        atlas: Atlas,
        clock: VirtualClock,
        rng: Random,
        faults: Faults,
    ) -> None:
        self.parts = parts
        self.pack = pack
        self.clock = clock
        self.vault = MemoryVault(clock)
        self.inner = parts.store(self.vault)
        self.store = FaultyStore(self.inner, faults)
        self.ids = SeededIds(clock, rng)
        self.engine = parts.engine(self.store, parts.policies(pack), clock, self.ids)
        self.reception = parts.reception(self.engine, pack, atlas, rng.randbytes(32))
        self.runner = self._new_runner()
        self.restarts = 0

    def _new_runner(self) -> Runner:
        return Runner(self.engine, addresses=self.parts.addresses)

    def restart(self) -> None:
        """The runner's process died and was started again; what it held in memory is gone."""
        self.restarts += 1
        self.runner = self._new_runner()
