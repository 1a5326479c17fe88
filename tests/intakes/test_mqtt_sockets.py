"""MQTT over real sockets and with real clients: what is acknowledged is kept, whoever sends it."""

from __future__ import annotations

import asyncio
import json
import shutil
import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiomqtt
import paho.mqtt.client as paho
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from paho.mqtt.enums import CallbackAPIVersion

from tests.intakes.alarm_desk import KeptDesk
from tests.intakes.mqtt_help import SECRET, Wired, listening, until
from tests.intakes.node import make_services
from tocsin.intakes.mqtt import codec
from tocsin.intakes.mqtt.serve import run
from tocsin.runtime.intake_settings import IntakeError

SMOKE = b'{"kind": "smoke"}'
BOTH = pytest.mark.parametrize("version", ["3.1.1", "5.0"])


@BOTH
@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_paho_is_answered_when_it_is_kept(version: str, qos: int):
    desk = KeptDesk()
    protocol = paho.MQTTv5 if version == "5.0" else paho.MQTTv311
    async with listening(desk) as server:

        def send() -> None:
            client = paho.Client(CallbackAPIVersion.VERSION2, "c", protocol=protocol)
            client.username_pw_set("school-3", SECRET)
            client.connect("127.0.0.1", server.port)
            client.loop_start()
            told = [client.publish("tocsin/school-3/alarm", SMOKE, qos) for _ in range(20)]
            for each in told:
                each.wait_for_publish(20)
            client.disconnect()
            client.loop_stop()

        await asyncio.to_thread(send)
        await until(lambda: len(desk.kept) == 20)
        await until(lambda: not server.machine.links)
    assert {each[:2] for each in desk.told} == {("school-3", "smoke")}


@BOTH
async def test_aiomqtt_publishes_and_hears_its_own_topic(version: str):
    desk = KeptDesk()
    protocol = aiomqtt.ProtocolVersion.V5 if version == "5.0" else aiomqtt.ProtocolVersion.V311
    async with (
        listening(desk) as server,
        aiomqtt.Client(
            "127.0.0.1", server.port, username="school-3", password=SECRET, protocol=protocol
        ) as client,
    ):
        await client.subscribe("tocsin/school-3/command", qos=2)
        for qos in (0, 1, 2):
            server.machine.relay("tocsin/school-3/command", b"%d" % qos, qos)
        server.act()
        heard = []
        async for message in client.messages:
            heard.append(int(message.payload))
            if len(heard) == 3:
                break
        assert heard == [0, 1, 2]
        await client.publish("tocsin/school-3/alarm", SMOKE, qos=1)
        assert desk.told == [("school-3", "smoke", "raised")]


@pytest.mark.skipif(shutil.which("mosquitto_pub") is None, reason="mosquitto-clients is missing")
@pytest.mark.parametrize("version", ["mqttv311", "mqttv5"])
async def test_mosquitto_pub_is_answered(version: str):
    desk = KeptDesk()
    async with listening(desk) as server:

        def send(*more: str) -> int:
            command = ["mosquitto_pub", "-p", str(server.port), "-u", "school-3", "-P", SECRET]
            command += ["-V", version, "-t", "tocsin/school-3/alarm", "-m", SMOKE.decode()]
            return subprocess.run([*command, *more], timeout=30, check=False).returncode

        assert await asyncio.to_thread(send, "-q", "1") == 0
        assert await asyncio.to_thread(send, "-q", "2") == 0
        assert await asyncio.to_thread(send, "-q", "1", "-P", "another secret") != 0
        assert len(desk.kept) == 2


async def test_a_device_over_tls(tmp_path: Path):
    desk, files = KeptDesk(), certificate(tmp_path)
    async with listening(desk, tls_port=0, certificate=files[0], key=files[1]) as server:
        context = ssl.create_default_context(cafile=files[0])
        async with aiomqtt.Client(
            "localhost", server.tls_port, username="school-3", password=SECRET, tls_context=context
        ) as client:
            await client.publish("tocsin/school-3/alarm", SMOKE, qos=1)
        assert len(desk.kept) == 1


