"""What the parts of `Accounts` share: the store, the clock, and how rights are put in words."""

from __future__ import annotations

from collections.abc import Sequence

from tocsin.runtime.account_ports import AccountStore
from tocsin.runtime.accounts import ApiKey, Grant
from tocsin.runtime.ports import Clock, Ids
from tocsin.web.options import AccountOptions, WebOptions
from tocsin.web.passwords import Passwords
from tocsin.web.slowing import Slowing


class Part:
    """One part of `Accounts`; all parts are one object."""

    def __init__(
        self,
        store: AccountStore,
        clock: Clock,
        ids: Ids,
        options: AccountOptions | None = None,
        web: WebOptions | None = None,
    ) -> None:
        self.store = store
        self.options = options or AccountOptions()
        self.web_options = web or WebOptions()
        self._clock = clock
        self._ids = ids
        self._passwords = Passwords(self.options)
        self.slowing = Slowing(self.web_options)
        self._known: dict[bytes, tuple[float, ApiKey | None]] = {}

    def close(self) -> None:
        """Stop the password threads."""
        self._passwords.close()


def in_words(grants: Sequence[Grant]) -> str:
    """Grants for the record of changes: roles and places, no names of people."""
    return ", ".join(
        f"{grant.role}@{grant.area}" + (f" of {grant.agency}" if grant.agency else "")
        for grant in grants
    )
