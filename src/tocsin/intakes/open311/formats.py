"""What goes out: the same answers as JSON, XML and CSV, safe for whoever opens them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Final, Literal

import msgspec

from tocsin.kernel.shared import Instant

Format = Literal["json", "xml"]
Value = str | int | float | bool | None | Sequence["Value"] | Mapping[str, "Value"]
Element = Mapping[str, Value]

DISCOVERY_TYPES: Final[Mapping[Format, str]] = {"json": "application/json", "xml": "text/xml"}
"""Discovery says its type without a charset: existing clients compare the whole header."""
TYPES: Final[Mapping[Format, str]] = {
    "json": "application/json; charset=utf-8",
    "xml": "text/xml; charset=utf-8",
}
CSV_TYPE: Final = "text/csv; charset=utf-8"

ITEMS: Final[Mapping[str, str]] = {
    "services": "service",
    "attributes": "attribute",
    "values": "value",
    "service_requests": "request",
    "service_request_updates": "request_update",
    "endpoints": "endpoint",
    "formats": "format",
    "errors": "error",
    "notes": "note",
    "photos": "photo",
}
"""What one item of a list is called in XML. In JSON the items have no name (Spark convention,
GeoReport v2 "JSON Support")."""

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Everything outside the production Char of XML 1.0 (section 2.2)."""
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a cell for a formula."""


def json_bytes(value: Value) -> bytes:
    """UTF-8 JSON. Lone surrogates are replaced: they are not text."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return msgspec.json.encode(_as_text(value))


def _as_text(value: Value) -> Value:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {name: _as_text(each) for name, each in value.items()}
    if isinstance(value, Sequence):
        return [_as_text(each) for each in value]
    return value


def xml_text(text: str) -> str:
    """Character data: markup escaped, characters that XML 1.0 forbids dropped, and a carriage
    return written as a reference so that a parser keeps it."""
    if not text.isascii() or not text.isprintable():
        text = _ILLEGAL.sub("", text)
    if "&" in text:
        text = text.replace("&", "&amp;")
    return text.replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")


def decimal(number: float) -> str:
    """A number without an exponent, to 1e-10 (a hundredth of a millimetre, for degrees)."""
    text = f"{number:.10f}".rstrip("0")
    return f"{text}0" if text.endswith(".") else text


def xml_bytes(root: str, value: Value) -> bytes:
    """An XML document with its declaration. Names of elements are ours, never a stranger's."""
    parts = ['<?xml version="1.0" encoding="utf-8"?>\n']
    _write(parts, root, value)
    return "".join(parts).encode()


def _write(parts: list[str], name: str, value: Value) -> None:
    if value is None or value == "" or value == () or value == []:
        parts.append(f"<{name}/>")
        return
    parts.append(f"<{name}>")
    if isinstance(value, str):
        parts.append(xml_text(value))
    elif isinstance(value, bool):
        parts.append("true" if value else "false")
    elif isinstance(value, int):
        parts.append(str(value))
    elif isinstance(value, float):
        parts.append(decimal(value))
    elif isinstance(value, Mapping):
        for child, each in value.items():
            _write(parts, child, each)
    else:
        item = ITEMS[name]
        for each in value:
            _write(parts, item, each)
    parts.append(f"</{name}>")


def encode(form: Format, root: str, value: Value) -> bytes:
    """The answer in the format asked for; `root` names the XML element."""
    return json_bytes(value) if form == "json" else xml_bytes(root, value)


def csv_rows(rows: Sequence[Sequence[str | float | None]]) -> bytes:
    """RFC 4180 lines. Text that a spreadsheet would run as a formula gets a leading apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    for row in rows:
        writer.writerow([_cell(value) for value in row])
    return out.getvalue().encode("utf-8", "replace")


def _cell(value: str | float | None) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value.replace("\x00", "")
    return decimal(value)


def moment(at: Instant | None) -> str | None:
    """An instant as GeoReport writes it: W3C date and time, in UTC, whole seconds."""
    if at is None:
        return None
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
