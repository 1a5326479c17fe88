"""The process's log says who came in, who was refused and what was refused: by account, never by
what was typed."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from tests.web.house import LOOSE, PASSWORD, grant
from tests.web.house import node as make_node

TYPED = "canary-mistyped-59ac"


async def test_signing_in_is_told_whether_it_went_well_or_not() -> None:
    async with make_node(LOOSE) as node:
        with capture_logs() as lines:
            await node.staff("anna", grant("dispatcher"))
            client = node.client()
            for login in ("anna", TYPED):
                body = {"login": login, "password": TYPED}
                assert (await client.post("/api/login", json=body)).status_code == 401
        account = await node.accounts.store.by_login("anna")
        assert account is not None
        told = [
            (each["event"], each.get("reason") or each.get("how"), each["account"])
            for each in lines
            if each["event"] in ("signed_in", "sign_in_refused")
        ]
        assert told == [
            ("signed_in", "password", account.id),
            ("sign_in_refused", "wrong_login", account.id),
            ("sign_in_refused", "wrong_login", None),
        ]
        assert TYPED not in str(lines) and PASSWORD not in str(lines)


@pytest.mark.parametrize(
    ("path", "reason"), [("/api/accounts", "role_missing"), ("/api/metrics/none", None)]
)
async def test_what_is_refused_is_told(path: str, reason: str | None) -> None:
    async with make_node(LOOSE) as node:
        anna = await node.staff("anna", grant("dispatcher"))
        with capture_logs() as lines:
            answer = await anna.get(path)
        told = [each["reason"] for each in lines if each["event"] == "operation_refused"]
        assert told == ([reason] if reason else [])
        assert answer.status_code == (403 if reason else 404)
