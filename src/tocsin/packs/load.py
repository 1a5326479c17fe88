"""Reads a folder of TOML into a pack. The only place of this room that touches files."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from datetime import date, datetime, time
from pathlib import Path
from typing import cast

from tocsin.packs.building import FORMAT
from tocsin.packs.check import check
from tocsin.packs.find import packs_folder
from tocsin.packs.model import Pack
from tocsin.packs.reading import Finding, PackError, Table

# The largest file of the packs is a tenth of this.
MAX_FILE_BYTES = 512 * 1024


def load_pack(folder: Path, *, calendar: str | None = None) -> Pack:
    """The pack in a folder, on its own default calendar or the one named.

    Raises PackError listing every finding if there is any, FileNotFoundError without a pack.toml.
    """
    pack = read_pack(folder, calendar=calendar)
    findings = check(pack)
    if findings:
        raise PackError(findings)
    return pack


def read_pack(folder: Path, *, calendar: str | None = None) -> Pack:
    """The pack in a folder, however broken: for `check`, which says all that is wrong.

    Raises PackError only for files that are no TOML at all.
    """
    return Pack(read_content(folder, calendar=calendar))


def read_content(folder: Path, *, calendar: str | None = None) -> Table:
    """All tables of a pack as plain JSON values, and the calendars it names."""
    bad: list[Finding] = []
    pack = read_toml(folder / "pack.toml", bad)
    chosen = calendar or str(pack.get("calendar", ""))
    named = pack.get("calendars", [])
    listed = cast(list[object], named) if isinstance(named, list) else []
    names = dict.fromkeys([chosen, *(str(name) for name in listed)])
    calendars = {
        name: read_toml(path, bad)
        for name in names
        if (path := _calendar_path(folder, name)) is not None
    }
    content: Table = {
        "format": FORMAT,
        "calendar": chosen,
        "pack": pack,
        "calendars": calendars,
        "messages": _messages(folder, bad),
        "types": _tables(sorted((folder / "types").glob("*.toml")), bad),
    }
    if bad:
        raise PackError(bad)
    return content


def read_toml(path: Path, bad: list[Finding]) -> Table:
    """One TOML file as plain JSON values (dates as ISO texts)."""
    where = f"{path.parent.name}/{path.name}"
    data = path.read_bytes()
    if len(data) > MAX_FILE_BYTES:
        bad.append(Finding(where, "bad_value", f"is over {MAX_FILE_BYTES} bytes"))
        return {}
    try:
        return cast(Table, plain(tomllib.loads(data.decode())))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        bad.append(Finding(where, "bad_value", str(error)))
        return {}


def plain(value: object) -> object:
    """TOML values as JSON values."""
    match value:
        case dict():
            return {str(k): plain(v) for k, v in cast(dict[object, object], value).items()}
        case list():
            return [plain(item) for item in cast(list[object], value)]
        case datetime() | date() | time():
            return value.isoformat()
        case _:
            return value


def _tables(paths: Iterable[Path], bad: list[Finding]) -> dict[str, Table]:
    return {path.name: read_toml(path, bad) for path in paths}


def _messages(folder: Path, bad: list[Finding]) -> dict[str, Table]:
    """The words that packs share; a pack's own message of the same name takes their place."""
    own = _tables(sorted((folder / "messages").glob("*.toml")), bad)
    taken = {key for table in own.values() for key in table}
    shared = _tables(sorted((_shared(folder) / "common" / "messages").glob("*.toml")), bad)
    for name, table in shared.items():
        own[f"common/{name}"] = {key: text for key, text in table.items() if key not in taken}
    return own


def _shared(folder: Path) -> Path:
    """What packs share lies beside them; a pack kept elsewhere uses what comes with Tocsin."""
    beside = folder.resolve().parent
    return beside if (beside / "common").is_dir() else packs_folder()


def _calendar_path(folder: Path, name: str) -> Path | None:
    """A pack's own calendars come first, then those that the packs share."""
    if not name or "/" in name or "\\" in name:
        return None
    for parent in (folder / "calendars", _shared(folder) / "calendars"):
        path = parent / f"{name}.toml"
        if path.is_file():
            return path
    return None
