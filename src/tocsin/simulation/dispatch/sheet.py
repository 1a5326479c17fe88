"""Tables in CSV files as towns publish them: plain, gzip or a member of a zip file, with or without
lines above the head."""

from __future__ import annotations

import csv
import gzip
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import IO, Final, cast

BYTES_MAX: Final = 512 * 2**20
"""Unpacked. The largest table read so far has 25 MB."""
HEAD_LINES_MAX: Final = 100


class SheetError(ValueError):
    """The table cannot be read. The text says why; safe to show."""


def unpacked(path: Path, member: str | None = None) -> bytes:
    """The bytes of a file, of a gzip file's content, or of a member of a zip file (of its only one
    where none is named). Raises SheetError."""
    try:
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as packed:
                names = packed.namelist()
                name = member if member is not None else names[0] if len(names) == 1 else ""
                if name not in names:
                    raise SheetError(f"{path.name} has no member {name!r}")
                if packed.getinfo(name).file_size > BYTES_MAX:
                    raise SheetError(f"{name} is larger than {BYTES_MAX} bytes")
                return packed.read(name)
        with cast(IO[bytes], gzip.open(path) if path.suffix == ".gz" else path.open("rb")) as file:
            found = file.read(BYTES_MAX + 1)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise SheetError(f"{path.name} cannot be read") from error
    if len(found) > BYTES_MAX:
        raise SheetError(f"{path.name} is larger than {BYTES_MAX} bytes")
    return found


def rows_of(
    path: Path, columns: Sequence[str], member: str | None = None
) -> Iterator[tuple[int, tuple[str, ...]]]:
    """(line, cells of the named columns) of every row below the head, which is the first line that
    names them all. Rows that are too short are given with empty cells. Raises SheetError."""
    text = TextIOWrapper(BytesIO(unpacked(path, member)), "utf-8-sig", "replace", newline="")
    lines = csv.reader(text)
    at: list[int] = []
    try:
        for line, cells in enumerate(lines, 1):
            if not at:
                names = [cell.strip() for cell in cells]
                if all(column in names for column in columns):
                    at = [names.index(column) for column in columns]
                elif line >= HEAD_LINES_MAX:
                    break
            elif any(cell.strip() for cell in cells):
                yield line, tuple(cells[n].strip() if n < len(cells) else "" for n in at)
    except csv.Error as error:
        raise SheetError(f"{path.name} is no table") from error
    if not at:
        raise SheetError(f"{path.name} has no columns {', '.join(columns)}")
