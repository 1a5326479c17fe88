"""Bad input and bad days: a clear problem each time, nothing half written, nothing repeated."""

import asyncio
import json
import socket
from ipaddress import ip_network
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from structlog.testing import capture_logs

from tests.web.house import BODY, LOOSE, Node, grant
from tests.web.house import node as make_node
from tocsin.runtime.accounts import ROLES
from tocsin.runtime.hang_ups import HangUps
from tocsin.runtime.ports import CaseQuery, Unavailable
from tocsin.web.options import WebOptions
from tocsin.web.problems import REASONS, STATUS
from tocsin.web.shell import seen_of
from tocsin.web.texts import pick_language, text_of

PROBLEM = {"type", "title", "status", "detail", "reason", "request_id"}


@pytest.fixture
async def taker(node: Node) -> httpx.AsyncClient:
    return await node.staff("taker", grant("call_taker"), grant("dispatcher"))


def check(answer: httpx.Response, status: int, reason: str) -> None:
    assert (answer.status_code, answer.json().get("reason")) == (status, reason), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found = answer.json()
    assert PROBLEM <= set(found) <= PROBLEM | {"hint", "errors"}
    assert found["type"] == f"/problems/{reason}"
    assert "CANARY" not in answer.text


@pytest.mark.parametrize(
    ("content", "status", "reason"),
    [
        (b"{", 400, "bad_request"),
        (b"", 422, "invalid"),
        (b"\xff\xfe{}", 400, "bad_request"),
        (b"[" * 100_000, 400, "bad_request"),
        (b"null", 422, "invalid"),
        (b'{"text": "CANARY"}', 422, "invalid"),
    ],
)
async def test_unreadable_bodies(
    taker: httpx.AsyncClient, content: bytes, status: int, reason: str
) -> None:
    headers = {"content-type": "application/json"}
    answer = await taker.post("/api/reports", content=content, headers=headers)
    check(answer, status, reason)


WRONG: list[dict[str, Any]] = [
    {"text": "CANARY \x00"},
    {"text": ""},
    {"text": "x" * 10_001},
    {"text": 7},
    {"consent": 0},
    {"consent": "true"},
    {"dispatch_now": 1},
    {"place": {"lon": "24", "lat": 60.1}},
    {"place": {"lon": 181, "lat": 60.1}},
    {"place": {"lon": 24.9, "lat": 60.1, "datum": "mars"}},
    {"seen_at": "2026-11-23T02:00:00"},
    {"seen_at": "2026-02-30T02:00:00Z"},
    {"seen_at": 0},
    {"CANARY": 1},
    {"answers": {"CANARY": "not a list"}},
    {"answers": {"a b": ["x"]}},
    {"contact": {"name": "CANARY" * 200}},
    {"case_type": "CANARY words"},
    {"language": "klingon please"},
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda each: json.dumps(each)[:40])
async def test_wrong_fields(node: Node, taker: httpx.AsyncClient, wrong: dict[str, Any]) -> None:
    check(await taker.post("/api/reports", json={**BODY, **wrong}), 422, "invalid")
    assert await node.services.store.count(CaseQuery()) == 0


