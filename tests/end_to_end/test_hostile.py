"""Everything hostile over real sockets, against every endpoint: refused in words, nothing done."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.end_to_end.hostile import (
    FORM,
    MARK,
    RAW,
    Hostile,
    against,
    against_open311,
    somebody,
)
from tests.end_to_end.live_node import Answer, Line, LiveNode, live_node
from tests.end_to_end.staff import CASE_ROLES, Person, administrator, staff

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

REPORT = b"service_code=pothole&lat=60.105&long=24.905&description=A+hole"
INNER_WORDS = re.compile(
    rb"Traceback|File \"|\.py\b|asyncpg|pydantic|sqlstate|SELECT |/src/|0x[0-9a-f]{8}"
)
"""What only a programmer should ever see."""
ENDS_SESSIONS = ("/logout", "/end-sessions", "/session/renew", "/session/end-others")
"""Operations after which the person who asks would be a stranger."""
GROWTH_MIB_MAX = 100
"""Bodies of 32 MB may be held for a moment, and an allocator gives back late; three thousand
requests of up to 1 MB that leak are more."""
PART = b'--x\r\ncontent-disposition: form-data; name="photos"; filename="a.jpg"\r\n\r\n'
CHUNK = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LiveNode]:
    async with live_node(Path(tmp_path_factory.mktemp("hostile")) / "data") as node:
        await node.ask("POST", "/open311/v2/requests.json", REPORT, FORM)
        yield node


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def people(node: LiveNode) -> tuple[Person, Person]:
    """The administrator, and one person with every role on cases."""
    admin = await administrator(node)
    return admin, await staff(admin, "everyone", *CASE_ROLES)


async def state_of(node: LiveNode) -> dict[str, object]:
    """What must not have moved."""
    tables = ("cases", "journal", "receipts", "idempotency", "accounts", "api_keys", "agencies")
    async with node.database() as database:
        found: dict[str, object] = {
            each: await database.fetchval(f"SELECT count(*) FROM {each}") for each in tables
        }
        found["seq"] = await database.fetchval("SELECT max(seq) FROM journal")
        found["sealed"] = await database.fetchval("SELECT count(*) FROM vault.values")
    return found


def wrong_with(answer: Answer) -> str | None:
    """What an answer to something hostile must not be; None when it is a decent one."""
    if answer.status >= 500:
        return f"answered {answer.status}"
    if found := INNER_WORDS.search(answer.body):
        return f"tells {found[0]!r}"
    if MARK.encode() in answer.body:
        return "repeats what was sent"
    if answer.status >= 400 and not answer.body and answer.status not in (400, 408, 429, 431):
        return f"{answer.status} without a word"
    return None


async def send_all(node: LiveNode, wanted: list[tuple[Hostile, dict[str, str]]]) -> Counter[int]:
    """Everything, over a few connections. Fails with the first twenty that are wrong."""
    answered: Counter[int] = Counter()
    wrong: list[str] = []
    todo = iter(wanted)

    async def work() -> None:
        line = Line(node.port)
        for each, who in todo:
            headers = {**each.headers, **who}
            try:
                answer = await asyncio.wait_for(
                    line.ask(each.method, each.path, each.body, headers), 60
                )
            except (OSError, EOFError):
                answered[0] += 1
                line.close()
                continue
            answered[answer.status] += 1
            if problem := wrong_with(answer):
                wrong.append(f"{each.what}: {each.method} {each.path[:80]}: {problem}")
        line.close()

    await asyncio.gather(*(work() for _ in range(6)))
    assert not wrong, f"{len(wrong)}: " + "\n".join(wrong[:20])
    return answered


async def test_every_endpoint_of_the_api(node: LiveNode, people: tuple[Person, Person]):
    admin, everyone = people
    document = (await node.ask("GET", "/api/openapi.json")).json()
    case_id = (await node.ask("GET", "/open311/v2/requests.json")).json()[0]["service_request_id"]
    before, memory = await state_of(node), node.memory_mib()
    wanted: list[tuple[Hostile, dict[str, str]]] = []
    for each in against(document, case_id):
        if any(deed in each.path for deed in ENDS_SESSIONS) or each.path.endswith("/link"):
            continue
        is_admins = re.match(r"/api/(account|key|errand)", each.path) is not None
        person = admin if is_admins else everyone
        cookie = {"cookie": person.cookie, "x-csrf-token": person.csrf}
        wanted.append((each, {**somebody(), **cookie}))
        if each.body and len(wanted) % 10 == 0:  # and as nobody: the gate comes first
            wanted.append((each, somebody()))
    answered = await send_all(node, wanted)
    # What is made at first use stays; a second helping must not cost again.
    full = node.memory_mib()
    await send_all(node, wanted[::3])
    grown = node.memory_mib() - full
    print(f"{len(wanted)} requests, answers {dict(answered)}")
    print(f"memory {memory:.0f} MiB, then {full:.0f}, a third again {grown:+.0f}")
    assert await state_of(node) == before
    assert (await everyone.ask("GET", "/api/session")).status == 200
    assert len(wanted) > 3_000 and answered[0] == 0
    assert {400, 401, 404, 415, 422} <= set(answered)
    assert grown < GROWTH_MIB_MAX


async def test_every_endpoint_of_open311(node: LiveNode):
    before, memory = await state_of(node), node.memory_mib()
    case_id = (await node.ask("GET", "/open311/v2/requests.json")).json()[0]["service_request_id"]
    wanted = [(each, somebody()) for each in against_open311(case_id)]
    answered = await send_all(node, wanted)
    grown = node.memory_mib() - memory
    print(f"{len(wanted)} requests, answers {dict(answered)}, memory {grown:+.0f} MiB")
    assert await state_of(node) == before
    assert len(wanted) > 1_000 and answered[0] == 0
    assert {400, 403, 404, 415} <= set(answered)
    assert grown < GROWTH_MIB_MAX


async def test_bytes_that_are_hardly_http(node: LiveNode):
    before = await state_of(node)
    for what, request in RAW:
        line = Line(node.port)
        try:
            answer = await asyncio.wait_for(line.raw(request), 60)
        except (OSError, EOFError, ValueError):
            continue  # cut off without a word: fair enough for what is no request
        finally:
            line.close()
        assert wrong_with(answer) is None, f"{what}: {answer}"
        assert answer.status >= 400 or what in _HARMLESS, f"{what}: {answer}"
        assert b"root:" not in answer.body and b"cookie: a=b" not in answer.body, what
    assert (await node.ask("GET", "/health/live")).status == 200
    assert await state_of(node) == before


_HARMLESS = {
    "a bad host", "no host", "another host in the line", "two slashes", "star",
    "a header without a name", "HTTP/0.9",
}  # fmt: skip
"""A server may make sense of these; what they ask for is open to all."""


@pytest.mark.parametrize(
    ("path", "kind", "limit_mib"),
    [
        ("/open311/v2/requests.json", "application/x-www-form-urlencoded", 1),
        ("/open311/v2/requests.xml", "multipart/form-data; boundary=x", 40),
        ("/open311/v2/servicerequestupdates.json", "application/x-www-form-urlencoded", 1),
        ("/api/reports", "application/json", 1),
        ("/api/reports/upload", "multipart/form-data; boundary=x", 40),
        ("/api/login", "application/json", 1),
        ("/api/receipts/ZZZZZZZZZZZZ/answer", "application/json", 1),
    ],
)
async def test_bodies_without_end(
    node: LiveNode, people: tuple[Person, Person], path: str, kind: str, limit_mib: int
):
    """413 while it still streams, declared or in chunks; the bytes are counted, not trusted."""
    who = people[1]
    headers = f"host: x\r\ncontent-type: {kind}\r\ncookie: {who.cookie}\r\n"
    headers += f"x-csrf-token: {who.csrf}\r\n"
    for name, value in somebody().items():
        headers += f"{name}: {value}\r\n"
    declared = f"POST {path} HTTP/1.1\r\n{headers}content-length: 900000000\r\n\r\n"
    line = Line(node.port)
    answer = await asyncio.wait_for(line.raw(declared.encode()), 60)
    line.close()
    assert answer.status == 413, answer
    assert wrong_with(answer) is None

    memory = node.memory_mib()
    reader, writer = await asyncio.open_connection("127.0.0.1", node.port, limit=2**20)
    writer.write(f"POST {path} HTTP/1.1\r\n{headers}transfer-encoding: chunked\r\n\r\n".encode())
    if kind.startswith("multipart"):
        writer.write(b"%x\r\n" % len(PART) + PART + b"\r\n")
    sent = 0
    reading = asyncio.create_task(reader.read(2**16))
    try:
        while not reading.done() and sent < 200 * 2**20:
            writer.write(CHUNK)
            sent += len(CHUNK)
            await asyncio.wait_for(writer.drain(), 30)
            await asyncio.sleep(0)
    except (ConnectionError, TimeoutError):
        pass  # hung up on
    said = await asyncio.wait_for(reading, 60)
    writer.close()
    assert said.startswith(b"HTTP/1.1 413"), said[:200]
    assert sent < (limit_mib + 16) * 2**20, f"took {sent >> 20} MiB before it said no"
    assert node.memory_mib() - memory < GROWTH_MIB_MAX


async def test_outside_is_refused_with_the_nearest_area(node: LiveNode):
    answer = await node.ask(
        "POST",
        "/open311/v2/requests.json",
        b"service_code=pothole&description=x&lat=60.105&long=24.8",
        FORM,
    )
    assert answer.status == 400
    text = answer.json()[0]["description"]
    assert re.search(r"T0V0-\d{4}", text, re.IGNORECASE) and "km" in text or " m" in text, text


async def test_times_that_cannot_be(node: LiveNode, people: tuple[Person, Person]):
    before = await state_of(node)
    body = {
        "case_type": "pothole",
        "text": "x",
        "place": {"lon": 24.905, "lat": 60.105},
    }
    for seen_at in ("2190-01-01T00:00:00Z", "1901-01-01T00:00:00Z"):
        answer = await people[1].ask("POST", "/api/reports", {**body, "seen_at": seen_at})
        assert (answer.status, answer.json()["reason"]) == (409, "bad_time")
    assert await state_of(node) == before


async def test_forged_papers(node: LiveNode, people: tuple[Person, Person]):
    """Receipts, tokens, sessions and keys that nobody gave out open nothing."""
    before = await state_of(node)
    case_id = (await node.ask("GET", "/open311/v2/requests.json")).json()[0]["service_request_id"]
    for code in ("AAAABBBBCCCC", "2222-2222-2222", "x", "-", "A" * 500, "%00", "0O1I0O1I0O1I"):
        answer = await node.ask("GET", f"/api/receipts/{code}", headers=somebody())
        assert answer.status in (404, 422), (code, answer)
    for token in (case_id, f"{case_id}-r1", f"{case_id}-r1-AAAABBBBCCCC", "-", "é"):
        path = f"/open311/v2/tokens/{token}.json".replace("é", "%C3%A9")
        assert (await node.ask("GET", path)).status == 404, token
    cookie = people[1].cookie
    forged = (
        "tocsin_session=", "tocsin_session=x", "tocsin_session=" + "A" * 43, cookie[:-1],
        cookie + "x", cookie.swapcase(), "tocsin_session=%00", "tocsin_session=" + "A" * 5_000,
        'tocsin_session="' + cookie.partition("=")[2][:-2] + '"',
    )  # fmt: skip
    for each in forged:
        answer = await node.ask("GET", "/api/session", headers={"cookie": each})
        assert answer.status == 401, each
    for name in ("x-api-key", "authorization"):
        for value in ("x", "Bearer x", "Bearer " + "A" * 43, "Bearer " + "A" * 9_000, "\xff\xfe"):
            answer = await node.ask("GET", "/api/cases", headers={name: value})
            assert answer.status == 401, (name, value[:20])
    for csrf in ("", "x", "\xff", people[0].csrf):
        headers = {"cookie": cookie, "x-csrf-token": csrf, "content-type": "application/json"}
        answer = await node.ask("POST", f"/api/cases/{case_id}/accept", b"{}", headers)
        assert (answer.status, answer.json()["reason"]) == (403, "csrf_missing")
    assert await state_of(node) == before


async def test_after_all_that_it_works(node: LiveNode):
    assert node.is_alive and node.starts == 1
    answer = await node.ask("POST", "/open311/v2/requests.json", REPORT + b"+later", FORM)
    assert answer.status == 200
    assert (await node.verify()).is_clean
    assert "Traceback" not in node.log.read_text()
    assert "request_failed" not in node.log.read_text()


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (Answer(500, {}, b"{}"), "500"),
        (Answer(400, {}, b'Traceback (most recent call last):\n  File "x.py"'), "tells"),
        (Answer(422, {}, MARK.encode()), "repeats"),
        (Answer(404, {}, b""), "without a word"),
    ],
)
async def test_the_judge_finds_what_is_planted(answer: Answer, word: str):
    assert word in str(wrong_with(answer))
    assert wrong_with(Answer(404, {}, b'{"reason": "unknown_path"}')) is None
