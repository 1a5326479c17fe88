"""`tocsin serve` as the version before this one, as far as the database can tell: it knows every
migration but the last, and refuses a database that is further."""

from __future__ import annotations

import sys

from tocsin.app.cli import main
from tocsin.stores.postgres import migrate

_every = migrate.migrations


def all_but_the_last() -> tuple[migrate.Migration, ...]:
    return _every()[:-1]


if __name__ == "__main__":
    migrate.migrations = all_but_the_last
    raise SystemExit(main(sys.argv[1:]))