async def test_lone_surrogates_and_no_numbers(taker: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/json"}
    for text in ('"text": "CANARY \\ud800"', '"place": {"lon": NaN, "lat": 60.1}'):
        body = json.dumps({**BODY, "text": "x"}).replace('"text": "x"', text, 1)
        answer = await taker.post("/api/reports", content=body, headers=headers)
        check(answer, 422, "invalid")


@pytest.mark.parametrize(
    ("wrong", "status", "reason"),
    [
        ({"place": {"lon": 10.0, "lat": 10.0}}, 409, "outside"),
        ({"seen_at": "2020-01-01T00:00:00Z"}, 409, "bad_time"),
        ({"seen_at": "2026-11-27T00:00:00Z"}, 409, "bad_time"),
        ({"case_type": "unknown-type"}, 404, "case_type_unknown"),
    ],
)
async def test_what_the_rules_refuse(
    node: Node, taker: httpx.AsyncClient, wrong: dict[str, Any], status: int, reason: str
) -> None:
    answer = await taker.post("/api/reports", json={**BODY, **wrong})
    check(answer, status, reason)
    if reason == "outside":
        assert " m away" in answer.json()["hint"]
    assert await node.services.store.count(CaseQuery()) == 0


async def test_a_key_is_reused_for_something_else(taker: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "once"}
    one = await taker.post("/api/reports", json=BODY, headers=headers)
    two = await taker.post("/api/reports", json=BODY, headers=headers)
    assert one.json()["code"] == two.json()["code"]
    assert (one.json()["repeated"], two.json()["repeated"]) == (False, True)
    other = await taker.post("/api/reports", json={**BODY, "text": "other"}, headers=headers)
    check(other, 409, "key_reused")


async def test_paths_methods_and_types(node: Node, taker: httpx.AsyncClient) -> None:
    check(await taker.get("/api/nowhere"), 404, "unknown_path")
    check(await taker.get("/api/cases/a%00b"), 422, "invalid")
    wrong = await taker.put("/api/accounts", json={})
    check(wrong, 405, "method_not_allowed")
    assert wrong.headers["allow"] == "GET, POST"
    form = await taker.post("/api/reports", data={"text": "CANARY"})
    check(form, 415, "wrong_media_type")
    check(await taker.post("/api/reports/upload", json=BODY), 415, "wrong_media_type")
    check(await taker.get("/api/cases?after=CANARY"), 409, "bad_cursor")
    check(await taker.get("/api/cases?area=atlantis"), 404, "unknown_area")
    for query in ("limit=0", "limit=9999", "limit=x", "status=sad", "open_only=1", "nope=1"):
        check(await taker.get(f"/api/cases?{query}"), 422, "invalid")


async def test_huge_bodies_are_stopped_declared_or_not(
    node: Node, taker: httpx.AsyncClient
) -> None:
    check(await taker.post("/api/guess", json={"text": "x" * 1_200_000}), 413, "too_large")

    async def trickle() -> Any:
        for _ in range(20):
            yield b"x" * 100_000

    headers = {"content-type": "application/json"}
    answer = await taker.post("/api/guess", content=trickle(), headers=headers)
    check(answer, 413, "too_large")
    # A length that is no number, or beyond all measure, by a hand-made client.
    host, port = node.url.removeprefix("http://").split(":")
    for length in (b"99999999999999999999", b"1e9"):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            b"POST /api/guess HTTP/1.1\r\nhost: x\r\ncontent-length: " + length + b"\r\n\r\n"
        )
        line = await reader.readline()
        assert line.split()[1] in (b"400", b"413"), line
        writer.close()


async def test_every_answer_is_hardened(node: Node, taker: httpx.AsyncClient) -> None:
    answers = [
        await taker.get("/api/cases"),
        await taker.get("/nowhere"),
        await taker.post("/api/reports", content=b"x" * 2_000_000),
        await node.client().get("/health/live"),
        await node.client().get("/metrics"),
    ]
    for answer in answers:
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert len(answer.headers["x-request-id"]) == 16


async def broken(request: Request) -> Response:
    raise RuntimeError("CANARY: the words of somebody")


async def away(request: Request) -> Response:
    raise Unavailable("the database connection was lost", 7)


async def whoami(request: Request) -> Response:
    seen = seen_of(request.scope)
    return JSONResponse({"address": seen.address, "is_secure": seen.is_secure})


EXTRA = [Route("/open311/broken", broken), Route("/open311/away", away)]
EXTRA += [Route("/open311/who", whoami)]


async def test_a_bug_is_a_reference_and_a_place_never_a_value() -> None:
    async with make_node(extra_routes=EXTRA) as node:
        with capture_logs() as logs:
            answer = await node.client().get("/open311/broken")
        check(answer, 500, "internal")
        told = json.dumps(logs)
        assert answer.json()["request_id"] in told
        assert "test_bad_input.py" in told
        assert "CANARY" not in told


async def test_a_lost_store_is_503_with_a_time_to_come_back() -> None:
    async with make_node(extra_routes=EXTRA) as node:
        answer = await node.client().get("/open311/away")
        check(answer, 503, "unavailable")
        assert answer.headers["retry-after"] == "7"


async def test_only_trusted_proxies_say_for_whom_they_speak() -> None:
    forged = {"X-Forwarded-For": "203.0.113.9, 198.51.100.7", "X-Forwarded-Proto": "https"}
    async with make_node(LOOSE, extra_routes=EXTRA) as node:
        found = (await node.client(**forged).get("/open311/who")).json()
        assert found == {"address": "127.0.0.1", "is_secure": False}
    trusting = WebOptions(trusted_proxies=(ip_network("127.0.0.0/8"),))
    async with make_node(trusting, extra_routes=EXTRA) as node:
        found = (await node.client(**forged).get("/open311/who")).json()
        assert found == {"address": "198.51.100.7", "is_secure": True}, "the nearest hop"
        junk = {"X-Forwarded-For": "no address at all"}
        found = (await node.client(**junk).get("/open311/who")).json()
        assert found["address"] == "127.0.0.1"