async def test_devices_over_tls_do_not_read_each_other_s_words(tmp_path: Path):
    """All read through one buffer: what comes in pieces, many at a time, comes whole."""
    desk, files = KeptDesk(), certificate(tmp_path)
    sent: list[str] = []

    async def device(port: int, number: int) -> None:
        async with aiomqtt.Client(
            "localhost", port, username="school-3", password=SECRET,
            identifier=f"d{number}", tls_context=ssl.create_default_context(cafile=files[0]),
        ) as client:  # fmt: skip
            told = [f"{number}-{turn}-".ljust(30_000, chr(97 + turn)) for turn in range(6)]
            sent.extend(told)
            bodies = [json.dumps({"kind": "smoke", "text": each}) for each in told]
            await asyncio.gather(
                *(client.publish("tocsin/school-3/alarm", each, 1, timeout=30) for each in bodies)
            )

    async with listening(desk, tls_port=0, certificate=files[0], key=files[1]) as server:
        await asyncio.gather(*(device(server.tls_port, number) for number in range(12)))
    heard = [each.text for each in desk.kept]
    assert len(heard) == 72
    assert sorted(heard) == sorted(each[: len(heard[0])] for each in sent)


def certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "c.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "k.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / "c.pem", folder / "k.pem"


# -- the wire itself


@BOTH
async def test_nothing_is_acknowledged_while_nothing_can_be_kept(version: str):
    desk = KeptDesk(is_down=True)
    async with listening(desk) as server:
        device = await Wired.open(server.port, version=version)
        assert (await device.hear()).return_code == 0
        device.publish(SMOKE)
        said = await device.hear()
        if version == "5.0":
            assert said == codec.Disconnect(reason_code=0x89)
            said = await device.hear()
        assert said is None
        # Nobody is let in for a moment; then the device sends it again.
        device = await Wired.open(server.port, version=version)
        assert (await device.hear()).return_code == (0x88 if version == "5.0" else 3)
        desk.is_down = False
        server.machine.shut_until = 0.0
        device = await Wired.open(server.port, version=version)
        await device.hear()
        device.publish(SMOKE, dup=True)
        assert (await device.hear()) == codec.PubAck(packet_id=1)
        assert len(desk.kept) == 1


async def test_what_follows_something_that_was_not_kept_is_not_kept_before_it():
    """A clear that failed and a raise behind it: kept in the other order, the alarm would end."""

    class Failing(KeptDesk):
        async def receive(self, incoming, by):  # the first clear fails
            await asyncio.sleep(0)
            if incoming.signal == "cleared" and not self.repeats:
                self.repeats, self.is_down = 1, True
            try:
                return await super().receive(incoming, by)
            finally:
                self.is_down = False

    desk = Failing()
    async with listening(desk) as server:
        device = await Wired.open(server.port)
        await device.hear()
        device.publish(b'{"kind": "smoke", "signal": "cleared"}', 1)
        device.publish(SMOKE, 2)
        assert await device.hear() is None
        assert desk.kept == []


@BOTH
async def test_a_topic_that_is_not_the_devices_is_refused_and_noted(version: str):
    desk = KeptDesk()
    async with listening(desk) as server:
        device = await Wired.open(server.port, version=version)
        await device.hear()
        device.publish(SMOKE, 5, topic="tocsin/school-4/alarm")
        expected = codec.PubAck(packet_id=5, reason_code=0x87) if version == "5.0" else None
        assert await device.hear() == expected
        await until(lambda: desk.kept)
        assert desk.told == [("school-3", "unclear", "trouble")]
        assert "tocsin/school-4/alarm" in desk.kept[0].text


@BOTH
async def test_what_cannot_be_read_is_noted_and_does_not_block_what_is_behind_it(version: str):
    desk = KeptDesk()
    async with listening(desk) as server:
        for attempt in range(2):
            device = await Wired.open(server.port, version=version)
            await device.hear()
            device.publish(b'{"kind": ', 1, dup=attempt > 0)
            device.publish(SMOKE, 2, dup=attempt > 0)
            said = await device.hear()
            if version == "5.0":
                assert said == codec.PubAck(packet_id=1, reason_code=0x99)
            elif attempt == 0:  # it cannot be told, so it is hung up on: it sends both again
                assert said is None
                continue
            else:
                assert said == codec.PubAck(packet_id=1)
            assert await device.hear() == codec.PubAck(packet_id=2)
            device.close()
            break
    assert [each[1:] for each in desk.told] == [("unclear", "trouble"), ("smoke", "raised")]


