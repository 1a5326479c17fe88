"""Nobody but the one caller opens a connection to the outside."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.trees import tree_of

SOURCE = Path(__file__).parents[2] / "src"
CLIENTS = (
    "httpx", "httpcore", "requests", "aiohttp", "urllib3", "urllib.request", "http.client",
    "xmlrpc", "ftplib", "smtplib", "poplib", "imaplib", "nntplib", "telnetlib", "websockets",
    "paho", "h11", "grpc", "socketserver",
)  # fmt: skip
DIALS = frozenset(
    "open_connection create_connection create_unix_connection open_unix_connection connect_ex "
    "sock_connect create_datagram_endpoint urlopen".split()
)
ALLOWED = {
    "tocsin/app/outgoing.py": "the one caller",
    "tocsin/app/demo_wire.py": "the demo's people, who call the demo's own node",
    "tocsin/app/demo_mqtt.py": "the demo's devices, who call the demo's own node",
    "tocsin/app/synthetic.py": "the node's own port, to see whether reports get through",
    "tocsin/stores/postgres/connections.py": "the node's own database",
    "tocsin/intakes/sia_dc09/dialler.py": "`tocsin panel`: an operator plays a panel by hand",
    "tocsin/intakes/sia_dc09/serve.py": "a socket of UDP that listens and answers",
    "tocsin_verify/dump.py": "an auditor's own connection to the database that is checked",
    "tocsin/intakes/mqtt/client.py": "the town's own broker, named by the operator alone; MQTT "
    "has no redirects",
}


def dials(tree: ast.AST) -> Iterator[int]:
    """The lines on which a module imports a client or opens a connection by itself."""
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(f"{node.module}.{each.name}" for each in node.names)]
        if any(name == each or name.startswith(f"{each}.") for name in names for each in CLIENTS):
            yield node.lineno
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            called = node.func.id if isinstance(node.func, ast.Name) else called
            # `x.connect(...)` is a socket's; a bare `connect(...)` is the store's own.
            is_socket = called == "connect" and isinstance(node.func, ast.Attribute)
            if called in DIALS or is_socket:
                yield node.lineno


def found_in(folder: Path) -> dict[str, list[int]]:
    told = {
        str(path.relative_to(folder)): list(dials(tree_of(path)))
        for path in sorted(folder.rglob("*.py"))
    }
    return {path: lines for path, lines in told.items() if lines}


def test_only_those_with_a_reason_dial() -> None:
    found = found_in(SOURCE)
    assert set(found) - set(ALLOWED) == set(), {k: v for k, v in found.items() if k not in ALLOWED}
    assert set(ALLOWED) - set(found) == set(), "a reason for what dials no more"


@pytest.mark.parametrize(
    "planted",
    [
        "import httpx", "from urllib.request import urlopen", "from urllib import request",
        "import http.client", "import requests as r", "from paho.mqtt import client",
        "asyncio.open_connection(host, 80)", "loop.create_connection(x, host, 80)",
        "sock.connect((host, 80))", "socket.create_connection((host, 80))",
        "from httpx import Client",
    ],
)  # fmt: skip
def test_a_second_client_is_found(tmp_path: Path, planted: str) -> None:
    (tmp_path / "planted.py").write_text(f"def f():\n    {planted}\n")
    assert found_in(tmp_path) == {"planted.py": [2]}