async def test_anonymous_writes_are_limited_by_address() -> None:
    async with make_node(WebOptions(anonymous_burst=3, anonymous_per_minute=1)) as node:
        client = node.client()
        seen = [await client.get("/api/receipts/ABCDEFGHJKMN") for _ in range(5)]
        assert [each.status_code for each in seen] == [404] * 3 + [429] * 2
        check(seen[-1], 429, "too_many_requests")
        assert int(seen[-1].headers["retry-after"]) > 0


async def test_every_reason_has_a_sentence_in_both_languages(node: Node) -> None:
    """Those of the packs are checked with the packs."""
    for reason in REASONS:
        answer = await node.client().get(f"/problems/{reason}")
        assert answer.json()["status"] == STATUS[reason]
    from tocsin.web.problems import WEB_STATUS

    for reason in WEB_STATUS:
        english, chinese = text_of(reason, "en"), text_of(reason, "zh-CN")
        assert english != chinese != reason, reason
        assert english.isascii() and not chinese.isascii(), reason


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"),
        ("zh", "zh-CN"),
        ("zh-TW,en;q=0.5", "zh-CN"),
        ("en;q=0.5,zh-CN", "zh-CN"),
        ("fr", "en"),
        ("zh;q=0", "en"),
        (";;;q=,,", "en"),
        ("zh;q=junk", "en"),
    ],
)
def test_languages(header: str | None, language: str) -> None:
    assert pick_language(header, ("en", "zh-CN")) == language


async def test_metrics_count_by_template_and_hold_nothing_personal(
    node: Node, taker: httpx.AsyncClient
) -> None:
    made = await taker.post("/api/reports", json=BODY)
    await taker.get(f"/api/cases/{made.json()['case_id']}")
    await taker.get(f"/api/receipts/{made.json()['code']}")
    await taker.get("/api/cases/unknown")
    text = (await taker.get("/metrics")).text
    assert 'route="/api/cases/{case_id}"' in text
    assert 'tocsin_refusals_total{reason="case_unknown"} 1.0' in text
    assert 'tocsin_commands_total{command="open_case"} 1.0' in text
    assert text.endswith("# EOF\n")
    for secret in ("CANARY", made.json()["code"], made.json()["case_id"], "taker"):
        assert secret not in text


async def test_metrics_say_why_a_way_in_hung_up(node: Node) -> None:
    panels = node.services.hang_ups["sia-dc09"] = HangUps("sia-dc09")
    for count in (1, 2, 2):  # read again, nothing is counted again
        while panels.counts["silent"] < count:
            panels.note("silent")
        text = (await node.client().get("/metrics")).text
        line = 'tocsin_intake_hang_ups_total{intake="sia-dc09",reason="silent"}'
        assert f"{line} {count}.0" in text


async def test_ready_says_in_one_word_what_is_wrong(node: Node) -> None:
    client = node.client()
    asleep = await client.get("/health/ready")
    assert asleep.status_code == 503
    told = asleep.json()
    assert (told["state"], told["log"]) == ("wakes_stopped", "off")
    assert [(each["state"], each["stops"]) for each in told["troubles"]] == [
        ("wakes_stopped", True)
    ]
    beat = node.services.heartbeat
    beat.woke_at = beat.ran_at = node.clock.now()
    assert (await client.get("/health/ready")).json() == {
        "state": "ok",
        "log": "off",
        "walls": "ok",
        "troubles": [],
    }
    node.clock.move(minutes=5)
    assert (await client.get("/health/ready")).status_code == 503
    assert (await client.get("/health/live")).status_code == 200


async def test_a_client_that_hangs_up_leaves_nothing_behind(node: Node) -> None:
    host, port = node.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as half:
        half.sendall(b"POST /api/login HTTP/1.1\r\nhost: x\r\ncontent-length: 500\r\n")
        half.sendall(b"content-type: application/json\r\n\r\n{")
    await asyncio.sleep(0.05)
    assert (await node.client().get("/health/live")).status_code == 200
    assert len(ROLES) == 11
