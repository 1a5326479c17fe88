"""Sealing: personal data and free text under their own keys, and the master key's file."""

from tocsin.stores.vault.master import FILE_NAME, MasterKeys, WrongMasterKey, load_master_keys
from tocsin.stores.vault.sealing import Chance, KeyRow, Sealer, ValueRow

__all__ = [
    "Chance",
    "FILE_NAME",
    "KeyRow",
    "MasterKeys",
    "Sealer",
    "ValueRow",
    "WrongMasterKey",
    "load_master_keys",
]
