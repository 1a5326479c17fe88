"""How fast a password may be guessed, without a way to lock somebody out from afar.

A lock after so many tries is a switch that anybody can press who knows a name. So a stranger's
tries never count against whom the town knows: a browser in which the account was signed in before
has an allowance of its own, the town's own networks have one for each account, and passkeys and
one-time links are not guessed at all. Only strangers share one, so that many addresses guess no
faster than some.
"""

from __future__ import annotations

from typing import Final

from tocsin.web.guard_limits import is_trusted
from tocsin.web.limits import Buckets, address_key
from tocsin.web.options import WebOptions

STRANGERS: Final = "strangers"


class Slowing:
    """The allowances of one node. Names that no account has are treated alike."""

    def __init__(self, options: WebOptions) -> None:
        self._own = options.sign_in_networks
        self._by_address = Buckets(options.login_address_per_minute, options.login_address_burst)
        self._by_pair = Buckets(options.login_per_minute, options.login_burst)
        self._by_browser = Buckets(options.login_per_minute, options.login_burst)
        self._strangers = Buckets(options.login_strangers_per_minute, options.login_strangers_burst)

    def is_own(self, address: str) -> bool:
        """Whether the address is of the town's own networks."""
        try:
            return is_trusted(address, self._own)
        except ValueError:
            return False

    def wait_s(self, login: str, address: str, browser: bytes | None) -> int:
        """0 when one more try is fine, else the seconds until the next one is. `browser` is the
        hash of a browser that the account is known in, None for all others."""
        if browser is not None:
            return self._by_browser.take(browser.hex())
        pair = f"{login} {address_key(address)}"
        if self.is_own(address):
            return self._by_pair.take(pair)
        # One after the other: a try that is refused for one reason costs nobody anything else.
        return (
            self._by_address.take(address_key(address))
            or self._by_pair.take(pair)
            or self._strangers.take(login)
        )

    def wait_of_address(self, address: str) -> int:
        """The same for what names no account: a passkey's question, an old password."""
        return 0 if self.is_own(address) else self._by_address.take(address_key(address))

    def was_right(self, login: str, address: str, browser: bytes | None) -> None:
        """The try was a good one: it does not count."""
        if browser is not None:
            self._by_browser.give_back(browser.hex())
            return
        self._by_pair.give_back(f"{login} {address_key(address)}")
        if not self.is_own(address):
            self._by_address.give_back(address_key(address))
            self._strangers.give_back(login)

    def slowed(self) -> list[tuple[str, int]]:
        """The names for which strangers wait now, and how many seconds, in the order of names."""
        return self._strangers.waiting()

    def forget(self, login: str) -> bool:
        """Give strangers their whole allowance for a name again. False when nobody waits for it."""
        return self._strangers.forget(login)
