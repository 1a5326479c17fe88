"""A small server in a process of its own, with its own descriptor limit, for the guard's test.

Usage: guarded_server.py on|off BUDGET. Prints its port; then a JSON line for each line on stdin.
"""

import asyncio
import json
import os
import resource
import sys
import threading
from typing import Any

import psutil
import uvicorn
from starlette.requests import Request
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tocsin.app.logs import configure
from tocsin.kernel.shared import Refused
from tocsin.web.guard_limits import ACCEPT_BACKLOG, GuardLimits
from tocsin.web.guarded import guarded_protocol
from tocsin.web.public.forms import read_form


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    size = 0
    if scope["path"] == "/form":
        async with read_form(Request(scope, receive)) as form:
            size = sum(each.seek(0, 2) for each in form.files if not isinstance(each, Refused))
    is_more = scope["method"] == "POST" and scope["path"] != "/form"
    while is_more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message["body"])
        is_more = message["more_body"]
    head = {"type": "http.response.start", "status": 200, "headers": []}
    await send(head)
    if scope["path"] == "/stream":
        for tick in range(10_000):
            await send({"type": "http.response.body", "body": b"%d\n" % tick, "more_body": True})
            await asyncio.sleep(0.1)
    if scope["path"] == "/flood":
        for _ in range(10_000):
            await send({"type": "http.response.body", "body": bytes(65536), "more_body": True})
    told = bytes(16_000_000) if scope["path"] == "/large" else str(size).encode()
    await send({"type": "http.response.body", "body": told})


def main() -> None:
    is_guarded, budget = sys.argv[1] == "on", int(sys.argv[2])
    configure()
    limits = GuardLimits(
        connection_budget=budget,
        per_client_connections=int(sys.argv[3]),
        header_timeout_s=2.0,
        body_timeout_s=2.0,
        body_min_rate=1000,
        keep_alive_s=2.0,
        send_timeout_s=2.0,
        trusted_proxies=("127.0.0.2/32",),
    )
    descriptors = budget + ACCEPT_BACKLOG + 40
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
    protocol = guarded_protocol(limits)
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=0,
        http=protocol if is_guarded else HttpToolsProtocol,
        ws="none",
        loop="uvloop",
        lifespan="off",
        backlog=ACCEPT_BACKLOG,
        log_config=None,
        access_log=False,
        timeout_keep_alive=2,
    )
    server = uvicorn.Server(config)

    def talk() -> None:
        while not server.started:
            threading.Event().wait(0.01)
        print(server.servers[0].sockets[0].getsockname()[1], flush=True)
        for _ in sys.stdin:
            facts = {
                "open": len(os.listdir("/proc/self/fd")),
                "rss": psutil.Process().memory_info().rss,
                "counts": dict(protocol.guard.counts),
                "kept": protocol.guard.open_connections,
            }
            print(json.dumps(facts), flush=True)
        os._exit(0)

    threading.Thread(target=talk, daemon=True).start()
    server.run()


if __name__ == "__main__":
    main()
