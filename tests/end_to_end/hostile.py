"""Requests that nobody means well with. Every one of them must be refused, or answered with
nothing done; each set is a list of (what it is, request)."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import quote

MARK = "Hostile-mark-7261"
"""In what is sent, so that an answer that repeats it is seen."""
BILLION_LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    b'<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;">]><r>&d;</r>'
)
OUTSIDE_FILE = (
    b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    b"<request><service_code>&x;</service_code></request>"
)
BODIES: tuple[tuple[str, bytes], ...] = (
    ("nothing", b""),
    ("half", b"{"),
    ("not UTF-8", b'{"text": "\xff\xfe\x80"}'),
    ("not UTF-8 at all", b"\xff\xfe\x00{"),
    ("NUL", b'{"text": "a\x00b"}'),
    ("escaped NUL", b'{"zzz": "a\\u0000b", "text": "\\u0000"}'),
    ("lone surrogate", b'{"zzz": "\\ud800", "text": "\\udfff\\ud800"}'),
    ("depth", b'{"zzz": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    ("depth of objects", b'{"a":' * 50_000 + b"1" + b"}" * 50_000),
    ("NaN", b'{"zzz": NaN, "percent": NaN, "place": {"lon": NaN, "lat": Infinity}}'),
    ("large exponent", b'{"zzz": 1, "place": {"lon": 1e999, "lat": -1e999}, "level": 1e308}'),
    ("digits", b'{"zzz": ' + b"9" * 5_000 + b"}"),
    ("null", b"null"),
    ("list", b"[]"),
    ("text", b'"text"'),
    ("number", b"12"),
    ("same member twice", b'{"zzz": 1, "zzz": 2}'),
    ("many members", json.dumps({f"m{number}": number for number in range(20_000)}).encode()),
    ("unknown member", json.dumps({"zzz": MARK}).encode()),
    ("constructor", b'{"__class__": "x", "__proto__": {"a": 1}, "zzz": 1}'),
)
TYPES = (
    "application/json",
    "application/json; charset=utf-16",
    "text/plain",
    "application/xml",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "a/b; " + "x" * 500,
    "\xff\xfe",
)
WRONG: tuple[Any, ...] = (
    None, True, -1, 10**30, 1.5, 1e308, "", "\0", "\ud800", "x" * 20_000, [], [[]], {}, {"a": 1},
    ["x"] * 1_000, "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "'; DROP TABLE cases;",
    "../../etc/passwd", "${jndi:ldap://x}", "{{7*7}}", "=1+1",
)  # fmt: skip
"""For any member of any body. `zzz` beside them makes sure that none is carried out."""
QUERY_VALUES = (
    "", "%00", "%FF%FE", "%ED%A0%80", "-1", "0", "99999999999999999999", "nan", "inf", "1e400",
    "x" * 5_000, "'%3B--", "0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00",
    "2026-02-30T00:00:00Z", "0000-00-00T00:00:00Z", "[]", "%7B%7D", "%E2%80%AE",
    "%0d%0aset-cookie:x=1",
)  # fmt: skip
IDS = (
    "%00", "%FF", "%ED%A0%80", "..", "%2e%2e", "..%2f..%2fetc%2fpasswd", "'%20OR%201=1--",
    "x" * 3_000, "%E2%80%AE", "0", "-", "%0d%0ax:y", "%25%32%65", "01m814mrtfjth5fgtv74grz8md",
)  # fmt: skip
RAW: tuple[tuple[str, bytes], ...] = (
    ("nothing of HTTP", b"\x00\x01\x02\x03\r\n\r\n"),
    ("a TLS greeting", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200)),
    ("HTTP/0.9", b"GET /\r\n\r\n"),
    ("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ("star", b"OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n"),
    ("odd method", b"BREW /api/cases HTTP/1.1\r\nhost: x\r\n\r\n"),
    ("CONNECT", b"CONNECT example.org:443 HTTP/1.1\r\nhost: x\r\n\r\n"),
    ("TRACE", b"TRACE / HTTP/1.1\r\nhost: x\r\ncookie: a=b\r\n\r\n"),
    ("another host in the line", b"GET http://example.org/api/cases HTTP/1.1\r\nhost: x\r\n\r\n"),
    ("up and up", b"GET /../../../../etc/passwd HTTP/1.1\r\nhost: x\r\n\r\n"),
    ("up, encoded", b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nhost: x\r\n\r\n"),
    ("two slashes", b"GET //example.org/api/session HTTP/1.1\r\nhost: x\r\n\r\n"),
    ("bytes in the path", b"GET /api/\xff\xfe\x80 HTTP/1.1\r\nhost: x\r\n\r\n"),
    ("a long path", b"GET /" + b"a" * 60_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n"),
    ("two lengths", b"POST /api/login HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n"
     b"content-length: 6\r\n\r\n{}{}{}"),
    ("length and chunks", b"POST /api/login HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n"
     b"transfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /health/live HTTP/1.1\r\n\r\n"),
    ("negative length", b"POST /api/login HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n"),
    ("length in words", b"POST /api/login HTTP/1.1\r\nhost: x\r\ncontent-length: ten\r\n\r\n"),
    ("length of a galaxy", b"POST /open311/v2/requests.json HTTP/1.1\r\nhost: x\r\n"
     b"content-length: 99999999999999999999999\r\n\r\n"),
    ("a bad chunk", b"POST /open311/v2/requests.json HTTP/1.1\r\nhost: x\r\n"
     b"transfer-encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n"),
    ("a header without a name", b"GET /health/live HTTP/1.1\r\nhost: x\r\n: y\r\n\r\n"),
    ("a NUL in a header", b"GET /health/live HTTP/1.1\r\nhost: x\r\na: b\x00c\r\n\r\n"),
    ("many headers", b"GET /health/ready HTTP/1.1\r\nhost: x\r\n"
     + b"".join(b"h%d: v\r\n" % number for number in range(100_000)) + b"\r\n"),
    ("a long header", b"GET /health/ready HTTP/1.1\r\nhost: x\r\nlong: "
     + b"v" * 1_000_000 + b"\r\n\r\n"),
    ("a bad host", b"GET /open311/discovery.json HTTP/1.1\r\nhost: \xff<script>:99999999\r\n\r\n"),
    ("no host", b"GET /open311/discovery.json HTTP/1.1\r\n\r\n"),
)  # fmt: skip


@dataclass(frozen=True)
class Hostile:
    """One request as a client library would send it."""

    what: str
    method: str
    path: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict[str, str])


def against(document: dict[str, Any], case_id: str) -> Iterator[Hostile]:
    """Every operation of an OpenAPI document, with everything above that fits it."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            name = operation["operationId"]
            if name == "live":
                continue  # it never ends by itself; its filters are those of the lists
            real = path.replace("{case_id}", case_id)
            real = real.replace("{code}", "ZZZZZZZZZZZZ").replace("{", "").replace("}", "")
            yield from _paths(name, method.upper(), path)
            queries = [p["name"] for p in operation.get("parameters", ()) if p["in"] == "query"]
            for query in (*queries, "zzz"):
                for value in QUERY_VALUES:
                    yield Hostile(f"{name} ?{query}", method.upper(), f"{real}?{query}={value}")
            if "requestBody" in operation:
                yield from _bodies(name, method.upper(), real, operation, document)


