"""Which headers every answer carries: one table, for pages, files, the API and what fails.

What is no page may load nothing, run nothing and stand in no frame. A page says which of our own
files it needs, and no page takes a script or a style that stands in its markup, except the two of
one-time links, by their hashes. Trusted Types (W3C) are asked for everywhere: no text becomes
markup or a script's address except by a policy named here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

POLICY: Final = "content-security-policy"
_CLOSED: Final = {
    "default-src": "'none'",
    "form-action": "'none'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
}
_PAGE: Final = _CLOSED | {
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
}
_MAP: Final = {
    "worker-src": "'self'",
    "font-src": "'self'",
    "img-src": "'self' data: blob:",  # the signs of the map are drawn in the page
}
SOURCES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "data": _CLOSED,
        "console": _PAGE
        | _MAP
        | {"manifest-src": "'self'", "trusted-types": "default svelte-trusted-html"},
        "crew": _PAGE
        | {"worker-src": "'self'", "manifest-src": "'self'", "trusted-types": "default"},
        "public": _PAGE | {"trusted-types": "inert"},
        "public-map": _PAGE | _MAP | {"trusted-types": "default inert"},
        "link": _PAGE | {"img-src": "'none'"},
    }
)
"""What each kind of answer may use. `default` refuses all but our own workers and plain words
(`console/src/trusted.ts`); `inert` reads our own answer into a document that runs nothing;
`svelte-trusted-html` is the library's own, for markup that was compiled in."""

_DEVICES: Final = (
    "accelerometer autoplay bluetooth camera display-capture encrypted-media fullscreen "
    "geolocation gyroscope hid idle-detection local-fonts magnetometer microphone midi payment "
    "publickey-credentials-create publickey-credentials-get screen-wake-lock serial usb "
    "xr-spatial-tracking"
).split()
USED: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "console": frozenset(
            ("camera", "fullscreen", "geolocation", "publickey-credentials-create",
             "publickey-credentials-get")
        ),
        "crew": frozenset(("publickey-credentials-get",)),
        "link": frozenset(("publickey-credentials-create",)),
    }
)  # fmt: skip
"""Which powers of a browser each kind of page may ask for; every other is refused to all. The
crew's page asks for no place: positions come from the unit's own device, under the unit's key."""
HSTS: Final = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")
"""Two years, once a browser has met this node over TLS."""


def policy_of(kind: str, more: Mapping[str, str] | None = None) -> str:
    """The content-security-policy of a kind of answer; `more` overrides single directives (hashes
    of what stands in one page). Raises KeyError for an unknown kind."""
    return "; ".join(f"{name} {value}" for name, value in {**SOURCES[kind], **(more or {})}.items())


def permissions_of(kind: str) -> str:
    """Which powers a page of this kind has, by name; what is not named by us is refused too."""
    used = USED.get(kind, frozenset())
    return ", ".join(f"{each}=({'self' if each in used else ''})" for each in _DEVICES)


def page_headers(kind: str, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a page or file of this kind says of itself; the shell adds the rest of the table."""
    return {POLICY: policy_of(kind, more), "permissions-policy": permissions_of(kind)}


BASE: Final[tuple[tuple[bytes, bytes], ...]] = (
    (POLICY.encode(), policy_of("data").encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", permissions_of("data").encode()),
)
"""On every answer that does not say otherwise."""
NO_STORE: Final = (b"cache-control", b"no-store")
RAW: Final = b"".join(name + b": " + value + b"\r\n" for name, value in (*BASE, NO_STORE))
"""The same for answers that are written before there is an application."""
_ALLOWED: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        POLICY: frozenset(policy_of(kind) for kind in SOURCES if kind != "link"),
        "x-content-type-options": frozenset(("nosniff",)),
        # With no-referrer a browser calls the origin of a form "null", and our own are refused.
        "referrer-policy": frozenset(("no-referrer", "same-origin")),
        # Published photos may be shown on other towns' pages: Open311 clients do.
        "cross-origin-resource-policy": frozenset(("same-origin", "cross-origin")),
        "cross-origin-opener-policy": frozenset(("same-origin",)),
        "permissions-policy": frozenset(permissions_of(kind) for kind in SOURCES),
    }
)


def faults(
    headers: Iterable[tuple[str, str]], *, over_tls: bool = False, policies: Iterable[str] = ()
) -> list[str]:
    """What an answer's headers lack or say otherwise than the table; for tests and the self-check.
    `policies`: those with hashes, which no table knows."""
    found: list[str] = []
    held: dict[str, list[str]] = {}
    for name, value in headers:
        held.setdefault(name.lower(), []).append(value)
    table = {**_ALLOWED, POLICY: _ALLOWED[POLICY] | set(policies)}
    for name, allowed in table.items():
        said = held.get(name, [])
        if len(said) != 1 or said[0] not in allowed:
            found.append(f"{name}: {said or 'missing'}")
    if "cache-control" not in held:
        found.append("cache-control: missing")
    if over_tls and held.get(HSTS[0].decode()) != [HSTS[1].decode()]:
        found.append("strict-transport-security: missing over TLS")
    return found
