"""Argon2id in a bounded pool: a flood of logins can neither fill the memory nor stop the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from tocsin.kernel.shared import Refused
from tocsin.web.options import AccountOptions
from tocsin.web.password_rules import normal, weakness

Result = TypeVar("Result")


class Busy(Exception):
    """All threads work and the queue is full: come back in a second."""


class Passwords:
    """Hashes and checks passwords off the event loop."""

    def __init__(self, options: AccountOptions) -> None:
        self._hasher = PasswordHasher(
            time_cost=options.argon2_time, memory_cost=options.argon2_memory_kib, parallelism=1
        )
        self._strangers = Lane(options.argon2_pool, options.argon2_queue)
        self._known = Lane(options.argon2_known, options.argon2_queue)
        self._nobody: str | None = None
        self._words, self._breached = options.password_words, options.breached_passwords

    async def weakness(self, password: str, login: str, *about: str) -> Refused | None:
        """Why it may not be a password: `password_weak` or `password_breached`. `about` is what
        else is known of its owner. Raises `Busy`, and OSError where the list can not be read."""
        words = (login, *about, *self._words)
        return await self._known.run(lambda: weakness(password, words, self._breached))

    async def hash(self, password: str) -> str:
        """The argon2id hash. Raises `Busy`."""
        text = normal(password)
        return await self._known.run(lambda: self._hasher.hash(text))

    async def check(self, stored: str | None, password: str, *, is_known: bool = False) -> bool:
        """Whether the password is the stored one. Without a stored one the same work is done,
        so that nobody learns from the time which accounts exist. `is_known` takes the lane that
        strangers can not fill. Raises `Busy`."""
        text = normal(password)
        if self._nobody is None:
            self._nobody = await self._known.run(lambda: self._hasher.hash("nobody"))
        against = stored or self._nobody

        def verify() -> bool:
            try:
                return self._hasher.verify(against, text)
            except (VerificationError, InvalidHashError):
                return False

        lane = self._known if is_known else self._strangers
        return await lane.run(verify) and stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Whether the hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    def close(self) -> None:
        self._strangers.close()
        self._known.close()


class Lane:
    """Some threads and a short queue before them."""

    def __init__(self, threads: int, queue: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="argon2")
        self._room = threads + queue

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def run(self, work: Callable[[], Result]) -> Result:
        """Raises `Busy` when the queue is full."""
        if self._room <= 0:
            raise Busy
        self._room -= 1
        future = self._pool.submit(work)
        # Room comes back when the thread is done, not when the caller goes away.
        loop = asyncio.get_running_loop()
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(self._give_back))
        return await asyncio.wrap_future(future)

    def _give_back(self) -> None:
        self._room += 1
