"""The way in from the node's own machine, beside the running node: a link, and a second person."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import httpx

from tests.end_to_end.live_node import LiveNode

PASSWORD, NEW = "three green apples", "four green apples"


def tocsin(node: LiveNode, *words: str) -> tuple[int, str]:
    """A verb of `tocsin account` on the node's folder: its exit code and what it said."""
    command = [sys.executable, "-m", "tocsin.app.cli", "account", *words, "--data", str(node.data)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, done.stdout + done.stderr


async def test_the_operator_lets_in_who_is_slowed_down(tmp_path: Path) -> None:
    node = LiveNode(tmp_path / "data")
    try:
        await node.start()
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{node.port}", timeout=60) as boss:
            first = {"token": node.link, "login": "anna", "name": "Anna", "password": PASSWORD}
            me = (await boss.post("/api/first", json=first)).json()
            boss.headers["X-CSRF-Token"] = me["csrf"]
            async with httpx.AsyncClient(base_url=boss.base_url, timeout=60) as stranger:
                wrong = {"login": "anna", "password": "wrong"}
                while (await stranger.post("/api/login", json=wrong)).status_code != 429:
                    pass
                right = {"login": "anna", "password": PASSWORD}
                assert (await stranger.post("/api/login", json=right)).status_code == 429
                code, said = tocsin(node, "unlock", "Anna")
                assert code == 0, said
                token = re.search(r"/password#(\S+)", said)
                assert token is not None
                body = {"token": token[1], "password": NEW}
                entered = await stranger.post("/api/password", json=body)
                assert entered.status_code == 200, entered.text
                again = {"login": "anna", "password": NEW}
                known = await stranger.post("/api/login", json=again)
                assert known.status_code == 200, "the browser is known from then on"
                stranger.headers["X-CSRF-Token"] = known.json()["csrf"]
                await second_person(node, stranger, me["grants"][0]["area"])
        code, said = tocsin(node, "unlock", "nobody")
        assert (code, said) == (1, "There is no such account.\n")
    finally:
        node.stop()


async def second_person(node: LiveNode, boss: httpx.AsyncClient, county: str) -> None:
    """Two administrators, of whom one proposes to take the other's role: the machine decides."""
    grants = [{"role": "security_administrator", "area": county}]
    body = {"login": "guard", "name": "Guard", "grants": grants}
    made = (await boss.post("/api/accounts", json=body)).json()
    assert made["proposal"] is None
    path = f"/api/accounts/{made['account']['id']}"
    wish = {"version": made["account"]["version"], "grants": []}
    waits = (await boss.patch(path, json=wish)).json()["proposal"]
    code, said = tocsin(node, "proposals")
    assert code == 0 and said.startswith(f"{waits}  guard: no role; wished by "), said
    assert tocsin(node, "grant", waits) == (0, "Granted.\n")
    assert (await boss.get(path)).json()["grants"] == []
    told = (await boss.get("/api/account-changes")).json()["changes"]
    assert {("operator", "unlocked_on_the_machine"), ("operator", "rights_granted")} <= {
        (each["by"], each["what"]) for each in told
    }