def _paths(name: str, method: str, path: str) -> Iterator[Hostile]:
    if "{" not in path or method != "GET":
        return
    before, _, rest = path.partition("{")
    after = rest.partition("}")[2]
    for each in IDS:
        yield Hostile(f"{name} id {each[:12]}", method, f"{before}{each}{after}")


def _bodies(
    name: str, method: str, path: str, operation: dict[str, Any], document: dict[str, Any]
) -> Iterator[Hostile]:
    content = operation["requestBody"]["content"]
    kind = next(iter(content))
    for what, body in BODIES:
        yield Hostile(f"{name} {what}", method, path, body, {"content-type": kind})
        key = {"content-type": "application/json", "idempotency-key": "\xff" * 300}
        yield Hostile(f"{name} {what}, odd key", method, path, body, key)
    for each in TYPES:
        headers = {"content-type": each}
        yield Hostile(f"{name} as {each[:20]}", method, path, b'{"zzz": 1}', headers)
    packed = {"content-type": kind, "content-encoding": "gzip"}
    yield Hostile(f"{name} packed", method, path, gzip.compress(b" " * 10**7), packed)
    for what, body in (("bomb", BILLION_LAUGHS), ("outside file", OUTSIDE_FILE)):
        yield Hostile(f"{name} {what}", method, path, body, {"content-type": "application/xml"})
        yield Hostile(f"{name} {what}", method, path, body, {"content-type": kind})
    schema = content[kind]["schema"]
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for member in schema.get("properties", ()):
        for wrong in WRONG:
            body = json.dumps({member: wrong, "zzz": MARK}).encode()
            yield Hostile(f"{name} .{member}", method, path, body, {"content-type": kind})


FORM = {"content-type": "application/x-www-form-urlencoded"}
_PLACE = "lat=60.105&long=24.905"
_REPORT = f"service_code=pothole&description=x&{_PLACE}"


