"""Cases through the API: one way through, and what is refused on it."""

from tests.web.house import BODY, Node, grant


async def test_a_report_becomes_a_case_and_commands_move_it(node: Node) -> None:
    taker = await node.staff("taker", grant("call_taker"))
    made = await taker.post("/api/reports", json=BODY)
    assert made.status_code == 201, made.text
    case_id = made.json()["case_id"]
    shown = await taker.get(f"/api/cases/{case_id}")
    assert shown.status_code == 200
    assert shown.json()["status"] == "received"
    assert "CANARY" not in shown.text
    moved = await taker.post(
        f"/api/cases/{case_id}/accept",
        json={"note": "CANARY-NOTE"},
        headers={"If-Match": shown.headers["etag"], "Idempotency-Key": "k1"},
    )
    assert moved.status_code == 200, moved.text
    assert moved.json()["status"] == "accepted"
    assert "CANARY" not in moved.text
    again = await taker.post(
        f"/api/cases/{case_id}/accept",
        json={"note": "CANARY-NOTE"},
        headers={"Idempotency-Key": "k1"},
    )
    assert again.json()["version"] == moved.json()["version"]
    stale = await taker.post(
        f"/api/cases/{case_id}/file",
        json={},
        headers={"If-Match": shown.headers["etag"]},
    )
    assert stale.status_code == 412
    assert stale.json()["reason"] == "stale_version"
    filed = await taker.post(f"/api/cases/{case_id}/file", json={})
    assert filed.status_code == 200, filed.text
    assert filed.json()["lead"]


async def test_refusals_are_problem_documents(node: Node) -> None:
    taker = await node.staff("taker", grant("call_taker"))
    case_id = (await taker.post("/api/reports", json=BODY)).json()["case_id"]
    early = await taker.post(f"/api/cases/{case_id}/dispatch", json={"reason": "quick"})
    assert early.status_code == 409
    assert early.headers["content-type"] == "application/problem+json"
    assert early.json()["reason"] in {"fast_path_not_allowed", "not_from_here"}
    assert early.json()["request_id"] == early.headers["x-request-id"]
    missing = await taker.get("/api/cases/nowhere")
    assert (missing.status_code, missing.json()["reason"]) == (404, "case_unknown")
    nobody = await node.client().get(f"/api/cases/{case_id}")
    assert (nobody.status_code, nobody.json()["reason"]) == (401, "sign_in_needed")
