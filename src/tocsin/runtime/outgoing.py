"""Calls of the node to the outside: what may be called, and the port of who calls.

A program inside a town's network that fetches what an address says can be talked into fetching
what only it can reach. So nobody here opens a connection by himself: there is one caller
(`app/outgoing.py`), and these are its rules. They are about the address that is really connected
to, whatever name or spelling led to it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final, Protocol
from urllib.parse import urlsplit

Network = IPv4Network | IPv6Network
Networks = Sequence[Network]

NEVER_PUBLIC: Final[tuple[Network, ...]] = tuple(
    ip_network(each)
    for each in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "168.63.129.16/32",
        "::/96", "::1/128", "64:ff9b:1::/48", "100::/64", "2001:db8::/32", "3fff::/20",
        "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
    )
)  # fmt: skip
"""Addresses for special use (IANA's registries of RFC 6890): this machine, private and shared
networks, link-local with the metadata of clouds in it, examples, multicast, what is reserved; and
the one public address behind which a cloud keeps its own services."""
_NAT64: Final = ip_network("64:ff9b::/96")
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\.?", re.IGNORECASE)
_NUMBERS: Final = re.compile(r"[0-9a-f:.]+", re.IGNORECASE)
_TARGET: Final = re.compile(r"[!-~]*")
_HEADER: Final = re.compile(r"[\t -~]*")
URL_MAX: Final = 2_000
"""Characters of an address; what is longer is no address of a feed."""


class CallRefused(OSError):
    """A call that is not made or whose answer is not taken. `reason` is one of REASONS; nothing of
    the address or the answer is repeated."""

    REASONS: Final = (
        "address", "elsewhere", "private", "unknown_host", "too_large", "compressed", "garbage",
        "headers",
    )  # fmt: skip

    def __init__(self, reason: str) -> None:
        assert reason in self.REASONS, reason
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Target:
    """An address taken apart. `host` is in small letters, without brackets or a last dot; `path`
    has the query with it; `shown` is what the Host header says."""

    is_secure: bool
    host: str
    port: int
    path: str
    shown: str


@dataclass(frozen=True, slots=True)
class CallAnswer:
    """What came back: header names in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator allows the whole node: `hosts` are the only ones where there are any;
    `networks` may be reached although they are not public."""

    hosts: frozenset[str] = frozenset()
    networks: Networks = ()


class Outgoing(Protocol):
    """The one way out."""

    async def ask(
        self,
        method: str,
        url: str,
        *,
        hosts: Collection[str] = (),
        networks: Networks | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        limit: int,
        timeout_s: float,
    ) -> CallAnswer:
        """One question, one answer, whatever its status: no redirect is followed, no compressed
        answer is taken, at most `limit` bytes of it, all within `timeout_s`.

        `hosts`: the only ones that this caller's own settings name, where it has any. `networks`:
        the only ones to connect to, private or not; None: what is public, and what `Rules` add.
        Raises CallRefused, OSError, TimeoutError."""
        ...


def target_of(url: str) -> Target:
    """An http or https address without a user and without tricks of spelling. Raises CallRefused
    (`address`)."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise CallRefused("address") from None
    is_secure = parts.scheme == "https"
    shape = _NUMBERS if ":" in host else _NAME
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if (
        parts.scheme not in ("http", "https")
        or len(url) > URL_MAX
        or "@" in parts.netloc
        or shape.fullmatch(host) is None
        or _TARGET.fullmatch(path) is None
        or "\\" in url
        or port == 0
    ):
        raise CallRefused("address")
    shown = parts.netloc.lower()
    return Target(is_secure, host.lower().rstrip("."), port or (443 if is_secure else 80), path,
                  shown)  # fmt: skip


def check_header(name: str, value: str) -> None:
    """Raises CallRefused where a header would be more than one."""
    if _NAME.fullmatch(name) is None or _HEADER.fullmatch(value) is None:
        raise CallRefused("headers")


def meant(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The address that is really reached: an IPv4 one that hides in an IPv6 one is taken out
    (mapped, 6to4, Teredo, NAT64)."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is one of the open internet."""
    return not any(_lies_in(each, NEVER_PUBLIC) for each in (address, meant(address)))


def is_allowed(text: str, networks: Networks | None, rules: Rules) -> bool:
    """Whether the address in `text`, as a resolver gives it, may be connected to."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    real = meant(address)
    if networks is not None:
        return _lies_in(real, networks)
    return is_public(address) or _lies_in(real, rules.networks)


def may_name(host: str, hosts: Collection[str], rules: Rules) -> bool:
    """Whether a host may be called at all."""
    known = {each.lower().rstrip(".") for each in hosts}
    return (not known or host in known) and (not rules.hosts or host in rules.hosts)


def _lies_in(address: IPv4Address | IPv6Address, networks: Networks) -> bool:
    return any(address.version == each.version and address in each for each in networks)
