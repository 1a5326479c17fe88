"""Staff for the benches: the first administrator, through the one-time link."""

from __future__ import annotations

import json
from urllib.request import Request, urlopen

from bench.node import Running

PASSWORD = "seven grey bench horses"


def administrator_session(running: Running) -> str:
    """The cookie of a signed-in administrator, who may also see the whole county."""
    token = running.link.partition("#")[2]
    body = {"token": token, "login": "bench", "name": "Bench", "password": PASSWORD}
    request = Request(
        f"{running.address}/api/first",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urlopen(request) as answer:
        return str(answer.headers["Set-Cookie"]).split(";", 1)[0]
