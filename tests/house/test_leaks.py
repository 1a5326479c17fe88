"""Marked values go in through every door, a case lives its whole life, and then everything but
the vault is searched for them: database, logs, metrics, lists, live stream, errors, files."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.end_to_end.live_node import Answer, LiveNode, live_node
from tests.end_to_end.staff import CASE_ROLES, Person, administrator, staff

pytestmark = pytest.mark.slow

FORM = "application/x-www-form-urlencoded"
MARKS = {
    name: f"Canary{name.title()}x7f3a9"
    for name in (
        "text", "email", "phone", "first", "last", "device", "account", "address", "answer", "exif",
        "comment", "mediaurl", "note", "question", "reply", "claim", "vote", "second",
        "contactname", "wrong", "path", "query", "login", "password", "cookie", "apikey", "refused",
        "outage", "agent", "guess",
    )
}  # fmt: skip
"""One mark for each way in: a leak names its own source."""


def spellings(mark: str) -> Iterator[bytes]:
    """A mark as it may hide: plain, UTF-16, hexadecimal, base64 at each of three offsets."""
    raw = mark.encode()
    yield raw.lower()
    yield mark.encode("utf-16-le").lower()
    yield raw.hex().encode()
    for offset in range(3):
        coded = base64.b64encode(b"\0" * offset + raw)
        yield coded[(offset * 4 + 2) // 3 + (offset > 0) : len(coded) // 4 * 4 - 4].lower()


def found_in(data: bytes, allowed: frozenset[str] = frozenset()) -> list[str]:
    """The names of the marks in some bytes, whatever their case."""
    lowered = data.lower()
    return [
        name
        for name, mark in MARKS.items()
        if name not in allowed and any(each in lowered for each in spellings(mark))
    ]


@pytest.mark.parametrize(
    "hide",
    [
        lambda raw: raw,
        lambda raw: raw.upper(),
        lambda raw: b"\\x" + raw.hex().encode(),
        lambda raw: base64.b64encode(raw),
        lambda raw: base64.b64encode(b"ab" + raw + b"cde"),
        lambda raw: base64.b64encode(b"a" + raw + b"cde"),
        lambda raw: raw.decode().encode("utf-16"),
    ],
)
def test_the_search_finds_a_mark_however_it_hides(hide: Any) -> None:
    assert found_in(b"before " + hide(MARKS["email"].encode()) + b" after") == ["email"]
    assert found_in(b"nothing of the kind") == []


def photo() -> bytes:
    """A photo that tells where it was taken, by whom and with what words."""
    exif = Image.Exif()
    exif[0x010E] = MARKS["exif"]  # ImageDescription
    exif[0x8298] = MARKS["exif"]  # Copyright
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2] = "N", (60.0, 6.0, 18.0)
    gps[29] = MARKS["exif"]
    exif.get_ifd(0x8769)[0x9286] = MARKS["exif"].encode()  # UserComment
    out = io.BytesIO()
    image = Image.new("RGB", (64, 48), (90, 120, 150))
    image.save(out, "JPEG", exif=exif, comment=MARKS["comment"].encode())
    data = out.getvalue()
    assert MARKS["exif"].encode() in data and MARKS["comment"].encode() in data
    return data


def multipart(parts: Mapping[str, str], data: bytes) -> tuple[bytes, str]:
    body = b"".join(
        f'--cut\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in parts.items()
    )
    head = f'--cut\r\ncontent-disposition: form-data; name="media"; filename="{MARKS["exif"]}.jpg"'
    body += f"{head}\r\ncontent-type: image/jpeg\r\n\r\n".encode() + data + b"\r\n--cut--\r\n"
    return body, "multipart/form-data; boundary=cut"


class Life:
    """One node, its people, and everything it ever answered."""

    def __init__(self, node: LiveNode) -> None:
        self.node = node
        self.seen: list[tuple[str, bytes]] = []

    def keep(self, what: str, answer: Answer) -> Answer:
        self.seen.append((what, answer.body + repr(answer.headers).encode()))
        return answer

    async def ask(self, who: Person, method: str, path: str, body: Any = None) -> Answer:
        agent = {"user-agent": MARKS["agent"]}
        return self.keep(f"{method} {path}", await who.ask(method, path, body, **agent))

    async def do(self, who: Person, case_id: str, verb: str, **body: Any) -> dict[str, Any]:
        answer = await self.ask(who, "POST", f"/api/cases/{case_id}/{verb}", body)
        assert answer.status in (200, 201), (verb, answer.body)
        return answer.json()

    async def report(self) -> tuple[str, str]:
        """Over Open311 with everything a form can hold. Returns the case and its code."""
        fields = {
            "service_code": "street-light-out",
            "lat": "60.105",
            "long": "24.905",
            "description": f"{MARKS['text']} the lamp is dark",
            "email": f"{MARKS['email']}@example.org",
            "phone": MARKS["phone"],
            "first_name": MARKS["first"],
            "last_name": MARKS["last"],
            "device_id": MARKS["device"],
            "account_id": MARKS["account"],
            "address_string": f"{MARKS['address']} street 1",
            "media_url": f"https://example.org/{MARKS['mediaurl']}",
            "attribute[pole_number]": MARKS["answer"],
        }
        body, kind = multipart(fields, photo())
        headers = {"content-type": kind, "user-agent": MARKS["agent"]}
        answer = await self.node.ask("POST", "/open311/v2/requests.json", body, headers)
        assert answer.status == 200, answer.body
        self.keep("open311", answer)
        receipt = answer.json()[0]
        code = re.search(r"[2-9A-Z]{4}(-[2-9A-Z]{4}){2}", receipt["service_notice"])
        assert code is not None
        return receipt["service_request_id"], code[0].replace("-", "")


async def live_a_life(life: Life, everyone: Person, second: Person) -> str:
    """A case from report to close, with a word of somebody at each step."""
    case_id, code = await life.report()
    do = life.do
    await do(everyone, case_id, "accept")
    await do(everyone, case_id, "ask-reporter", report=f"{case_id}-r1", text=MARKS["question"])
    reply = json.dumps({"text": MARKS["reply"]}).encode()
    headers = {"content-type": "application/json"}
    answer = await life.node.ask("POST", f"/api/receipts/{code}/answer", reply, headers)
    assert answer.status == 200, answer.body
    life.keep("answer", answer)
    await do(everyone, case_id, "add-note", text=MARKS["note"])
    body = {
        "case_type": "street-light-out",
        "text": MARKS["second"],
        "place": {"lon": 24.905, "lat": 60.105},
        "contact": {"name": MARKS["contactname"], "phone": MARKS["phone"]},
        "answers": {"pole_number": [MARKS["answer"]]},
    }
    answer = await life.ask(everyone, "POST", f"/api/cases/{case_id}/attach-report", body)
    assert answer.status == 201, answer.body
    await do(everyone, case_id, "file")
    view = await do(everyone, case_id, "dispatch", reason="ready")
    task = view["tasks"][0]["id"]
    photos = [base64.b64encode(photo()).decode()]
    claim = {"task": task, "note": MARKS["claim"], "photos": photos}
    await do(everyone, case_id, "acknowledge-task", task=task)
    await do(everyone, case_id, "start-task", task=task)
    await do(everyone, case_id, "claim-task-done", **claim)
    await do(second, case_id, "fail-check", reason="not_done", photos=photos)
    await do(everyone, case_id, "claim-task-done", **claim)
    await do(second, case_id, "verify", disposition="fixed", photos=photos)
    vote = {"solved": True, "treated_well": True, "comment": MARKS["vote"]}
    data = json.dumps(vote).encode()
    answer = await life.node.ask("POST", f"/api/receipts/{code}/feedback", data, headers)
    assert answer.status == 200, answer.body
    life.keep("feedback", answer)
    life.keep("receipt", await life.node.ask("GET", f"/api/receipts/{code}"))
    return case_id


async def be_refused(life: Life, everyone: Person, case_id: str) -> None:
    """Marks in everything that is refused or fails."""
    node, wrong = life.node, MARKS["wrong"]
    place = {"lon": 24.905, "lat": 60.105}
    bodies: list[Any] = [
        {wrong: wrong},
        {"case_type": wrong, "text": wrong, "place": place},
        {"case_type": "pothole", "text": wrong, "place": {"lon": wrong, "lat": 1}},
        {"case_type": "pothole", "text": wrong, "place": {"lon": 3, "lat": 1}, "address": wrong},
        {"case_type": "pothole", "text": [wrong], "contact": {wrong: wrong}},
        {"case_type": "pothole", "text": wrong, "place": place, "answers": {wrong: [wrong]}},
        {"case_type": "pothole", "text": wrong, "place": place, "seen_at": wrong},
    ]
    for body in bodies:
        answer = await life.ask(everyone, "POST", "/api/reports", body)
        # Answers that no form asks for are left out, and the report is taken.
        assert answer.status >= 400 or "answers" in body, body
    guess = {"text": MARKS["guess"], "place": place}
    await life.ask(everyone, "POST", "/api/guess", guess)
    refused = {"note": MARKS["refused"], "photos": [], "task": "t"}
    answer = await life.ask(everyone, "POST", f"/api/cases/{case_id}/claim-task-done", refused)
    assert answer.status >= 400
    login = {"login": MARKS["login"], "password": MARKS["password"]}
    answer = await life.ask(everyone, "POST", "/api/login", login)
    assert answer.status == 401
    asks: list[tuple[str, str, bytes, dict[str, str]]] = [
        ("GET", f"/api/{MARKS['path']}", b"", {}),
        ("GET", f"/api/receipts/{MARKS['path']}", b"", {}),
        ("GET", f"/api/cases?area={MARKS['query']}", b"", {"cookie": everyone.cookie}),
        ("GET", f"/api/cases?{MARKS['query']}={MARKS['query']}", b"", {"cookie": everyone.cookie}),
        ("GET", f"/open311/v2/requests.xml?email={MARKS['query']}&start_date={wrong}", b"", {}),
        ("GET", f"/open311/v2/requests/{MARKS['path']}.json", b"", {}),
        ("GET", "/api/session", b"", {"cookie": f"tocsin_session={MARKS['cookie']}"}),
        ("GET", "/api/session", b"", {"x-api-key": MARKS["apikey"]}),
        ("POST", "/open311/v2/requests.json", f"service_code={wrong}&email={wrong}".encode(),
         {"content-type": FORM}),
        ("POST", "/open311/v2/requests.json",
         f"service_code=pothole&description={wrong}&lat={wrong}&long=1".encode(),
         {"content-type": FORM}),
        ("POST", "/open311/v2/requests.json",
         f"service_code=pothole&description={wrong}&lat=60.1&long=3&api_key={wrong}".encode(),
         {"content-type": FORM}),
    ]  # fmt: skip
    for method, path, body, headers in asks:
        life.keep(f"{method} {path[:30]}", await node.ask(method, path, body, headers))


async def lose_the_database(life: Life) -> None:
    """A report on its way while the database dies."""
    import os
    import signal

    for pid in life.node.servers():
        os.kill(pid, signal.SIGKILL)
    form = f"service_code=pothole&lat=60.105&long=24.905&description={MARKS['outage']}"
    headers = {"content-type": FORM}
    for number in range(8):
        body = f"{form}{number}&email={MARKS['outage']}@example.org".encode()
        answer = await life.node.ask("POST", "/open311/v2/requests.json", body, headers)
        life.keep("outage", answer)
    await life.node.until_ready()


async def look_everywhere(life: Life, everyone: Person, admin: Person, case_id: str) -> None:
    """What staff, public and machines are shown without opening the vault."""
    for path in (
        "/api/cases", "/api/cases?order=updated", "/api/case-count", "/api/tasks", "/api/inbox",
        f"/api/cases/{case_id}", f"/api/cases/{case_id}/journal", f"/api/cases/{case_id}/why",
        f"/api/cases/{case_id}/duplicates", f"/api/cases/{case_id}/thread", "/api/measures",
    ):  # fmt: skip
        answer = await life.ask(everyone, "GET", path)
        assert answer.status == 200, (path, answer.body)
    for path in ("/api/accounts", "/api/account-changes", "/api/errands/dead", "/api/keys"):
        assert (await life.ask(admin, "GET", path)).status == 200, path
    for path in (
        "/metrics", "/health/ready", "/open311/v2/requests.json", "/open311/v2/requests.xml",
        f"/open311/v2/requests/{case_id}.json?extensions=true", "/open311/v2/requests.csv",
        "/open311/v2/servicerequestupdates.json",
    ):  # fmt: skip
        answer = life.keep(path, await life.node.ask("GET", path))
        assert answer.status == 200, (path, answer.body)


async def listen(node: LiveNode, who: Person, heard: bytearray) -> None:
    """The live stream, for as long as the task lives."""
    reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
    head = f"GET /api/live HTTP/1.1\r\nhost: x\r\ncookie: {who.cookie}\r\n"
    head += "accept: text/event-stream\r\n\r\n"
    writer.write(head.encode())
    try:
        while data := await reader.read(2**16):
            heard += data
    finally:
        writer.close()


async def dump(node: LiveNode) -> dict[str, bytes]:
    """Every value of every table of every schema of ours, by table."""
    found: dict[str, bytes] = {}
    async with node.database() as database:
        tables = await database.fetch(
            "SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables "
            "WHERE table_schema NOT IN ('pg_catalog', 'information_schema')"
        )
        for (table,) in tables:
            rows = await database.fetch(f"SELECT * FROM {table}")
            values = (value for row in rows for value in row.values())
            found[table] = b"\n".join(
                value if isinstance(value, bytes) else repr(value).encode() for value in values
            )
    return found


def files_of(node: LiveNode) -> Iterator[tuple[str, bytes]]:
    """Everything on disk: the log, and the whole data folder, the database's own files too."""
    yield "log", node.log.read_bytes()
    for file in sorted(node.data.rglob("*")):
        if file.is_file() and not file.is_symlink():
            yield str(file.relative_to(node.data)), file.read_bytes()


