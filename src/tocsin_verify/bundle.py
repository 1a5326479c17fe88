"""Reads a bundle, as `tocsin log export` writes it: gzipped lines of JSON, in the order of entries.

{"format": "tocsin-bundle/1", "origin", "keys"} first; then {"n", "source", "id", "seed" | "kept",
"fields", "h"} for each entry, {"checkpoint"} after the last entry it covers, {"stamp"} anywhere,
{"unlogged"} for rows without an entry, {"end"} last: a bundle without it was cut off.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tocsin_verify.leaves import Entry

FORMAT = "tocsin-bundle/1"


class Unreadable(ValueError):
    """The file is no bundle and no dump. One line for the auditor."""


def is_bundle(path: Path) -> bool:
    """Whether the file begins as gzip does."""
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a bundle, its head first. Raises Unreadable."""
    is_first, is_whole = True, False
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for text in file:
                line = json.loads(text)
                if is_first and line.get("format") != FORMAT:
                    raise Unreadable("it is no bundle of this format")
                is_first = False
                is_whole = "end" in line
                yield line
    except (OSError, EOFError, UnicodeDecodeError, json.JSONDecodeError, AttributeError) as error:
        raise Unreadable(f"it cannot be read: {error}") from error
    if not is_whole:
        raise Unreadable("its end is missing")


def entry_of(line: dict[str, Any]) -> Entry:
    """An entry's line. Raises Unreadable."""
    try:
        seed, fields, given = line.get("seed"), line.get("fields"), line.get("h")
        return Entry(
            int(line["n"]),
            str(line["source"]),
            int(line["id"]),
            bytes.fromhex(seed) if seed is not None else None,
            line.get("kept"),
            {name: _value(value) for name, value in fields.items()} if fields else None,
            base64.b64decode(given, validate=True) if given else None,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unreadable(f"a line of it is no entry: {error}") from error


def _value(value: Any) -> bytes | None:
    if value is None:
        return None
    if isinstance(value, str):
        return value.encode()
    return base64.b64decode(value["b64"], validate=True)
