"""What the app may set about the web rim; every limit with its reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class WebOptions:
    """Limits and addresses of the web rim; the defaults suit one county on one machine."""

    public_url: str = ""
    """How browsers reach the node; https makes cookies Secure. Empty: taken from the request."""
    passkey_host: str = ""
    """For which host passkeys are made, where it is not the one of `public_url` but above it."""
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    """Only these may say whom they speak for (X-Forwarded-For, X-Forwarded-Proto)."""
    body_limit: int = 1_000_000
    """Bytes of a request body: the longest report without photos is under a tenth of it."""
    upload_limit: int = 32_000_000
    """Bytes of a body with photos: five, re-encoded by nobody yet."""
    anonymous_per_minute: float = 30.0
    """Anonymous writes and receipt look-ups from one address: a family, not a script."""
    anonymous_burst: int = 60
    login_per_minute: float = 6.0
    """Tries for one account from one address, or from one known browser: a person mistypes."""
    login_burst: int = 10
    login_strangers_per_minute: float = 20.0
    """Tries for one account from all unknown browsers outside the town's networks together: ten
    million a year, where a password of twelve characters has more than that by far."""
    login_strangers_burst: int = 40
    sign_in_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """The town's own offices: many people behind one address, so no cap for the address."""
    login_address_per_minute: float = 30.0
    """Tries from one address: a shift of call takers signs in behind one."""
    login_address_burst: int = 60
    documents: bool = True
    """Whether /api/openapi.json is served."""
    languages: tuple[str, ...] = ("en", "zh-CN")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOptions:
    """How accounts are kept safe. Sources: OWASP password storage (argon2id, 19 MiB, t=2, p=1)
    and session management (idle and absolute expiry, 128 bits or more)."""

    argon2_pool: int = 2
    """Passwords checked at once: one a core; each takes `argon2_memory_kib` meanwhile."""
    argon2_known: int = 1
    """Threads kept for known browsers and the town's networks: a flood of strangers' tries fills
    the other ones."""
    argon2_queue: int = 32
    """Checks that may wait: about a second of work; more is answered with 503."""
    argon2_memory_kib: int = 19_456
    argon2_time: int = 2
    password_words: tuple[str, ...] = ("tocsin",)
    """Words that anybody would try at this place: of the town, its agencies, this program."""
    breached_passwords: Path | None = None
    """A file of SHA-1 hashes in order, of passwords that are known from breaches."""
    session_idle: timedelta = field(default=timedelta(hours=8))
    session_absolute: timedelta = field(default=timedelta(hours=24))
    link_lives: timedelta = field(default=timedelta(hours=72))
    """A link given on Friday still works on Monday."""
    fresh_for: timedelta = field(default=timedelta(minutes=10))
    """What changes the ways in needs a sign-in this recent: a screen left open changes none."""
    challenge_lives: timedelta = field(default=timedelta(minutes=5))
    """A person finds the key ring; a stolen challenge is stale."""
    browser_known_for: timedelta = field(default=timedelta(days=180))
    """How long a browser is remembered; half a year spans every absence but a leave."""
    proposal_lives: timedelta = field(default=timedelta(days=7))
    """The second person is there within a week, or the wish is made anew."""
    link_alone_lives: timedelta = field(default=timedelta(minutes=30))
    """A link made on the node's own machine is used at once."""
    keys_known_for_s: float = 5.0
    """How long a node trusts what it knows of a key that another node may have revoked."""
