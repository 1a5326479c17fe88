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

from tocsin.runtime.ports import Unavailable

CONNECT_TIMEOUT_S = 5.0  # a local server answers in milliseconds, a far one in one second
STATEMENT_TIMEOUT_MS = 10_000  # no read of ours is honest work after ten seconds
LOCK_TIMEOUT_MS = 5_000  # only another node holds locks, and for one commit
IDLE_IN_TRANSACTION_MS = 15_000  # a writer that stalls must not hold its locks for ever
COMMAND_TIMEOUT_S = 20.0  # above the server's own limits: only a dead server gets here
READERS_MAX = 6  # lists of a few staff at once; each costs the server a process
ACQUIRE_TIMEOUT_S = 5.0  # who waits longer for a reader is better told to come back
DISK_FULL_RETRY_S = 10  # room is made by people, not in a moment

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
        _address(dsn),
        timeout=CONNECT_TIMEOUT_S,
        command_timeout=COMMAND_TIMEOUT_S,
        server_settings={
            "application_name": "tocsin",
            "statement_timeout": str(STATEMENT_TIMEOUT_MS),
            "lock_timeout": str(LOCK_TIMEOUT_MS),
            "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_MS),
            "timezone": "UTC",
            "jit": "off",
            **settings,
        },
    )


def _address(dsn: Dsn) -> str:
    if isinstance(dsn, str):
        return dsn
    try:
        return dsn()
    except Exception as error:
        raise ConnectionError("the database server is not running") from error


class Readers:
    """A small pool for reads, apart from the writer: a slow list never delays a commit."""

    def __init__(self, dsn: Dsn, size: int = READERS_MAX) -> None:
        self._dsn = dsn
        self._size = size
        self._pool: Any = None

    async def open(self) -> None:
        """Raises Unavailable where there is no database."""

        async def connect_reader(*_: Any, **__: Any) -> Connection:
            # A plan that fits every agency fits none: with a million open cases the general one
            # took more than ten seconds for an agency that has none, its own takes 1 ms.
            return await connect(self._dsn, plan_cache_mode="force_custom_plan")

        async def keep(_: Any) -> None:
            """Nothing of a read stays behind; resetting would be one more round trip."""

        driver: Any = asyncpg
        self._pool = await translated(
            driver.create_pool(min_size=1, max_size=self._size, connect=connect_reader, reset=keep)
        )

    async def close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            try:
                await asyncio.wait_for(pool.close(), ACQUIRE_TIMEOUT_S)
            except (asyncpg.PostgresError, *BROKEN):
                pool.terminate()

    @asynccontextmanager
    async def acquire(self) -> AsyncGenerator[Connection]:
        """A connection to read with. Trouble of the database comes out as Unavailable."""
        if self._pool is None:
            raise Unavailable("the store is closed")
        try:
            connection = await self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S)
            try:
                yield cast(Connection, connection)
            except Exception as error:
                if not is_usable_after(error):
                    connection.terminate()
                raise
            finally:
                await self._pool.release(connection)
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


async def translated(awaitable: Awaitable[Result]) -> Result:
    """The result of an awaitable, with the database's trouble as Unavailable."""
    try:
        return await awaitable
    except Exception as error:
        trouble = trouble_of(error)
        if trouble is None:
            raise
        raise trouble from error
