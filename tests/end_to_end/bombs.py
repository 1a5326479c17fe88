"""Small things that grow when they are opened, and large ones that never end: for every way in."""

from __future__ import annotations

import gzip
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from PIL import Image

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data; boundary=x"
REPORT = {"source": "phone", "case_type": "pothole", "text": "x",
          "place": {"lon": 24.905, "lat": 60.105}, "language": "en"}  # fmt: skip


@dataclass(frozen=True)
class Bomb:
    """One request. `is_refused` is False for what may be taken for what it is: a photo, mostly."""

    what: str
    path: str
    body: bytes
    kind: str
    headers: dict[str, str] = field(default_factory=dict[str, str])
    is_refused: bool = True


@cache
def jsons() -> tuple[tuple[str, bytes], ...]:
    """What a reader of JSON may choke on; each under a megabyte or far over it."""
    return (
        ("depth of lists", b"[" * 400_000 + b"]" * 400_000),
        ("depth of objects", b'{"a":' * 150_000 + b"1" + b"}" * 150_000),
        ("depth without an end", b'{"text":' + b"[" * 900_000),
        ("eighty thousand keys", json.dumps({f"k{n}": n for n in range(60_000)}).encode()),
        ("a million keys", b'{"a":0' + b"".join(b',"k%d":0' % n for n in range(1_000_000)) + b"}"),
        ("a number of 900,000 digits", b'{"text": ' + b"9" * 900_000 + b"}"),
        ("a fraction of 900,000 digits", b'{"text": 0.' + b"9" * 900_000 + b"}"),
        ("an exponent", b'{"text": 1e999999999}'),
        ("the same key 90,000 times", b'{"text": 0' + b',"text": 1' * 90_000 + b"}"),
        ("NaN", b'{"text": NaN, "device": NaN, "id": -Infinity}'),
        ("half a pair", b'{"text": "\\ud800", "device": "\\udc00\\ud800", "zzz": 1}'),
        ("escapes", b'{"text": "' + b"\\u0000" * 150_000 + b'"}'),
        ("a long name", b'{"' + b"a" * 900_000 + b'": 1}'),
    )


