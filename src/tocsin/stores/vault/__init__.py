"""Sealing: personal data and free text under their own keys, and the master key's file."""

from tocsin.stores.vault.master import (
    FILE_NAME,
    MasterKeys,
    WrongMasterKey,
    add_master_key,
    load_master_keys,
    retire_master_keys,
    retired_beside,
)
from tocsin.stores.vault.sealing import Chance, KeyRow, Sealer, ValueRow

__all__ = [
    "Chance",
    "FILE_NAME",
    "KeyRow",
    "MasterKeys",
    "Sealer",
    "ValueRow",
    "WrongMasterKey",
    "add_master_key",
    "load_master_keys",
    "retire_master_keys",
    "retired_beside",
]
