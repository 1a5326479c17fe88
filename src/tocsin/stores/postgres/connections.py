"""Connections, and which trouble is the database's: those become `Unavailable`, never a 500."""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Sequence,
)
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol, TypeVar, cast

import asyncpg

from tocsin.runtime.onlooking import Onlooker, onlooker
from tocsin.runtime.ports import Unavailable

CONNECT_TIMEOUT_S = 5.0  # a local server answers in milliseconds, a far one in one second
STATEMENT_TIMEOUT_MS = 10_000  # no read of ours is honest work after ten seconds
LOCK_TIMEOUT_MS = 5_000  # only another node holds locks, and for one commit
IDLE_IN_TRANSACTION_MS = 15_000  # a writer that stalls must not hold its locks for ever
COMMAND_TIMEOUT_S = 20.0  # above the server's own limits: only a dead server gets here
READERS_MAX = 6  # lists of a few staff at once; each costs the server a process
OWN_MAX = 4  # the node's own reads and small writes, beside them
ACQUIRE_TIMEOUT_S = 5.0  # who waits longer for a reader is better told to come back
DISK_FULL_RETRY_S = 10  # room is made by people, not in a moment
KEEPING = "tocsin.keeping"
"""With it the owner of the tables sees and writes rows; a session that lacks it does neither."""

Dsn = str | Callable[[], str]
"""A connection string, or where to ask for it each time (the embedded server's socket moves when
it is started again). Whatever the latter raises means that no server runs now."""

Result = TypeVar("Result")

LOST = frozenset({"57P01", "57P02", "57P03", "57P05", "25P03", "25006", "53300"})
"""SQLSTATEs that end a connection or a server's readiness (also 08xxx); a standby is read-only."""
NOT_YET = "57P03"
"""The SQLSTATE of a server that starts, stops or recovers from a crash."""
BUSY = frozenset({"40001", "40P01", "55P03", "57014"})
"""SQLSTATEs of waits that were cut short: the same order may do better in a moment."""

