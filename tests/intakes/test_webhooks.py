"""CloudEvents, the Alertmanager and signed JSON: answered when kept, refused in words."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from tests.intakes.alarm_desk import KeptDesk
from tests.intakes.node import Keys, make_services
from tocsin.intakes.alertmanager.serve import routes as alertmanager
from tocsin.intakes.cap.serve import routes as cap
from tocsin.intakes.cloudevents.serve import routes as cloudevents
from tocsin.intakes.signed_json.parse import WINDOW_S, read, sign
from tocsin.intakes.signed_json.serve import routes as signed_json
from tocsin.kernel.shared import Actor, ActorId, Refused
from tocsin.runtime.alarm_ports import IncomingAlarm
from tocsin.runtime.intake_settings import IntakeError, read_intakes
from tocsin.runtime.json_mapping import JsonMapping, mapped

SECRET = "a secret of thirty characters."
MAPPING = {
    "items": "/lifts", "device": "/id", "kind": "=entrapment", "signal": "/state", "key": "",
    "signals": {"stuck": "raised", "ok": "cleared"}, "values": {"level": "/at/0/floor"},
}  # fmt: skip
TABLE = {"sender": [{"name": "lifts", "secret": SECRET, "mapping": MAPPING},
                    {"name": "plain", "secret": SECRET}]}  # fmt: skip
BODY = b'{"lifts":[{"id":"a","state":"stuck","at":[{"floor":3}]},{"id":"b","state":"ok"}]}'
ALERT = """<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>A-1</identifier>
<sender>w@town.example</sender><sent>2026-05-01T10:00:00+02:00</sent><status>Actual</status>
<msgType>Alert</msgType><scope>Public</scope></alert>"""
EVENT = {"specversion": "1.0", "id": "m-1", "source": "/school/7", "type": "panic"}


@asynccontextmanager
async def posting(desk: KeptDesk) -> AsyncIterator[tuple[httpx.AsyncClient, Any]]:
    """A node's intakes on a real socket."""
    services = make_services()
    services.alarms = desk
    services.intakes = {"signed-json": TABLE}
    services.keys = Keys({("k", "reports:trusted"): Actor(ActorId("k"), "integration")})
    found = [each for of in (cap, cloudevents, alertmanager, signed_json) for each in of(services)]
    config = uvicorn.Config(Starlette(routes=found), port=0, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # pyright: ignore
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        yield client, services
    server.should_exit = True
    await task


def signed(body: bytes, at: float, secret: str = SECRET) -> dict[str, str]:
    stamp = str(int(at))
    return {"x-tocsin-timestamp": stamp, "x-tocsin-signature": sign(secret, stamp, body)}


async def test_a_signed_message_is_read_by_its_senders_mapping():
    desk = KeptDesk()
    async with posting(desk) as (client, services):
        now = services.clock.now().timestamp()
        for _ in range(2):  # a second try is answered alike and changes nothing
            answer = await client.post(
                "/intakes/signed/lifts", content=BODY, headers=signed(BODY, now)
            )
            assert answer.status_code == 204, answer.text
        again = await client.post(
            "/intakes/signed/lifts", content=BODY, headers=signed(BODY, now + 1)
        )
        assert again.status_code == 204
    assert desk.told == [("lifts/a", "entrapment", "raised"), ("lifts/b", "entrapment", "cleared")]
    assert desk.kept[0].values == {"level": 3.0}
    assert desk.repeats == 2  # signed anew: the desk knows it by its digest


@pytest.mark.parametrize(
    ("path", "body", "secret", "late_s", "status", "reason"),
    [
        ("lifts", BODY, "another secret of thirty chars", 0, 403, "signature_wrong"),
        ("lifts", BODY, SECRET, WINDOW_S + 1, 403, "signature_old"),
        ("lifts", BODY, SECRET, -WINDOW_S - 1, 403, "signature_old"),
        ("nobody", BODY, SECRET, 0, 404, "sender_unknown"),
        ("lifts", b'{"lifts":3}', SECRET, 0, 400, "mapping_misses"),
        ("lifts", b"{", SECRET, 0, 400, "unreadable"),
        ("lifts", b" " * 300_000, SECRET, 0, 413, "too_large"),
        ("lifts", b'{"lifts":[{"id":"a","state":"on fire"}]}', SECRET, 0, 400, "mapping_misses"),
    ],
)  # fmt: skip
async def test_what_is_not_the_senders_or_not_of_now_is_refused(
    path: str, body: bytes, secret: str, late_s: int, status: int, reason: str
):
    desk = KeptDesk()
    async with posting(desk) as (client, services):
        at = services.clock.now().timestamp() - late_s
        answer = await client.post(
            f"/intakes/signed/{path}", content=body, headers=signed(body, at, secret)
        )
        assert (answer.status_code, answer.json()["reason"]) == (status, reason)
        assert SECRET not in answer.text
        chinese = await client.post(
            f"/intakes/signed/{path}", content=body,
            headers={**signed(body, at, secret), "accept-language": "zh-CN"},
        )  # fmt: skip
        assert any("\u4e00" <= each <= "\u9fff" for each in chinese.json()["detail"])
    assert desk.kept == []


async def test_a_changed_body_or_stamp_breaks_the_signature():
    async with posting(KeptDesk()) as (client, services):
        now = services.clock.now().timestamp()
        good = signed(BODY, now)
        for body, headers in (
            (BODY + b" ", good),
            (BODY, {**good, "x-tocsin-timestamp": str(int(now) + 1)}),
            (BODY, {**good, "x-tocsin-timestamp": "soon"}),
            (BODY, {"x-tocsin-timestamp": str(int(now))}),
            (BODY, {**good, "x-tocsin-signature": "sha256=\u00e9".encode("latin-1")}),
        ):
            answer = await client.post("/intakes/signed/lifts", content=body, headers=headers)
            assert answer.status_code == 403


async def test_nothing_is_acknowledged_while_nothing_can_be_kept():
    desk = KeptDesk(is_down=True)
    async with posting(desk) as (client, services):
        headers = signed(BODY, services.clock.now().timestamp())
        key = {"x-api-key": "k", "content-type": "application/cloudevents+json"}
        tries = [
            ("/intakes/signed/lifts", BODY, headers),
            ("/intakes/cloudevents", json.dumps(EVENT).encode(), key),
        ]
        for path, body, given in tries:
            answer = await client.post(path, content=body, headers=given)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
        desk.is_down = False
        for path, body, given in tries:
            assert (await client.post(path, content=body, headers=given)).status_code == 204
    assert len(desk.kept) == 3


async def test_keys_are_needed_and_a_batch_is_refused_whole():
    desk = KeptDesk()
    async with posting(desk) as (client, _):
        for path in ("/intakes/cloudevents", "/intakes/alertmanager"):
            assert (await client.post(path, content=b"{}")).status_code == 403
        batch = json.dumps([EVENT, {**EVENT, "id": ""}]).encode()
        headers = {
            "authorization": "Bearer k",
            "content-type": "application/cloudevents-batch+json",
        }
        answer = await client.post("/intakes/cloudevents", content=batch, headers=headers)
        assert (answer.status_code, "no id" in answer.text) == (400, True)
        message = {"version": "4", "alerts": [{"status": "firing", "fingerprint": "f",
                   "labels": {"alertname": "DiskFull"}}]}  # fmt: skip
        answer = await client.post(
            "/intakes/alertmanager", json=message, headers={"x-api-key": "k"}
        )
        assert answer.status_code == 204
    assert desk.told == [("f", "DiskFull", "raised")]


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
async def test_curl_and_openssl_sign_as_the_readme_says(tmp_path: Path):
    desk = KeptDesk()
    async with posting(desk) as (client, services):
        lines = (Path("src/tocsin/intakes/signed_json/README.md")).read_text().splitlines()
        script = [line.strip() for line in lines if line.startswith("    T=") or "    curl" in line]
        now = int(services.clock.now().timestamp())
        text = "\n".join(script).replace("$(date +%s)", str(now))
        text = text.replace("https://YOUR-NODE", str(client.base_url).rstrip("/"))
        text = text.replace("curl -X", "curl -sS -w '%{http_code}' -X")
        around = {"BODY": BODY.decode(), "SECRET": SECRET, "PATH": "/usr/bin:/bin"}
        run = await asyncio.create_subprocess_exec(
            "bash", "-c", text, env=around, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await run.communicate()
        assert out == b"204"
    assert len(desk.kept) == 2


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.parametrize("folder", ["cloudevents", "cap"])
async def test_curl_posts_as_the_readme_says(folder: str, tmp_path: Path):
    desk = KeptDesk()
    (tmp_path / "alert.xml").write_text(ALERT)
    async with posting(desk) as (client, _):
        page = (Path("src/tocsin/intakes") / folder / "README.md").read_text()
        command = page[page.index("    curl ") :].partition("\n\n")[0]
        command = command.replace("https://YOUR-NODE", str(client.base_url).rstrip("/"))
        command = command.replace("KEY", "k").replace("curl -X", "curl -sS -w '%{http_code}' -X")
        run = await asyncio.create_subprocess_exec(
            "bash", "-c", command, cwd=tmp_path, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await run.communicate()
        assert out.endswith((b"204", b"200"))
    assert [each[2] for each in desk.told] == ["raised"]


# -- the mapping, the file


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*JsonMapping.__struct_fields__, "x"]), inner, max_size=6)
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(json_values, st.sampled_from(["", "/items", "/x/0", "/items/00"]))
def test_no_message_makes_the_mapping_raise(document: Any, items: str):
    found = mapped(JsonMapping(items=items, values={"v": "/values/0"}), "test", document)
    assert isinstance(found, tuple | Refused)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_make_the_reading_raise(data: bytes):
    assert isinstance(read(data, JsonMapping(), "s"), tuple | Refused)


