"""DC-09 over real sockets: TCP, UDP, the dialler of the command line, and connections that idle."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import pytest
import siadc09.account
import siadc09.message
import structlog

from tests.intakes.alarm_desk import KeptDesk
from tests.intakes.node import make_services
from tocsin.app.cli import main
from tocsin.app.clock import SteadyClock
from tocsin.intakes.sia_dc09.accounts import Account, Dc09Settings
from tocsin.intakes.sia_dc09.cipher import keys_of
from tocsin.intakes.sia_dc09.dialler import Dialler
from tocsin.intakes.sia_dc09.frames import Splitter
from tocsin.intakes.sia_dc09.receiver import Receiver
from tocsin.intakes.sia_dc09.serve import FRAMES_QUEUED_MAX, Server, run
from tocsin.runtime.intake_settings import IntakeError

KEY = "31323334353637383930414243444546"


@asynccontextmanager
async def listening(desk: KeptDesk, **more: object) -> AsyncIterator[Server]:
    accounts = (Account("0123"), Account("AAAA", KEY))
    settings = Dc09Settings(host="127.0.0.1", port=0, account=accounts, **more)
    server = Server(Receiver(settings, desk, SteadyClock(), os.urandom))
    await server.start()
    running = asyncio.create_task(server.run())
    try:
        yield server
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await server.close()


def panel(account: str = "0123", key: bytes = b"") -> Dialler:
    return Dialler(account, lambda: datetime.now(UTC), os.urandom, key)


async def until(what: object) -> None:
    assert callable(what)
    async with asyncio.timeout(20):
        while not what():
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("udp", [False, True], ids=["tcp", "udp"])
@pytest.mark.parametrize("account", ["0123", "AAAA"])
async def test_a_panel_is_answered_over_both(udp: bool, account: str):
    desk = KeptDesk()
    dialler = panel(account, keys_of(KEY)[0] if account == "AAAA" else b"")
    async with listening(desk) as server:
        for frame in (dialler.contact_id("110", 5), dialler.sia("FA", 6, words="HALL")):
            answer = await asyncio.to_thread(dialler.send, frame, "127.0.0.1", server.port, udp)
            assert (answer.said, answer.is_ours) == ("ACK", True)
        answer = await asyncio.to_thread(
            dialler.send, dialler.poll(), "127.0.0.1", server.port, udp
        )
        assert answer.said == "ACK"
        await until(lambda: len(desk.kept) == 3)
    assert [each[1:] for each in desk.told] == [("110", "raised"), ("FA", "raised"), ("", "heard")]


async def test_many_frames_on_one_connection_are_answered_in_their_order():
    desk, dialler = KeptDesk(), panel()
    frames = [dialler.contact_id("110", 1 + n % 900) for n in range(5 * FRAMES_QUEUED_MAX)]
    async with listening(desk) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"\0".join(frames))
        splitter, said = Splitter(), []
        while len(said) < len(frames):
            said += [dialler.read(each) for each in splitter.feed(await reader.read(4096))]
        writer.close()
    assert {each.said for each in said} == {"ACK"}
    assert [each.text[5:9] for each in said] == [f"{n + 1:04d}" for n in range(len(frames))]
    assert [each.sequence for each in desk.kept] == list(range(1, len(frames) + 1))


async def test_a_burst_of_any_size_is_read_bit_by_bit_and_answered():
    """What was kept while a line was down comes all at once."""
    desk, dialler = KeptDesk(), panel()
    frames = [dialler.contact_id("110", 1 + n % 900) for n in range(1_500)]
    async with listening(desk) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"".join(frames))
        answered = 0
        async with asyncio.timeout(30):
            while answered < len(frames):
                answered += (await reader.read(4096)).count(b'"ACK"')
        writer.close()
    assert len(desk.kept) == len(frames) and not server.hang_ups.counts


async def test_a_panel_that_was_acknowledged_keeps_its_seat_among_strangers():
    desk, dialler = KeptDesk(), panel()
    async with listening(desk, connections=3) as server:
        known, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(dialler.contact_id("110", 5))
        assert b'"ACK"' in await known.readuntil(b"\r")
        strangers = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(8)]
        for _, each in strangers:
            each.write(b'\n00000000"')
        await until(lambda: server.hang_ups.counts["full"] == 6)
        writer.write(dialler.contact_id("110", 6))
        assert b'"ACK"' in await known.readuntil(b"\r")
        for _, each in strangers:
            each.transport.abort()
    assert len(desk.kept) == 2


async def test_a_stranger_who_speaks_as_a_panel_keeps_no_seat_that_panels_need():
    """Where strangers are heard as well, their alarms are kept; their seats are lent."""
    desk = KeptDesk()
    async with listening(desk, connections=3) as server:
        strangers = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(3)]
        for number, (reader, writer) in enumerate(strangers):
            writer.write(panel(f"77{number}").contact_id("110", 5))
            assert b'"ACK"' in await reader.readuntil(b"\r")
        known = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(3)]
        for number, (reader, writer) in enumerate(known):
            writer.write(panel().contact_id("110", 6 + number))
            assert b'"ACK"' in await reader.readuntil(b"\r")
        assert server.hang_ups.counts["full"] == 3
        _, late = await asyncio.open_connection("127.0.0.1", server.port)
        await until(lambda: server.hang_ups.counts["full"] == 4)
        for _, writer in (*strangers, *known, (None, late)):
            writer.transport.abort()
    assert len(desk.kept) == 6


@pytest.mark.parametrize("key", [b"", bytes.fromhex(KEY)], ids=["plain", "aes"])
async def test_frames_of_another_library_are_answered_so_that_it_reads_the_answer(key: bytes):
    desk = KeptDesk()
    account = siadc09.account.Account(acct=0xAAAA if key else 0xBBB, key=key or None)
    async with listening(desk) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        event = siadc09.message.EventMessage(account, {"idtoken": "SIA-DCS", "seqno": 7})
        event.data = siadc09.message.parse_data(b"#AAAA|NFA129" if key else b"#BBB|NFA129")
        for message, kind in ((event, "ACK"), (siadc09.message.NullMessage(account), "ACK")):
            writer.write(message.encode(timestamp=datetime.now(UTC)))
            answer = siadc09.message.parse_frame(await reader.readuntil(b"\r"), key or None)
            assert answer.idtoken == kind and answer.encrypted == bool(key)
            assert answer.seq == message.seq
        writer.close()
        await until(lambda: len(desk.kept) == 2)
    assert desk.told[0][1:] == ("FA", "raised")


async def test_while_nothing_can_be_kept_nothing_is_said():
    desk, dialler = KeptDesk(is_down=True), panel()
    frame = dialler.contact_id("110", 5)
    async with listening(desk) as server:
        answer = await asyncio.to_thread(dialler.send, frame, "127.0.0.1", server.port, wait_s=0.5)
        assert answer.said == ""
        desk.is_down = False
        answer = await asyncio.to_thread(dialler.send, frame, "127.0.0.1", server.port)
        assert answer.said == "ACK" and len(desk.kept) == 1


@pytest.mark.parametrize("udp", [False, True], ids=["tcp", "udp"])
async def test_a_bug_behind_the_receiver_is_never_acknowledged_and_does_not_end_it(udp: bool):
    desk, dialler = KeptDesk(is_broken=True), panel()
    async with listening(desk) as server:

        async def say(frame: bytes) -> str:
            sent = asyncio.to_thread(dialler.send, frame, "127.0.0.1", server.port, udp, 0.5)
            return (await asyncio.gather(sent, return_exceptions=True))[0]

        frame = dialler.contact_id("110", 5)
        assert getattr(await say(frame), "said", "") == ""  # or hung up on
        for _ in range(10):  # more than there are workers
            assert (await say(dialler.poll())).said == "ACK"
        desk.is_broken = False
        assert (await say(frame)).said == "ACK"
        assert (await say(dialler.poll())).said == "ACK"
        await until(lambda: len(desk.kept) == 2)


async def test_silent_slow_and_foreign_connections_are_hung_up_on():
    async with listening(KeptDesk(), idle_s=1.0, frame_s=0.5, per_address=3) as server:
        oldest, _w1 = await asyncio.open_connection("127.0.0.1", server.port)
        slow, slow_writer = await asyncio.open_connection("127.0.0.1", server.port)
        foreign, foreign_writer = await asyncio.open_connection("127.0.0.1", server.port)
        await until(lambda: len(server.lines) == 3)
        silent, _w2 = await asyncio.open_connection("127.0.0.1", server.port)
        with pytest.raises(ConnectionResetError):
            assert await oldest.read(1) == b"", "none of them said a word: it makes room"
            raise ConnectionResetError
        slow_writer.write(b"\n12340020")
        foreign_writer.write(b'\n00000000"' + b"x" * 9_000)
        for each in (silent, slow, foreign):
            with pytest.raises(ConnectionResetError):
                assert await each.read(1) == b""
                raise ConnectionResetError
        await until(lambda: not server.lines and not server.seats.addresses)
    told = {"full": 1, "silent": 1, "slow": 1, "foreign": 1}
    assert server.hang_ups.counts == told


async def test_a_panel_that_reads_no_answer_is_hung_up_on_and_one_that_is_half_open_too():
    """Half open: the system of the other end holds the connection, and nobody is behind it. It
    spoke once, so it is no stranger; then nothing comes, and nothing is read."""
    desk, dialler = KeptDesk(), panel()
    async with listening(desk, idle_s=1.0) as server:
        half_open = socket.create_connection(("127.0.0.1", server.port))
        half_open.sendall(dialler.contact_id("110", 5))
        await until(lambda: len(desk.kept) == 1)
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            deaf.connect(("127.0.0.1", server.port))
            deaf.setblocking(False)
            await until(lambda: len(server.lines) == 2)
            for line in server.lines:  # what the system keeps for a panel is no limit of ours
                kept = line._transport.get_extra_info("socket")
                kept.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
            unsent = b""
            async with asyncio.timeout(60):
                while not server.hang_ups.counts["unread"]:
                    unsent = unsent or b"".join(dialler.poll() for _ in range(50))
                    with suppress(BlockingIOError, ConnectionError):
                        unsent = unsent[deaf.send(unsent) :]
                    await asyncio.sleep(0.001)
        await until(lambda: not server.lines and not server.seats.addresses)
        half_open.close()
    assert server.hang_ups.counts == {"unread": 1, "silent": 1}


async def test_an_operator_sees_why_panels_are_hung_up_on():
    services = replace_tables(make_services(), {"host": "127.0.0.1", "port": 0, "idle_s": 0.5})
    with structlog.testing.capture_logs() as lines:
        task = asyncio.create_task(run(services))
        await until(lambda: any(each["event"] == "dc09_listens" for each in lines))
        (port,) = (each["port"] for each in lines if each["event"] == "dc09_listens")
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        await until(lambda: any(each["event"] == "intake_hangs_up" for each in lines))
        writer.close()
        task.cancel()
    (told,) = (each for each in lines if each["event"] == "intake_hangs_up")
    assert (told["intake"], told["reasons"]) == ("sia-dc09", {"silent": 1})
    assert services.hang_ups["sia-dc09"].counts == {"silent": 1}


async def test_the_intake_serves_what_the_operator_set_and_says_what_is_wrong():
    services = make_services()
    await run(services)  # nothing is set: nothing to do
    services = replace_tables(services, {"host": "127.0.0.1", "port": 0})
    task = asyncio.create_task(run(services))
    await asyncio.sleep(0.1)
    assert not task.done()
    task.cancel()
    async with listening(KeptDesk()) as server:
        wrongs = (
            {"host": "127.0.0.1", "port": server.port},
            {"prot": 1},
            {"account": [{"account": "0123", "key": "too short"}]},
        )
        for table, words in zip(wrongs, ("cannot listen", "prot", "key is 32"), strict=True):
            with pytest.raises(IntakeError, match=words) as caught:
                await run(replace_tables(services, table))
            assert "too short" not in str(caught.value)
            assert "接入配置" in caught.value.message("zh-CN")


def replace_tables(services, table):
    services.alarms = KeptDesk()
    services.intakes = {"sia-dc09": table}
    return services


async def test_an_installer_tries_a_site(capsys: pytest.CaptureFixture[str]):
    desk = KeptDesk()
    async with listening(desk) as server:
        to = ["--to", f"127.0.0.1:{server.port}"]
        capsys.readouterr()

        async def tocsin_panel(*words: str) -> tuple[int, str]:
            code = await asyncio.to_thread(main, ["panel", *words, *to])
            out = capsys.readouterr()
            assert KEY not in out.out + out.err
            return code, out.out + out.err

        assert await tocsin_panel("110", "--account", "0123", "--zone", "5") == (
            0, 'ACK: taken: it is on disk there\n"ACK"0001L0#0123[]\n'
        )  # fmt: skip
        assert (await tocsin_panel("FA", "--account", "AAAA", "--key", KEY))[0] == 0
        text_key = ["--key", KEY, "--key-is-text", "--udp", "--sequence", "2"]
        assert (await tocsin_panel("110", "--account", "AAAA", *text_key, "--restore"))[0] == 0
        assert (await tocsin_panel("poll", "--account", "0123"))[0] == 0
        code, said = await tocsin_panel("110", "--account", "AAAA", "--language", "zh-CN")
        assert code == 1 and "被拒绝" in said
        code, said = await tocsin_panel("110", "--account", "AAAA", "--key", "12")
        assert code == 2 and "hexadecimal" in said
        await until(lambda: len(desk.kept) == 4)
    code, said = await asyncio.to_thread(main, ["panel", "110", "--account", "1", *to]), ""
    assert code == 2
    assert "nobody answers" in capsys.readouterr().err + said