@cache
def xmls() -> tuple[tuple[str, bytes], ...]:
    """Entities that multiply, that fetch, and trees that never end."""
    laughs = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY l0 "lol">'
    for number in range(1, 10):
        laughs += f'<!ENTITY l{number} "{f"&l{number - 1};" * 10}">'
    head = b'<?xml version="1.0"?>'
    return (
        ("a billion laughs", f"{laughs}]><alert>&l9;</alert>".encode()),
        ("quadratic", head + b'<!DOCTYPE a [<!ENTITY x "' + b"A" * 50_000 + b'">]><alert>'
         + b"&x;" * 20_000 + b"</alert>"),
        ("outside file",
         head + b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><alert>&x;</alert>'),
        ("outside definitions",
         head + b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd"><alert/>'),
        ("parameter entities",
         head + b'<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x">%x;]><alert/>'),
        ("depth", head + b"<a>" * 250_000),
        ("attributes", head + b"<a " + b"".join(b'b%d="" ' % n for n in range(80_000)) + b"/>"),
        ("namespaces", head + b"".join(b'<a xmlns:n%d="u:%d">' % (n, n) for n in range(30_000))),
        ("another alphabet", '<?xml version="1.0" encoding="UTF-16"?><a/>'.encode("utf-16")),
        ("seven bits", b'<?xml version="1.0" encoding="utf-7"?>+ADw-script+AD4-'),
        ("included", b'<x:include xmlns:x="http://www.w3.org/2001/XInclude" href="/etc/passwd"/>'),
    )  # fmt: skip


def _chunk(kind: bytes, data: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + check


def png(width: int, height: int, *more: bytes, data: bytes = b"") -> bytes:
    """A PNG that says it is this large, whatever is in it."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = _chunk(b"IDAT", data or zlib.compress(b"\0" * 1_000))
    return (
        b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + b"".join(more) + body + _chunk(b"IEND", b"")
    )


def _zeros(megabytes: int) -> bytes:
    pack = zlib.compressobj(9)
    return b"".join(pack.compress(bytes(2**20)) for _ in range(megabytes)) + pack.flush()


def _exif(length: int) -> bytes:
    """A JPEG whose notes point at themselves and past the end."""
    out = io.BytesIO()
    Image.new("RGB", (64, 48), "red").save(out, "JPEG")
    plain = out.getvalue()
    notes = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 200)
    notes += struct.pack("<HHII", 0x8769, 4, 1, 8) * 100
    notes += struct.pack("<HHII", 0x0112, 2, 2**31, 2**32 - 1) * 100
    notes += b"\xff" * length
    return plain[:2] + b"\xff\xe1" + struct.pack(">H", len(notes) + 2) + notes + plain[2:]


def _frames(kind: str, count: int) -> bytes:
    out = io.BytesIO()
    first = Image.new("P" if kind == "GIF" else "RGB", (16, 16))
    rest = [Image.new(first.mode, (16, 16), n % 200) for n in range(count)]
    first.save(out, kind, save_all=True, append_images=rest)
    return out.getvalue()


def _blank(kind: str) -> bytes:
    """As large as a photo may be, and see-through: what its decoder takes is more than it says."""
    out = io.BytesIO()
    Image.new("RGBA", (3_600, 3_600), (1, 2, 3, 4)).save(out, kind)
    return out.getvalue()


@cache
def pictures() -> tuple[tuple[str, bytes, bool], ...]:
    """What says it is a picture, and whether it must be refused."""
    script = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>1</script></svg>'
    return (
        ("a PNG of 100,000 x 100,000", png(100_000, 100_000), True),
        ("a PNG of 2^31 x 2^31", png(2**31 - 1, 2**31 - 1), True),
        ("a PNG of 20,000 x 20,000, packed", png(20_000, 20_000, data=_zeros(64)), True),
        ("a PNG that holds more than it says", png(64, 64, data=_zeros(200)), False),
        ("a PNG with 200 MB of notes",
         png(64, 64, _chunk(b"zTXt", b"a\0\0" + _zeros(200))), True),
        ("a PNG with 200 MB of colours",
         png(64, 64, _chunk(b"iCCP", b"a\0\0" + _zeros(200))), True),
        ("a PNG that needs 50 MB", _blank("PNG"), False),
        ("a WebP that needs 250 MB", _blank("WEBP"), False),
        ("a GIF of 2,000 frames", _frames("GIF", 2_000), True),
        ("notes that point at themselves", _exif(20_000), False),
        ("SVG", script, True),
        ("SVG that laughs", xmls()[0][1], True),
        ("HTML", b"<html><script>alert(1)</script>", True),
        ("a zip", zipped(), True),
        # A form whose photo nobody chose sends an empty file.
        ("nothing", b"", False),
    )  # fmt: skip


@cache
def zipped() -> bytes:
    """A zip of half a megabyte that holds 500 of them."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a", "w") as file:
        for _ in range(500):
            file.write(bytes(1_000_000))
    return out.getvalue()


@cache
def tables() -> tuple[tuple[str, bytes], ...]:
    """CSV that no spreadsheet wrote."""
    head = b"id,name,kind,area,lon,lat\r\n"
    return (
        ("a quote without an end", head + b'"' + b"a" * 900_000),
        ("a line of 300,000 fields", head + b",a" * 300_000 + b"\r\n"),
        ("a heading of 300,000 fields", b",a" * 300_000 + b"\r\n"),
        ("NUL", b"id,name\r\n\0,\0\r\n"),
        ("no text", b"\xff\xfe\xfd" * 1_000),
        ("a zip", zipped()),
    )


def many_parts(name: str = "photos", count: int = 100_000) -> bytes:
    part = b'--x\r\ncontent-disposition: form-data; name="%s"\r\n\r\nb\r\n' % name.encode()
    return part * count + b"--x--\r\n"


def with_photo(name: str, data: bytes, *fields: tuple[str, bytes]) -> bytes:
    """A form with one picture."""
    head = b"--x\r\ncontent-disposition: form-data; name=%s\r\n"
    said = b""
    for key, value in fields:
        kind = b"content-type: application/json\r\n" if key == "report" else b""
        said += head % (b'"%s"' % key.encode()) + kind + b"\r\n" + value + b"\r\n"
    picture = head % (b'"%s"; filename="a.png"' % name.encode())
    return said + picture + b"content-type: image/png\r\n\r\n" + data + b"\r\n--x--\r\n"


OPEN311 = "/open311/v2/requests.json"
FIELDS = (("service_code", b"pothole"), ("description", b"x"), ("lat", b"60.105"),
          ("long", b"24.905"))  # fmt: skip
READERS_OF_JSON = ("/api/reports", "/api/login", "/api/receipts/ZZZZZZZZZZZZ/answer",
                   "/api/explain", "/intakes/cloudevents", "/intakes/alertmanager",
                   "/intakes/signed/school", "/intakes/owntracks")  # fmt: skip


def bombs() -> Iterator[Bomb]:
    """Everything that grows, against every way in that takes bodies."""
    for path in READERS_OF_JSON:
        for what, body in jsons():
            yield Bomb(f"{path}: {what}", path, body, JSON)
        for packing in ("gzip", "br", "deflate", "zstd"):
            body, head = gzip.compress(bytes(10**7)), {"content-encoding": packing}
            yield Bomb(f"{path}: {packing}", path, body, JSON, head)
        yield Bomb(f"{path}: a zip", path, zipped(), "application/zip")
    for what, body in xmls():
        for path in ("/intakes/cap", OPEN311, "/open311/v2/requests.xml", "/api/reports"):
            for kind in ("application/xml", "application/cap+xml"):
                yield Bomb(f"{path}: {what}", path, body, kind)
    report = ("report", json.dumps(REPORT).encode())
    for what, body, is_refused in pictures():
        form = with_photo("photos", body, report)
        yield Bomb(f"upload: {what}", "/api/reports/upload", form, PARTS, {}, is_refused)
        form = with_photo("media", body, *FIELDS)
        yield Bomb(f"open311: {what}", OPEN311, form, PARTS, {}, is_refused)
    for what, body in tables():
        # A line that is wrong is named in the answer, and the others are taken.
        is_refused = what != "a line of 300,000 fields"
        yield Bomb(f"assets: {what}", "/api/assets.csv", body, "text/csv", {}, is_refused)
    for path in ("/api/reports/upload", OPEN311, "/report"):
        yield Bomb(f"{path}: 100,000 parts", path, many_parts(), PARTS)
        yield Bomb(f"{path}: 100,000 files", path, many_parts('m"; filename="a'), PARTS)
        yield Bomb(f"{path}: a part without an end", path, many_parts(count=1)[:-9], PARTS)
        part = b"--x\r\n" + b"h: v\r\n" * 150_000 + b"\r\nx\r\n--x--\r\n"
        yield Bomb(f"{path}: a part of headers", path, part, PARTS)
        yield Bomb(f"{path}: a long name", path, many_parts("a" * 900_000, 1), PARTS)
        fields = b"&".join(b"a%d=1" % n for n in range(100_000))
        yield Bomb(f"{path}: 100,000 fields", path, fields, FORM)
        yield Bomb(f"{path}: a gigabyte in gzip", path, gzip.compress(bytes(10**8)), FORM,
                   {"content-encoding": "gzip"})  # fmt: skip


SMUGGLED = b"GET /api/session HTTP/1.1\r\nhost: smuggled\r\n\r\n"
_POST = b"POST /api/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"


def smugglers() -> Iterator[tuple[str, bytes]]:
    """Requests that two readers would cut in different places. Each must get one answer, of 4xx."""
    both = b"content-length: %d\r\n%s\r\n0\r\n\r\n" + SMUGGLED
    for te in (
        b"transfer-encoding: chunked\r\n",
        b"transfer-encoding: xchunked\r\n",
        b"transfer-encoding : chunked\r\n",
        b"transfer-encoding:\tchunked\r\n",
        b"transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n",
        b"transfer-encoding: identity, chunked\r\n",
        b"x: y\r\n transfer-encoding: chunked\r\n",
        b"transfer-encoding: \x0bchunked\r\n",
        b"transfer-encoding: chunked, chunked\r\n",
    ):
        yield f"both lengths {te!r}", _POST + both % (5, te)  # fmt: skip
    for length in (b"5, 5", b"+5", b"5 5", b"0x5", b"5\r\ncontent-length: 6", b"-0", b"\xb2"):
        yield f"length {length!r}", _POST + b"content-length: " + length + b"\r\n\r\n" + SMUGGLED
    chunked = _POST + b"transfer-encoding: chunked\r\n\r\n"
    for chunk in (
        b"-1\r\n",
        b"0x2\r\n{}\r\n0\r\n\r\n",
        b"2;" + b"a" * 100_000 + b"\r\n{}\r\n",
        b"fffffffffffffffff\r\n",
        b"2\n{}\n0\n\n",
        b"1 \r\n{\r\n",
        b"00000000000000000002\r\n{",
    ):
        yield f"chunk {chunk[:20]!r}", chunked + chunk + SMUGGLED  # fmt: skip
