"""A server that ends in order when it is told to, so that everything behind it can, too."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import uvicorn

ENDINGS: Final = (signal.SIGINT, signal.SIGTERM)


class Server(uvicorn.Server):
    """Ends on SIGINT and SIGTERM, then returns. Uvicorn's own raises the signal once more when it
    is done, which ends the process before the store and the database are closed. A second SIGINT
    no longer waits for requests that are being answered."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        loop = asyncio.get_running_loop()
        for each in ENDINGS:
            loop.add_signal_handler(each, self.handle_exit, each, None)
        try:
            yield
        finally:
            for each in ENDINGS:
                loop.remove_signal_handler(each)


__all__ = ["ENDINGS", "Server"]