async def test_a_flood_of_readings_is_refused_and_an_alarm_is_not():
    desk = KeptDesk()
    async with listening(desk, readings=1) as server:
        device = await Wired.open(server.port, version="5.0")
        await device.hear()
        for pid in range(1, 21):
            device.publish(b'{"values": {"level_m": 1}}', pid, topic="tocsin/school-3/reading")
        device.publish(SMOKE, 21)
        codes = [(await device.hear()).reason_code for _ in range(21)]
        assert codes[:10] == [0] * 10 and set(codes[11:20]) == {0x97} and codes[20] == 0


async def test_a_device_that_vanishes_leaves_its_will_and_one_that_says_goodbye_does_not():
    desk = KeptDesk()
    will = codec.Will(
        topic="tocsin/school-3/status", payload=b"offline", qos=codec.QoS(1), retain=False
    )
    async with listening(desk) as server:
        polite = await Wired.open(server.port, will=will)
        await polite.hear()
        polite.say(codec.Disconnect())
        assert await polite.hear() is None
        rude = await Wired.open(server.port, will=will)
        await rude.hear()
        again = await Wired.open(server.port, will=will)  # take-over: the device is there
        await again.hear()
        assert await rude.hear() is None
        await asyncio.sleep(0.1)
        assert desk.told == []
        again.writer.transport.abort()
        await until(lambda: desk.kept)
    assert desk.told == [("school-3", "supervision", "trouble")]


async def test_slow_silent_and_greedy_connections_are_closed():
    limits = {"connect_s": 0.3, "packet_s": 0.3, "per_address": 3, "packet_bytes": 1_024}
    async with listening(KeptDesk(), **limits) as server:
        silent = await Wired.open(server.port, hello=False)
        slow = await Wired.open(server.port)
        await slow.hear()
        slow.writer.write(b"\x30\x7f\x00")
        idle = await Wired.open(server.port, client_id="c2", keepalive=1)
        await idle.hear()
        fourth = await Wired.open(server.port, hello=False)
        assert await fourth.hear() is None
        assert await silent.hear() is None
        assert await slow.hear() is None
        assert await idle.hear() is None
        large = await Wired.open(server.port)
        await large.hear()
        large.writer.write(b"\x30\xff\x7f")
        assert await large.hear() is None
        await until(lambda: not server.wires and not server.seats.addresses)


async def test_a_guesser_is_barred(monkeypatch: pytest.MonkeyPatch):
    async with listening(KeptDesk()) as server:
        for _ in range(20):
            guess = await Wired.open(server.port, password=b"guess")
            assert (await guess.hear()).return_code == 4
        barred = await Wired.open(server.port)
        assert await barred.hear() is None


async def test_many_in_flight_are_answered_in_their_order():
    class Slow(KeptDesk):
        async def receive(self, incoming, by):
            await asyncio.sleep(0.05 if incoming.device.endswith("/3") else 0)
            return await super().receive(incoming, by)

    desk = Slow()
    async with listening(desk, in_flight=64) as server:
        device = await Wired.open(server.port)
        await device.hear()
        for pid in range(1, 301):
            device.publish(json.dumps({"kind": "smoke", "device": f"{pid % 7}"}).encode(), pid)
        heard = [(await device.hear()).packet_id for _ in range(300)]
    assert heard == list(range(1, 301)) and len(desk.kept) == 300
    for each in range(7):  # and what one device says is kept in its order
        pids = [int(k.key.split("-")[0]) for k in desk.kept if k.device.endswith(f"/{each}")]
        assert pids == sorted(pids)


async def test_an_operator_hears_of_a_taken_port_and_of_a_wrong_table():
    services = make_services()
    async with listening(KeptDesk()) as server:
        services.intakes = {"mqtt": {"host": "127.0.0.1", "port": server.port}}
        with pytest.raises(IntakeError):
            await run(services)
    wrongs = [{"prot": 1}, {"device": [{"name": "a", "secret": "plain"}]}, {"tls_port": 1}]
    wrongs += [{"topic": [{"filter": "a/#/b", "mapping": "json"}]}]
    wrongs += [{"topic": [{"filter": "a/#", "mapping": "nothing"}]}]
    for wrong in wrongs:
        services.intakes = {"mqtt": wrong}
        with pytest.raises(IntakeError):
            await run(services)