def test_only_what_is_named_is_read():
    document = {"device": "d", "kind": "k", "person": "Ada", "plate": "ABC 123", "at": "Ada"}
    found = mapped(JsonMapping(), "test", document)
    assert found == (IncomingAlarm("test", "d", "k", "raised"),)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "intakes.toml"
    path.touch(0o600)
    yield path


def test_the_file_of_the_intakes_is_private_and_knows_its_tables(file: Path):
    codes = ("cap", "sia-dc09", "signed-json")
    assert read_intakes(file.with_name("none.toml"), codes, False) == {}
    file.write_text("[sia-dc09]\nport = 1\n")
    assert read_intakes(file, codes, True) == {"sia-dc09": {"port": 1}}
    wrongs = (("[sia-dc9]\n", "nearest is [sia-dc09]"), ("cap = 3\n", "expected a table"),
              ("[cap", "cannot be read"))  # fmt: skip
    for text, words in wrongs:
        file.write_text(text)
        with pytest.raises(IntakeError) as caught:
            read_intakes(file, codes, True)
        assert words in str(caught.value)
    file.write_text("[cap]\n")
    file.chmod(0o644)
    with pytest.raises(IntakeError, match="chmod 600"):
        read_intakes(file, codes, True)
    with pytest.raises(IntakeError, match="cannot be read"):
        read_intakes(file.with_name("none.toml"), codes, True)