BROKEN = (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
"""What the driver raises about a connection. The second when it is used while its server dies."""


class Row(Protocol):
    """One row of an answer, by position or by name. The driver has no types of its own."""

    def __getitem__(self, key: int | str, /) -> Any: ...
    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """What we use of asyncpg's connection."""

    async def execute(self, query: str, *values: Any, timeout: float | None = None) -> str: ...
    async def executemany(self, command: str, args: Iterable[Sequence[Any]]) -> None: ...
    async def fetch(self, query: str, *values: Any) -> list[Row]: ...
    async def fetchrow(self, query: str, *values: Any) -> Row | None: ...
    async def fetchval(self, query: str, *values: Any) -> Any: ...
    def cursor(self, query: str, *values: Any, prefetch: int) -> AsyncIterable[Row]: ...
    def transaction(
        self, *, isolation: str | None = None, readonly: bool = False
    ) -> AbstractAsyncContextManager[Any]: ...
    async def copy_from_table(
        self, table_name: str, *, columns: Sequence[str], schema_name: str, output: Any
    ) -> str: ...
    async def copy_to_table(
        self, table_name: str, *, columns: Sequence[str], schema_name: str, source: Any
    ) -> str: ...
    async def close(self, *, timeout: float | None = None) -> None: ...
    def terminate(self) -> None: ...
    def is_closed(self) -> bool: ...
    def add_termination_listener(self, callback: Callable[[Any], None]) -> None: ...
    def get_server_version(self) -> tuple[int, ...]: ...
    def get_server_pid(self) -> int: ...


def trouble_of(error: BaseException) -> Unavailable | None:
    """The `Unavailable` an error stands for; None where the error is about the data or our bug."""
    if isinstance(error, Unavailable):
        return error
    if isinstance(error, asyncpg.PostgresError):
        state = str(getattr(error, "sqlstate", "") or "")
        if state == NOT_YET:
            return Unavailable("the database is starting or recovering", state="store_recovering")
        if state.startswith("08") or state in LOST:
            return Unavailable("the database connection was lost")
        if state.startswith(("53", "58")):
            return Unavailable("the database is out of room", DISK_FULL_RETRY_S, "disk_full")
        if state in BUSY:
            return Unavailable("the database is busy", 1)
        return None
    if isinstance(error, asyncpg.DataError):  # a value that the driver could not encode
        return None
    if isinstance(error, BROKEN):
        return Unavailable("the database connection was lost")
    return None


def is_usable_after(error: BaseException) -> bool:
    """Whether a connection can be used again after this error. After the last word of a server
    that ends, the driver takes the connection for alive until the socket is seen to close, and
    whatever is asked in between breaks it."""
    if isinstance(error, asyncpg.PostgresError):
        state = str(getattr(error, "sqlstate", "") or "")
        return not (state.startswith("08") or state in LOST)
    return isinstance(error, asyncpg.DataError) or not isinstance(error, BROKEN)


async def connect(dsn: Dsn, **settings: str) -> Connection:
    """One connection with our limits. Raises what asyncpg raises."""
    driver: Any = asyncpg
    return await driver.connect(
        address(dsn),
        timeout=CONNECT_TIMEOUT_S,
        command_timeout=COMMAND_TIMEOUT_S,
        server_settings={
            "application_name": "tocsin",
            "statement_timeout": str(STATEMENT_TIMEOUT_MS),
            "lock_timeout": str(LOCK_TIMEOUT_MS),
            "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_MS),
            "timezone": "UTC",
            "jit": "off",
            KEEPING: "on",
            **settings,
        },
    )


def address(dsn: Dsn) -> str:
    """The connection string. Raises ConnectionError where no server runs."""
    if isinstance(dsn, str):
        return dsn
    try:
        return dsn()
    except Exception as error:
        raise ConnectionError("the database server is not running") from error


class Readers:
    """Two small pools for reads, apart from the writer: a slow list never delays a commit.

    What is read while somebody looks goes through the door of persons and is held to their
    onlooker by the database; everything else goes through the node's. `own` is always the node's:
    for what no person is shown as it is (accounts, keys, small writes).
    """

    def __init__(self, dsn: Dsn, size: int = READERS_MAX, persons: Dsn | None = None) -> None:
        self._dsn = dsn
        self._size = size
        self._door = persons
        self._pool: Any = None
        self._persons: Any = None
        self._stands: dict[int, Onlooker] = {}
        self.own: Readers = _Own(self)

    async def open(self, *, is_walled: bool = False) -> None:
        """Raises Unavailable where there is no database. Without walls one pool does it all."""
        size = self._size
        if is_walled and self._door is not None:
            self._persons = await self._made(self._door, size)
            size = min(size, OWN_MAX)
        self._pool = await self._made(self._dsn, size)

    async def _made(self, dsn: Dsn, size: int) -> Any:
        async def connect_reader(*_: Any, **__: Any) -> Connection:
            # A plan that fits every agency fits none: with a million open cases the general one
            # took more than ten seconds for an agency that has none, its own takes 1 ms.
            connection = await connect(dsn, plan_cache_mode="force_custom_plan")
            # The number of a server process that is gone may come again.
            self._stands.pop(connection.get_server_pid(), None)
            return connection

        async def keep(_: Any) -> None:
            """Nothing of a read stays behind; resetting would be one more round trip."""

        driver: Any = asyncpg
        return await translated(
            driver.create_pool(min_size=1, max_size=size, connect=connect_reader, reset=keep)
        )

    async def close(self) -> None:
        pools = (self._pool, self._persons)
        self._pool = self._persons = None
        for pool in pools:
            if pool is None:
                continue
            try:
                async with asyncio.timeout(ACQUIRE_TIMEOUT_S):
                    await pool.close()
            except (asyncpg.PostgresError, *BROKEN):
                pool.terminate()

    @asynccontextmanager
    async def acquire(self) -> AsyncGenerator[Connection]:
        """A connection to read with. Trouble of the database comes out as Unavailable."""
        who = onlooker()
        pool = self._pool if who is None or self._persons is None else self._persons
        async with self._taken(pool) as connection:
            if pool is self._persons and who is not None:
                await self._stand(connection, who)
            yield connection

    async def _stand(self, connection: Connection, who: Onlooker) -> None:
        """Tells a connection who looks, where it was somebody else before."""
        number = connection.get_server_pid()
        if self._stands.get(number) == who:
            return
        # Cut off half-way, nobody knows what the session believes: then it is told anew.
        self._stands.pop(number, None)
        await connection.fetchval(TELL, *told_of(who))
        self._stands[number] = who

    @asynccontextmanager
    async def _taken(self, pool: Any) -> AsyncGenerator[Connection]:
        if pool is None:
            raise Unavailable("the store is closed")
        try:
            connection = await pool.acquire(timeout=ACQUIRE_TIMEOUT_S)
            try:
                yield cast(Connection, connection)
            except Exception as error:
                if not is_usable_after(error):
                    connection.terminate()
                raise
            finally:
                await pool.release(connection)
        except Exception as error:
            trouble = trouble_of(error)
            if trouble is None:
                raise
            raise trouble from error

    async def fetch(self, sql: str, *values: Any) -> list[Row]:
        async with self.acquire() as connection:
            return await connection.fetch(sql, *values)

    async def fetchrow(self, sql: str, *values: Any) -> Row | None:
        async with self.acquire() as connection:
            return await connection.fetchrow(sql, *values)

    async def fetchval(self, sql: str, *values: Any) -> Any:
        async with self.acquire() as connection:
            return await connection.fetchval(sql, *values)


class _Own(Readers):
    """The node's door of a pair, whoever looks."""

    def __init__(self, of: Readers) -> None:
        self._of = of
        self.own = self

    @asynccontextmanager
    async def acquire(self) -> AsyncGenerator[Connection]:
        of: Any = self._of
        async with of._taken(of._pool) as connection:
            yield connection


TELL = (
    "SELECT set_config('tocsin.areas', $1, false), set_config('tocsin.posts', $2, false), "
    "set_config('tocsin.cases', $3, false), set_config('tocsin.types', $4, false), "
    "set_config('tocsin.desks', $5, false), set_config('tocsin.assets', $6, false), "
    "set_config('tocsin.published', $7, false), set_config('tocsin.account', $8, false)"
)
"""What the policies of the reader look at; see `walls`."""
POST_MARK = "\x1f"
"""Between the area and the agency of a post: in no name of either."""


def told_of(who: Onlooker) -> tuple[str, ...]:
    """The values of TELL."""
    return (
        text_array(sorted(who.areas)),
        text_array(sorted(f"{area}{POST_MARK}{agency}" for area, agency in who.posts)),
        text_array(sorted(who.cases)),
        text_array(sorted(who.types)),
        text_array(sorted(who.desks)),
        text_array(sorted(who.assets)),
        "on" if who.published else "off",
        who.account or "",
    )


def text_array(words: Iterable[str]) -> str:
    """An array of text as PostgreSQL reads it, in the order given; words with a NUL are left out,
    for there is none in its texts."""
    quoted = (
        '"' + each.replace("\\", "\\\\").replace('"', '\\"') + '"'
        for each in words
        if "\0" not in each
    )
    return "{" + ",".join(quoted) + "}"


async def translated(awaitable: Awaitable[Result]) -> Result:
    """The result of an awaitable, with the database's trouble as Unavailable."""
    try:
        return await awaitable
    except Exception as error:
        trouble = trouble_of(error)
        if trouble is None:
            raise
        raise trouble from error
