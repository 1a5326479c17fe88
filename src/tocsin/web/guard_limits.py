"""The limits of the guard, and what counts as one client."""

import resource
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

# Give uvicorn this backlog: a loop accepts up to so many before the guard can close one.
ACCEPT_BACKLOG: Final = 128
WANTED_DESCRIPTORS: Final = 65_536
_IPV6_CLIENT_PREFIX: Final = 64  # one subscriber has a whole /64


@dataclass(frozen=True, slots=True)
class GuardLimits:
    """Limits of one listening process; see the settings of the same names."""

    connection_budget: int = 4000
    per_client_connections: int = 64
    header_timeout_s: float = 10.0
    body_timeout_s: float = 20.0
    body_min_rate: int = 1_000  # bytes a second: half of what a phone does on the worst of lines
    keep_alive_s: float = 15.0
    send_timeout_s: float = 30.0
    max_head_bytes: int = 32_768
    trusted_proxies: tuple[str, ...] = ("127.0.0.1/32", "::1/128")


def raise_descriptor_limit(wanted: int = WANTED_DESCRIPTORS) -> int:
    """Raises the soft limit of open files towards the hard one; gives what it is now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        soft = allowed
    return wanted if soft == resource.RLIM_INFINITY else soft


@lru_cache(maxsize=4096)
def client_key(address: str | None) -> str | None:
    """What counts as one client: an IPv4 address, or an IPv6 /64; None for a Unix socket."""
    if address is None:
        return None
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        if not parsed.is_loopback:
            network = ip_network((parsed, _IPV6_CLIENT_PREFIX), strict=False)
            return str(network.network_address)
    return str(parsed)


@lru_cache(maxsize=4096)
def is_trusted(client: str, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    address = ip_address(client)
    return any(address in network for network in networks)