async def test_marked_values_stay_in_the_vault(tmp_path: Path) -> None:
    node = LiveNode(tmp_path / "data", ("--log-level", "debug"))
    heard = bytearray()
    try:
        await node.start()
        admin = await administrator(node)
        everyone = await staff(admin, "everyone", *CASE_ROLES)
        second = await staff(admin, "second", "verifier", "supervisor")
        life = Life(node)
        listening = asyncio.create_task(listen(node, everyone, heard))
        case_id = await live_a_life(life, everyone, second)
        await be_refused(life, everyone, case_id)
        await look_everywhere(life, everyone, admin, case_id)
        assert b"event:" in heard or b"data:" in heard, "the stream told nothing"
        listening.cancel()
        await lose_the_database(life)
        life.seen.append(("live", bytes(heard)))
        leaks = [
            f"{what}: {found}"
            for what, data in life.seen
            # The reporter is shown what staff asked, with the code that only the reporter has.
            if (found := found_in(data, frozenset({"question"} if "receipt" in what else ())))
        ]
        tables = await dump(node)
        # What makes this a search at all: the words are there for who may read them.
        body = {"purpose": "handling"}
        opened = await everyone.ask("POST", f"/api/cases/{case_id}/sealed", body)
        assert opened.status == 200 and "text" in found_in(opened.body), opened.body
    finally:
        node.stop()
    assert len(tables) > 20 and len(tables['vault."values"']) > 1_000
    assert b"CaseOpened" in tables["public.journal"] or b"opened" in tables["public.journal"]
    leaks += [
        f"table {table}: {found}" for table, data in tables.items() if (found := found_in(data))
    ]
    files = dict(files_of(node))
    assert len(files["log"]) > 200 and any("pg_wal" in name for name in files)
    leaks += [f"file {name}: {found}" for name, data in files.items() if (found := found_in(data))]
    assert leaks == []


async def test_a_planted_log_line_is_found(tmp_path: Path) -> None:
    planted = ("-m", "tests.end_to_end.planted_node")
    async with live_node(
        tmp_path / "data", program=planted, environment={"PLANTED": "chatty_log"}
    ) as node:
        await Life(node).report()
    assert found_in(dict(files_of(node))["log"]) == ["text"]