def against_open311(case_id: str) -> Iterator[Hostile]:
    """The same for Open311, in both formats. No form here is one that should be taken."""
    post = "/open311/v2/requests"
    forms: list[tuple[str, bytes]] = [
        ("nothing", b""),
        ("no code", f"description=x&{_PLACE}".encode()),
        ("unknown code", f"service_code={MARK}&description=x&{_PLACE}".encode()),
        ("no place", b"service_code=pothole&description=x"),
        ("half a place", b"service_code=pothole&description=x&lat=60.105"),
        ("not UTF-8", b"service_code=pothole&description=%FF%FE&" + _PLACE.encode()),
        ("raw bytes", b"service_code=pothole&description=\xff\xfe&" + _PLACE.encode()),
        ("NUL", b"service_code=pothole&description=a%00b&" + _PLACE.encode()),
        ("surrogate", b"service_code=pothole&description=%ED%A0%80&" + _PLACE.encode()),
        ("too long", b"service_code=pothole&description=" + b"x" * 20_000 + _PLACE.encode()),
        ("too many fields", b"&".join(b"attribute[a%d]=1" % n for n in range(5_000))),
        ("long contact", f"{_REPORT}&email={'x' * 5_000}".encode()),
        ("wrong key", f"{_REPORT}&api_key={MARK}".encode()),
        ("odd key", f"{_REPORT}&api_key={'%FF' * 3_000}".encode()),
        ("wrong jurisdiction", f"{_REPORT}&jurisdiction_id={MARK}".encode()),
        ("odd datum", f"{_REPORT}&datum=moon".encode()),
    ]
    places = ("nan", "inf", "-inf", "1e400", "NaN", "0x10", "60,1", "91", "1" * 5_000, "--1", "%00")
    for place in places:
        text = f"service_code=pothole&description=x&lat={place}&long=24.905"
        forms.append((f"lat {place[:9]}", text.encode()))
        text = f"service_code=pothole&description=x&lat=60.105&long=1{place}e5"
        forms.append((f"long {place[:9]}", text.encode()))
    for form in ("json", "xml"):
        for what, body in forms:
            yield Hostile(f"open311 {what}", "POST", f"{post}.{form}", body, FORM)
        for what, body in (*BODIES, ("bomb", BILLION_LAUGHS), ("outside file", OUTSIDE_FILE)):
            for kind in (*TYPES, "text/xml", "multipart/form-data; boundary=x"):
                if what == "nothing" or kind != FORM["content-type"]:
                    headers = {"content-type": kind}
                    yield Hostile(f"open311 {what}", "POST", f"{post}.{form}", body, headers)
        packed = {**FORM, "content-encoding": "gzip"}
        yield Hostile(
            "open311 packed", "POST", f"{post}.{form}", gzip.compress(b"a" * 10**7), packed
        )
        for body in _multiparts():
            headers = {"content-type": "multipart/form-data; boundary=x"}
            yield Hostile("open311 multipart", "POST", f"{post}.{form}", body, headers)
        filters = ("service_request_id", "service_code", "start_date", "end_date", "status", "page",
                   "page_size", "lat", "long", "radius", "updated_after", "jurisdiction_id",
                   "extensions", "sort", "zzz")  # fmt: skip
        for name in filters:
            for value in QUERY_VALUES:
                yield Hostile(f"open311 ?{name}", "GET", f"{post}.{form}?{name}={value}")
        for each in IDS:
            yield Hostile("open311 id", "GET", f"{post}/{each}.{form}")
            yield Hostile("open311 token", "GET", f"/open311/v2/tokens/{each}.{form}")
            yield Hostile("open311 service", "GET", f"/open311/v2/services/{each}.{form}")
            yield Hostile("open311 media", "GET", f"/open311/v2/media/{case_id}/{each}")
        update = f"service_request_id={case_id}&description={MARK}&api_key={quote(MARK)}"
        yield Hostile(
            "forged update",
            "POST",
            f"/open311/v2/servicerequestupdates.{form}",
            update.encode(),
            FORM,
        )


def _multiparts() -> Iterator[bytes]:
    part = b'--x\r\ncontent-disposition: form-data; name="media"; filename="a.jpg"\r\n\r\n'
    yield part + b"not a photo\r\n--x--\r\n" + b""
    yield part  # cut off
    yield b"--x\r\n" + b"h: v\r\n" * 2_000 + b"\r\nx\r\n--x--\r\n"
    yield b"--y\r\n\r\n--y--\r\n"
    yield b'--x\r\ncontent-disposition: form-data; name="\xff"\r\n\r\n\xff\r\n--x--\r\n'
    yield b"".join(
        b"--x\r\ncontent-disposition: form-data; name=a\r\n\r\nb\r\n" for _ in range(900)
    )


_numbers = count()


def somebody() -> dict[str, str]:
    """A sender's address nobody has had yet: limits by address are another test's."""
    number = next(_numbers)
    return {"x-forwarded-for": f"10.{number >> 16}.{(number >> 8) & 255}.{number & 255}"}
