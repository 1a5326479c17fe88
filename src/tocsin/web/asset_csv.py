"""Assets as CSV, out and in: one line each, the same columns both ways."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, cast

from tocsin.kernel.assets.state import SUPERVISIONS, About
from tocsin.kernel.shared import AreaId, AssetId, Place
from tocsin.runtime.ports import AssetRow

COLUMNS: Final = (
    "id", "name", "kind", "area", "lon", "lat", "owner", "keeper", "model", "power", "gateway",
    "wires", "supervision", "inspection_at", "certificate_until", "documents", "is_silent",
    "status",
)  # fmt: skip
"""`wires` are `intake=address`, `documents` addresses, several with a blank line between them;
`area` is the narrowest; `is_silent` is `true` or `false`, and what a file without that column
registers stays as it is; `status` is only written out."""
LINES_MAX: Final = 10_000
"""Lines of one import: about a minute of commits."""
SEPARATOR: Final = "|"
_FORMULA = re.compile(r"^[=+\-@\t\r]")
_ID = re.compile(r"^[^\x00-\x20\x7f/?#]{1,120}$")

Parents = Callable[[AreaId], Sequence[AreaId]]


@dataclass(frozen=True, slots=True)
class Line:
    """One line as it was read: an asset, or what is wrong with it (a word and a column)."""

    number: int
    asset: AssetId | None = None
    about: About | None = None
    problem: str = ""
    says_silence: bool = True
    """Whether the file has the column: without it nobody meant to make a silent device loud."""


def written(rows: Iterable[AssetRow]) -> str:
    """All assets as CSV with a heading. A cell that a spreadsheet would take for a formula is
    written behind an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows:
        about, place = row.asset.about, row.asset.about.place
        cells = (
            row.asset.id,
            about.name,
            about.kind,
            about.areas[0] if about.areas else "",
            repr(place.lon) if place else "",
            repr(place.lat) if place else "",
            about.owner,
            about.keeper,
            about.model,
            about.power or "",
            about.gateway or "",
            SEPARATOR.join(f"{source}={address}" for source, address in about.wires),
            about.supervision,
            about.inspection_at.isoformat() if about.inspection_at else "",
            about.certificate_until.isoformat() if about.certificate_until else "",
            SEPARATOR.join(about.documents),
            "true" if about.is_silent else "false",
            row.asset.status,
        )
        numeric = {COLUMNS.index("lon"), COLUMNS.index("lat")}
        writer.writerow(cell if n in numeric else safe(str(cell)) for n, cell in enumerate(cells))
    return out.getvalue()


def safe(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _plain(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell[1:]) else cell


def read(text: str, areas: Iterable[AreaId], parents: Parents) -> list[Line]:
    """Every line of a CSV text, read or with what is wrong with it. Raises ValueError for a text
    that is no CSV, without our heading or with too many lines."""
    try:
        return _lines(text, set(areas), parents)
    except csv.Error as error:
        raise ValueError("not CSV") from error


def _lines(text: str, known: set[AreaId], parents: Parents) -> list[Line]:
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), strict=False)
    heading = reader.fieldnames or ()
    if not {"id", "name", "kind", "area"} <= set(heading) or set(heading) - set(COLUMNS):
        raise ValueError("heading")
    found: list[Line] = []
    seen: set[str] = set()
    for number, cells in enumerate(reader, 2):
        if len(found) >= LINES_MAX:
            raise ValueError("too many lines")
        line = _read(number, cells, known, parents)
        if line.asset is not None and line.asset in seen:
            line = Line(number, problem="id: twice")
        if line.asset is not None:
            seen.add(line.asset)
        found.append(line)
    return found


def _read(number: int, cells: dict[Any, Any], known: set[AreaId], parents: Parents) -> Line:
    if None in cells or any(value is None for value in cells.values()):
        return Line(number, problem="line: not as many cells as the heading")
    given = {name: _plain(cast(str, value).strip()) for name, value in cells.items()}
    if any("\0" in value for value in given.values()):
        return Line(number, problem="line: not text")
    area = AreaId(given.get("area", ""))
    if area not in known:
        return Line(number, problem="area: unknown")
    if not _ID.match(given["id"]):
        return Line(number, problem="id: not an id")
    supervision = given.get("supervision") or "none"
    if supervision not in SUPERVISIONS:
        return Line(number, problem="supervision: unknown class")
    try:
        about = About(
            given["name"],
            given["kind"],
            (area, *parents(area)),
            _place(given.get("lon", ""), given.get("lat", "")),
            given.get("owner", ""),
            given.get("keeper", ""),
            given.get("model", ""),
            AssetId(given["power"]) if given.get("power") else None,
            AssetId(given["gateway"]) if given.get("gateway") else None,
            _wires(given.get("wires", "")),
            supervision,
            _instant("inspection_at", given.get("inspection_at", "")),
            _instant("certificate_until", given.get("certificate_until", "")),
            tuple(each for each in given.get("documents", "").split(SEPARATOR) if each),
            _flag("is_silent", given.get("is_silent", "")),
        )
    except ValueError as error:
        return Line(number, problem=str(error))
    return Line(number, AssetId(given["id"]), about, says_silence="is_silent" in given)


def _place(lon: str, lat: str) -> Place | None:
    if not lon and not lat:
        return None
    try:
        place = Place(float(lon), float(lat))
    except ValueError:
        raise ValueError("lon: not a number") from None
    if not (abs(place.lon) <= 180 and abs(place.lat) <= 90):
        raise ValueError("lon: not a place on earth")
    return place


def _wires(cell: str) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    for each in cell.split(SEPARATOR) if cell else ():
        source, is_there, address = each.partition("=")
        if not (source and is_there and address):
            raise ValueError("wires: not intake=address")
        found.append((source, address))
    return tuple(found)


def _flag(column: str, cell: str) -> bool:
    word = cell.lower()
    if word not in ("", "true", "false"):
        raise ValueError(f"{column}: neither true nor false")
    return word == "true"


def _instant(column: str, cell: str) -> datetime | None:
    if not cell:
        return None
    try:
        found = datetime.fromisoformat(cell)
    except ValueError:
        raise ValueError(f"{column}: not a date") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


__all__ = ["COLUMNS", "LINES_MAX", "Line", "read", "written"]
