"""A process that rotates the master key and ends itself with SIGKILL at the n-th time of a step."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.contracts.self_killing import killed_at
from tocsin.stores.postgres import rotation
from tocsin.stores.postgres.connections import connect
from tocsin.stores.vault import master

STEPS = ("written", "known", "waited", "page", "wrapped", "retired", "none")
"""A file was written (the new key; the retired ones; the file without them) · numbers are known ·
no writer is left under the old key · a page was wrapped · all were · the old key is out."""


async def main(dsn: str, path: Path, step: str, times: int) -> None:
    reached = killed_at(step, times)

    def after(where: Any, name: str, point: str, *, is_async: bool) -> None:
        inner: Callable[..., Any] = getattr(where, name)

        async def later(*given: Any) -> Any:
            answer = await inner(*given)
            reached(point)
            return answer

        def now(*given: Any, **named: Any) -> Any:
            answer = inner(*given, **named)
            reached(point)
            return answer

        setattr(where, name, later if is_async else now)

    rotation.PAGE = 10  # many pages of few keys
    after(master, "write_private", "written", is_async=False)
    after(rotation, "register_keys", "known", is_async=True)
    after(rotation, "_wait_for_writers", "waited", is_async=True)
    after(rotation, "_wrap_all", "wrapped", is_async=True)
    after(rotation, "retire_master_keys", "retired", is_async=False)
    connection = await connect(dsn, statement_timeout="0")
    await rotation.rotate(connection, path, tell=lambda _: reached("page"))
    await connection.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
