"""What the shell costs a request: `python -m tests.web.bench_shell`. Measures, asserts nothing."""

from __future__ import annotations

import asyncio
from ipaddress import ip_network
from statistics import median
from time import perf_counter_ns

from starlette.types import Message, Receive, Scope, Send

from tocsin.web.metrics import Metrics
from tocsin.web.options import WebOptions
from tocsin.web.shell import Shell

ROUNDS, REQUESTS = 9, 20_000


async def _app(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 201, "headers": [(b"a", b"b")]})
    await send({"type": "http.response.body", "body": b"{}"})


async def _receive() -> Message:
    return {"type": "http.request", "body": b"x" * 500, "more_body": False}


async def _send(message: Message) -> None: ...


def _scope() -> Scope:
    headers = [(b"host", b"x"), (b"content-type", b"application/json"), (b"content-length", b"500")]
    headers += [(b"x-forwarded-for", b"203.0.113.9"), (b"user-agent", b"bench")]
    return {
        "type": "http",
        "method": "POST",
        "path": "/open311/v2/requests.json",
        "scheme": "http",
        "client": ("127.0.0.1", 5000),
        "headers": headers,
    }


async def measure(proxies: bool) -> float:
    """Microseconds a request spends in the shell: the median of the rounds."""
    networks = ("127.0.0.1/32", "::1/128") if proxies else ()
    options = WebOptions(trusted_proxies=tuple(ip_network(each) for each in networks))
    shell = Shell(_app, options, Metrics(), lambda path: path.startswith("/open311/"))
    found: list[float] = []
    for _ in range(ROUNDS):
        spent = 0
        for app, sign in ((shell, 1), (_app, -1)):
            started = perf_counter_ns()
            for _ in range(REQUESTS):
                await app(_scope(), _receive, _send)
            spent += sign * (perf_counter_ns() - started)
        found.append(spent / REQUESTS / 1_000)
    return median(found)


if __name__ == "__main__":
    for proxies in (False, True):
        cost = asyncio.run(measure(proxies))
        print(f"shell, {'behind a trusted proxy' if proxies else 'direct'}: {cost:.1f} us")
