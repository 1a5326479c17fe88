"""The three doors of a database: the owner's, the node's, and that of what is read for a person.

The owner migrates, backs up and restores. The node's own loops and writes go through a role that
owns nothing and cannot change what is only added to. What is read for a person goes through a role
that reads only, and only what its onlooker may see. The embedded database knows each as a login of
its own; elsewhere the node's login becomes one or the other as it connects.
"""

from __future__ import annotations

from typing import Final, Literal
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from tocsin.stores.postgres.connections import Dsn, address

NODE: Final = "tocsin_node"
READER: Final = "tocsin_reader"

State = Literal["unknown", "logins", "roles", "open"]
"""logins: each role is a login · roles: the login becomes each role · open: there are no roles, and
everything is read and written as the owner."""


class Doors:
    """Where each kind of connection goes. `owner` owns the tables; `login` is who the node signs in
    as, where that is somebody else. `state` is found by `walls.raise_walls`."""

    def __init__(self, owner: Dsn, login: Dsn | None = None) -> None:
        self.owner = owner
        self.login: Dsn = owner if login is None else login
        self.state: State = "unknown"

    @property
    def is_walled(self) -> bool:
        """Whether the second wall stands."""
        return self.state in ("logins", "roles")

    def node(self) -> str:
        """For the node's own work."""
        return self._through(NODE)

    def reader(self) -> str:
        """For what is read for a person."""
        return self._through(READER)

    def _through(self, role: str) -> str:
        match self.state:
            case "logins":
                return signed_in_as(address(self.owner), role)
            case "roles":
                return becoming(address(self.login), role)
            case _:
                return address(self.login)


def signed_in_as(dsn: str, role: str) -> str:
    """The same address with another login, and no password."""
    parts = urlsplit(dsn)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(role)}@{host}"))


def becoming(dsn: str, role: str) -> str:
    """The same login, which takes on the role as it connects."""
    parts = urlsplit(dsn)
    query = [(key, value) for key, value in parse_qsl(parts.query) if key != "role"]
    return urlunsplit(parts._replace(query=urlencode([*query, ("role", role)])))


__all__ = ["NODE", "READER", "Doors", "State", "becoming", "signed_in_as"]
