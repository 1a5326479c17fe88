"""What an operator sets for the ways in: one TOML file, one table for each intake by its code.

It is a file of its own beside the settings, because it holds the keys of devices: only the
node's user should be able to read it.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, TypeVar

import msgspec

from tocsin.geography.spoken import SpokenError

FILE: Final = "intakes.toml"
"""Its name in the data folder, where the setting names none."""
FILE_BYTES_MAX: Final = 16 * 2**20
"""Fifty thousand panels with keys are 5 MB."""

Tables = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Listener:
    """A port that is opened when its settings say so: which intake's, where, `tcp` or `udp`, and
    whether what comes is safe on the way (encrypted, or each sender with a key)."""

    what: str
    host: str
    port: int
    kind: str
    is_safe: bool


Table = TypeVar("Table")


class IntakeError(SpokenError, ValueError):
    """What an operator must mend: `reason` is stable, `message(language)` is for people."""

    TEXTS: ClassVar[Mapping[str, tuple[str, str]]] = {
        "unreadable": (
            "the file of the intakes {where} cannot be read: {detail}",
            "无法读取接入配置文件 {where}：{detail}",
        ),
        "open": (
            "the file of the intakes {where} holds keys and others may read it: chmod 600 {where}",
            "接入配置文件 {where} 含有密钥，但其他用户可读：请执行 chmod 600 {where}",
        ),
        "unknown": (
            "the file of the intakes {where} has a table [{detail}]; nearest is [{near}]",
            "接入配置文件 {where} 中有未知的表 [{detail}]；最接近的接入为 [{near}]",
        ),
        "bad_value": (
            "table [{where}] in the file of the intakes: {detail}",
            "接入配置文件中的表 [{where}]：{detail}",
        ),
    }

    def __init__(self, reason: str, where: str, detail: str = "", near: str = "") -> None:
        super().__init__(reason, where=where, detail=detail, near=near)


def read_intakes(file: Path, codes: tuple[str, ...], is_asked: bool) -> Tables:
    """The tables of the file; none when it is not there and nobody asked for it. Raises
    IntakeError for what cannot be read, is open to others, or has a table of no intake."""
    try:
        if not file.exists() and not is_asked:
            return {}
        if file.stat().st_mode & 0o077:
            raise IntakeError("open", str(file))
        if file.stat().st_size > FILE_BYTES_MAX:
            raise IntakeError("unreadable", str(file), f"more than {FILE_BYTES_MAX} bytes")
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise IntakeError("unreadable", str(file), str(error)) from error
    for name, table in tables.items():
        if name not in codes:
            (near,) = difflib.get_close_matches(name, codes, n=1, cutoff=0.0)
            raise IntakeError("unknown", str(file), name, near)
        if not isinstance(table, dict):
            raise IntakeError("bad_value", name, "expected a table")
    return tables


def _path(kind: type[Any], value: Any) -> Any:
    """Paths are written as text in the file."""
    if issubclass(kind, Path) and isinstance(value, str):
        return Path(value)
    raise NotImplementedError(kind.__name__)


def taken(tables: Tables, code: str, shape: type[Table]) -> Table | None:
    """One intake's table as its own type; None when there is none. The values themselves are not
    repeated in the error: they may be keys. Raises IntakeError."""
    table = tables.get(code)
    if table is None:
        return None
    try:
        return msgspec.convert(table, shape, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise IntakeError("bad_value", code, str(error)) from None
