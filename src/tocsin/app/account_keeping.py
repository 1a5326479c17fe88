"""`tocsin account`: the way in when nobody else can open it, from the node's own machine.

Whoever may start programs there could read the database anyway; so this adds no power, only a
record of its use. It works beside a running node.
"""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable

import uvloop

from tocsin.app.asking import settings_of
from tocsin.app.clock import SteadyClock, TimeIds
from tocsin.app.keeping import with_database
from tocsin.app.node import Dsn
from tocsin.app.settings import Settings
from tocsin.kernel.shared import Refused
from tocsin.runtime.ports import Unavailable
from tocsin.runtime.rights import OPERATOR
from tocsin.stores.postgres.accounts import PostgresAccounts
from tocsin.stores.postgres.connections import Readers
from tocsin.stores.postgres.embedded import running_dsn
from tocsin.web.account_parts import in_words
from tocsin.web.accounts import Accounts
from tocsin.web.texts import text_of

Work = Callable[[Accounts], Awaitable[int]]


def unlock(asked: argparse.Namespace) -> int:
    """Exit 0 with the link's path, 1 when there is no such active account."""
    settings = settings_of(asked)

    async def work(accounts: Accounts) -> int:
        made = await accounts.unlock(asked.login)
        if isinstance(made, Refused):
            return _refused(made)
        minutes = int(accounts.options.link_alone_lives.total_seconds() // 60)
        print(f"For {minutes} minutes and once: {settings.public_url.rstrip('/')}{made}")
        return 0

    return _with_accounts(settings, work)


def proposals(asked: argparse.Namespace) -> int:
    """What waits, one a line."""

    async def work(accounts: Accounts) -> int:
        for each in await accounts.store.proposals(SteadyClock().now()):
            account = await accounts.store.account(each.account)
            login = account.login if account is not None else each.account
            wish = "a link" if each.kind == "link" else in_words(each.grants) or "no role"
            on = "" if each.is_active else ", switched off"
            print(f"{each.id}  {login}: {wish}{on}; wished by {each.by} at {each.at:%F %R} UTC")
        return 0

    return _with_accounts(settings_of(asked), work)


def grant(asked: argparse.Namespace) -> int:
    """Exit 0 when it is granted, 1 with the reason why not."""

    async def work(accounts: Accounts) -> int:
        done = await accounts.decide(asked.proposal, OPERATOR, grant=True)
        if isinstance(done, Refused):
            return _refused(done)
        print("Granted." if done.link is None else f"Granted: {done.link}")
        return 0

    return _with_accounts(settings_of(asked), work)


def _refused(refused: Refused) -> int:
    print(text_of(refused.reason, "en"))
    return 1


def _with_accounts(settings: Settings, work: Work) -> int:
    async def run(dsn: Dsn) -> int:
        readers = Readers(dsn, size=1)
        await readers.open()
        accounts = Accounts(PostgresAccounts(readers), SteadyClock(), TimeIds())
        try:
            return await work(accounts)
        finally:
            accounts.close()
            await readers.close()

    beside = None if settings.database_url else running_dsn(settings.data / "postgres")
    if beside is not None:
        try:
            return uvloop.run(run(beside))
        except Unavailable:
            pass  # nobody runs: the folder's link outlived a node that was killed
    return with_database(settings, run)
