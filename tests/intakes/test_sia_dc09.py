"""DC-09 read as panels write it, held to the standard's arithmetic and to two other readings."""

from __future__ import annotations

import csv
import os
from datetime import UTC, datetime, timedelta

import pytest
import siadc09.account
import siadc09.message
from hypothesis import given, settings
from hypothesis import strategies as st
from pysiaalarm import SIAAccount, SIAEvent

from tests.geography.roads.towns_with_roads import shared
from tests.intakes.alarm_desk import KeptDesk
from tests.intakes.node import HandClock
from tocsin.intakes.sia_dc09.accounts import Account, Dc09Settings
from tocsin.intakes.sia_dc09.cipher import decrypt, encrypt, keys_of
from tocsin.intakes.sia_dc09.codes import contact_id, sia
from tocsin.intakes.sia_dc09.dialler import Dialler
from tocsin.intakes.sia_dc09.frames import FRAME_MAX, Frame, Splitter, build, crc16
from tocsin.intakes.sia_dc09.parse import parse
from tocsin.intakes.sia_dc09.receiver import REPEAT_S, Receiver
from tocsin.kernel.shared import Refused
from tocsin.runtime.alarm_ports import IncomingAlarm

KEY = "31323334353637383930414243444546"
TEXT_KEY = "A" * 16
CLOCK = HandClock()


def dialler(account: str = "0123", key: bytes = b"", clock: HandClock = CLOCK) -> Dialler:
    return Dialler(account, clock.now, os.urandom, key)


def read(frame: bytes, key: str = "") -> tuple[IncomingAlarm, ...]:
    found = parse(frame, {"panel-key": key})
    assert not isinstance(found, Refused), found
    return found


# -- the arithmetic of the standard


def test_the_crc_is_the_one_of_the_standard():
    assert crc16(b"123456789") == 0xBB3D  # CRC-16/ARC, as catalogues of CRCs give it
    body = b'"SIA-DCS"9876R579BDFL789ABC#12345A[#12345A|NFA129][M1234567890AB]'
    assert crc16(body) == siadc09.message.crc(body)
    assert build(b'"ACK"0001L0#1[]')[5:9] == b"000F"


@pytest.mark.parametrize("size", [16, 24, 32])
def test_both_readings_of_a_key_open_a_message(size: int):
    raw = bytes(65 + each % 26 for each in range(size))
    for written in (raw.hex(), raw.decode()):
        assert raw in keys_of(written)
        sent = encrypt(raw, b"#0123|1110 00 005]_14:12:04,09-25-2026", os.urandom(32))
        assert decrypt(keys_of(written), sent) == (raw, b"#0123|1110 00 005]_14:12:04,09-25-2026")
    assert keys_of("12") == keys_of("é" * 16) == ()


def test_thirty_two_digits_are_either_reading():
    as_digits, as_text = bytes.fromhex(KEY), KEY.encode()
    assert keys_of(KEY) == (as_digits, as_text)
    for key in keys_of(KEY):
        assert read(dialler(key=key).contact_id("110", 5), KEY)[0].device == "0123/0/5"


# -- other readings of the standard


@pytest.mark.parametrize("key", [b"", b"k" * 16, b"k" * 24, b"k" * 32])
def test_another_library_reads_our_frames_and_we_read_its(key: bytes):
    panel = dialler("12AB", key)
    theirs = siadc09.message.parse_frame(panel.contact_id("130", 129, 2, "3"), {None: key})
    event = theirs.data.event
    assert (event.qualifier, event.code, event.group, event.addr) == ("3", "130", 2, 0x129)
    account = siadc09.account.Account(acct=0x12AB, key=key or None)
    message = siadc09.message.EventMessage(account, {"idtoken": "ADM-CID", "seqno": 7})
    message.data = siadc09.message.parse_admcid(b"#12AB|3130 02 129")
    message.data.pack = lambda brackets: b"#12AB|3130 02 129"
    (ours,) = read(message.encode(timestamp=CLOCK.now()), key.decode())
    assert (ours.device, ours.kind, ours.signal) == ("12AB/2/129", "130", "cleared")
    poll = siadc09.message.NullMessage(account).encode(timestamp=CLOCK.now())
    assert read(poll, key.decode())[0].signal == "heard"


def test_a_third_library_reads_our_frames_and_its_answers_are_read():
    panel = dialler("12AB", TEXT_KEY.encode())
    panel.now = lambda: datetime.now(UTC)  # that library looks at its own clock
    accounts = {"12AB": SIAAccount("12AB", TEXT_KEY)}
    for frame, code in ((panel.contact_id("110", 5), "FA"), (panel.sia("WA", 5, 1), "WA")):
        event = SIAEvent.from_line(frame.decode().strip(), accounts)
        assert (event.code, event.account, int(event.ri)) == (
            code,
            "12AB",
            5 if code == "FA" else 1,
        )
        (answer,) = Splitter().feed(event.create_response())
        assert (panel.read(answer).said, panel.read(answer).is_ours) == ("ACK", True)


def test_collected_lines_are_read_as_expected_or_refused_for_their_reason():
    path = shared("sia_dc09/test_vectors.csv")
    with path.open(encoding="utf-8") as lines:
        rows = {row["case"]: row for row in csv.DictReader(lines)}
    reasons: dict[str, str] = {}
    for case, row in rows.items():
        line = row["line"].encode()
        as_sent = parse(b"\n" + line + b"\r", {"panel-key": TEXT_KEY})
        if isinstance(as_sent, Refused):
            reasons[case] = as_sent.reason
        if row["crc_ok"] == "False" and row["crc_computed"]:
            assert reasons[case] == "bad_crc", case
        if not row["crc_computed"]:
            continue
        mended = parse(build(line[8:]), {"panel-key": TEXT_KEY})
        if case in ("encrypted", "encrypted_adm"):  # their keys are nowhere
            assert isinstance(mended, Refused) and mended.reason == "bad_key"
            continue
        assert not isinstance(mended, Refused), case
        first = mended[0]
        assert first.device.split("/")[0].endswith(row["account"]), case
        if row["code"] in ("FA", "WA", "PA"):
            assert first.signal == "raised"
            assert first.kind == ("110" if case == "adm_cid" else row["code"])
        elif row["code"] == "KR":
            assert {(each.kind, each.signal) for each in mended} == {
                ("KA", "cleared"), ("KT", "cleared")
            }  # fmt: skip
        elif row["code"] != "None":  # openings, closings, automatic tests
            assert (first.signal, first.zone, first.text) == ("heard", "", "")
    # Another protocol, and no event at all.
    assert (reasons["oh"], reasons["eventformaterror"]) == ("unreadable", "unreadable")


def test_every_listed_code_has_its_signal():
    path = shared("sia_dc09/sia_codes.csv")
    with path.open(encoding="utf-8-sig") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 280
    for row in rows:
        meaning, text = sia(row["CODE"]), row["DESCRIPTION"].upper()
        is_end = "RESTOR" in text or " RST" in text
        if is_end and row["CODE"] != "RR":  # the power of the panel came back: it lives
            assert meaning.signal == "cleared", row
            assert row["CODE"] not in meaning.codes
        elif text.endswith(" ALARM") and row["CODE"][0] not in "DEO":
            assert meaning.signal == "raised", row
        elif "TROUBLE" in text or "TRBL" in text:
            assert meaning.signal == "trouble", row
        if any(word in text for word in ("OPENING", "CLOSING", "USER", "ACCESS ")):
            assert meaning.is_personal, row


USERS = (
    "121 313 400 401 402 403 404 405 406 407 408 409 411 412 413 414 415 421 422 424 425 429 430 "
    "431 440 441 442 450 451 452 453 454 455 456 457 458 459 462 463 464 466 574 604 607 625 642"
).split()
"""Events of SIA DC-05-1999.09, appendix C, whose number is a user's."""
AT_A_POINT = {
    "110": "raised", "118": "raised", "140": "raised", "158": "raised", "200": "trouble",
    "301": "trouble", "384": "trouble", "423": "trouble", "426": "trouble", "461": "trouble",
    "570": "trouble", "601": "tested", "602": "heard", "608": "heard", "609": "heard",
    "611": "tested", "612": "trouble", "613": "tested", "616": "trouble", "627": "heard",
}  # fmt: skip
"""Signals by what the appendix says of the event: 609 is a transmitter of pictures that is active
and 612 a point that was not tested, neither is a test."""


def test_contact_id_is_as_its_appendix_says():
    assert [each for each in USERS if not contact_id("1", each).is_personal] == []
    assert {code: contact_id("1", code).signal for code in AT_A_POINT} == AT_A_POINT
    for code in ("110", "301", "423", "570"):
        assert contact_id("3", code).signal == "cleared"
        assert not contact_id("1", code).is_personal


def test_people_are_not_read():
    for code in ("401", "407", "421", "441", "459", "121"):
        assert contact_id("1", code).is_personal
    (opened,) = read(dialler().contact_id("401", 57, 1))
    assert (opened.device, opened.zone, opened.signal) == ("0123", "", "heard")
    assert "57" not in repr(opened).replace(opened.key, "")


# -- the stream


FRAMES = [
    dialler("0123").contact_id("110", 5),
    dialler("ABCD", b"k" * 16).sia("FA", 5, 1),
    build(b'"NULL"0000#0123[]', is_binary=True),
    dialler("0123").poll().lower(),
]


@given(st.data())
def test_however_the_stream_is_cut_the_frames_are_the_same(data: st.DataObject):
    fill = data.draw(st.lists(st.sampled_from([b"", b"\0", b"\0\0\r", b"\r\n\0"]), min_size=4))
    stream = b"".join(frame + extra for frame, extra in zip(FRAMES, fill, strict=False))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    splitter, found = Splitter(), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += splitter.feed(stream[start:end])
    whole = [frame for each in FRAMES for frame in Splitter().feed(each)]
    assert found == whole
    assert all(each.is_sound for each in found[:3])


@pytest.mark.parametrize("crc", [b"\n\r", b"\r\0", b'"0'])
def test_a_binary_crc_may_be_any_two_bytes(crc: bytes):
    wanted = int.from_bytes(crc, "big")
    for number in range(1_000_000):
        body = b'"NULL"0000L0#%08X[]' % (number * 2_654_435_761 % 2**32)
        if crc16(body) == wanted:
            break
    else:
        pytest.fail("no such body")
    (frame,) = Splitter().feed(build(body, is_binary=True))
    assert frame == Frame(wanted, len(body), body, True)


@settings(max_examples=300)
@given(st.lists(st.binary(max_size=600) | st.sampled_from(FRAMES), max_size=30))
def test_no_bytes_make_the_stream_raise_or_grow(pieces: list[bytes]):
    splitter = Splitter()
    for piece in pieces:
        splitter.feed(piece)
        assert len(splitter.kept) <= FRAME_MAX


def test_a_stream_without_end_is_given_up():
    splitter = Splitter()
    for piece in (b'\n00000000"' + b"x" * 3000, b"x" * 3000):
        splitter.feed(piece)
    assert splitter.is_overfull and not splitter.kept


# -- the receiver


class Bench:
    """A receiver with one panel of each sort, a desk that keeps, and a clock in the hand."""

    def __init__(self, receiver: type[Receiver] = Receiver, **more: object) -> None:
        self.clock = HandClock(datetime(2026, 9, 25, 14, 12, 4, tzinfo=UTC))
        self.desk = KeptDesk()
        accounts = (Account("0123"), Account("AAAA", KEY), Account("BBBB", key=TEXT_KEY),
                    Account("CCCC", ignore_clock=True))  # fmt: skip
        self.receiver = receiver(
            Dc09Settings(account=accounts, **more), self.desk, self.clock, os.urandom
        )
        self.plain = dialler("0123", clock=self.clock)

    async def ask(self, frame: bytes) -> bytes:
        (cut,) = Splitter().feed(frame)
        return (await self.receiver.answer(cut)).data or b""

    async def say(self, panel: Dialler, frame: bytes) -> str:
        answer = await self.ask(frame)
        if not answer:
            return ""
        (cut,) = Splitter().feed(answer)
        found = panel.read(cut)
        assert found.is_ours
        return found.said


async def test_an_account_is_echoed_as_it_came():
    bench = Bench()
    answer = await bench.ask(build(b'"ADM-CID"0042R0aL00b#0123[#0123|1110 00 005]'))
    assert b'"ACK"0042R0aL00b#0123[]' in answer
    answer = await bench.ask(build(b'"adm-cid"0043#01ab[#01ab|1110 00 005]', is_binary=True))
    (cut,) = Splitter().feed(answer)
    assert cut.body == b'"ACK"0043L0#01ab[]' and cut.is_binary and cut.is_sound


async def test_nothing_is_acknowledged_that_is_not_kept():
    bench = Bench()
    frame = bench.plain.contact_id("110", 5)
    bench.desk.is_down = True
    assert await bench.say(bench.plain, frame) == ""
    bench.desk.is_down = False
    assert await bench.say(bench.plain, frame) == "ACK"
    assert await bench.say(bench.plain, frame) == "ACK"
    assert bench.desk.told == [("0123/0/5", "110", "raised")]
    assert bench.desk.repeats == 1
    bench.desk.refuses = "alarm_bad_value"
    assert await bench.say(bench.plain, bench.plain.contact_id("110", 6)) == "DUH"


async def test_a_receiver_that_answers_first_is_caught():
    class Hasty(Receiver):
        async def answer(self, frame: Frame):
            desk = self.desk
            self.desk = KeptDesk()  # answers now, keeps later
            answer = await super().answer(frame)
            self.desk = desk
            return answer

    bench = Bench(Hasty)
    bench.desk.is_down = True
    assert await bench.say(bench.plain, bench.plain.contact_id("110", 5)) == "ACK"


async def test_the_second_fire_of_a_panel_that_began_anew_is_a_second_fire():
    bench = Bench()
    for _ in range(3):
        await bench.say(bench.plain, bench.plain.contact_id("110", 5))
        bench.clock.move(seconds=1)
    bench.plain.sequence = 0  # it restarts
    bench.clock.move(seconds=REPEAT_S + 1)
    assert await bench.say(bench.plain, bench.plain.contact_id("110", 5)) == "ACK"
    assert bench.desk.told == [("0123/0/5", "110", "raised")] * 4
    sessions = [each.session for each in bench.desk.kept]
    assert len(set(sessions[:3])) == 1 and sessions[3] != sessions[0]
    assert [each.sequence for each in bench.desk.kept] == [1, 2, 3, 1]


async def test_a_restarted_panel_with_other_words_is_new_at_once():
    bench = Bench()
    await bench.say(bench.plain, bench.plain.contact_id("110", 5))
    bench.plain.sequence = 0
    await bench.say(bench.plain, bench.plain.contact_id("110", 6))
    first, second = bench.desk.kept
    assert first.session != second.session and first.key != second.key


async def test_the_count_is_carried_over_its_end():
    bench = Bench()
    bench.plain.sequence = 9_997
    for _ in range(4):
        await bench.say(bench.plain, bench.plain.contact_id("110", 5))
    assert [each.sequence for each in bench.desk.kept] == [9_998, 9_999, 10_000, 10_001]
    assert len({each.session for each in bench.desk.kept}) == 1
    assert {each.sender for each in bench.desk.kept} == {"0123"}


@pytest.mark.parametrize(
    ("ahead_s", "said"), [(20, "ACK"), (21, "NAK"), (-40, "ACK"), (-41, "NAK")]
)
async def test_a_clock_that_is_off_is_told_the_time(ahead_s: int, said: str):
    bench = Bench()
    for account, key in (("0123", ""), ("AAAA", KEY)):
        panel = dialler(account, keys_of(key)[0] if key else b"", bench.clock)
        now = bench.clock.now()
        panel.now = lambda at=now: at + timedelta(seconds=ahead_s)
        answer = await bench.ask(panel.contact_id("110", 5))
        assert (b'"NAK"0000R0L0A0[]_14:12:04,09-25-2026' in answer) == (said == "NAK")
    assert len(bench.desk.kept) == (2 if said == "ACK" else 0)


async def test_a_panel_without_a_clock_may_be_let_through_and_damaged_stamps_are_not():
    bench = Bench()
    old = b'"ADM-CID"0042L0#%s[#%s|1110 00 005]_14:12:04,09-25-2011'
    assert b"ACK" in await bench.ask(build(old % (b"CCCC", b"CCCC")))
    assert b"NAK" in await bench.ask(build(old % (b"0123", b"0123")))
    assert b"NAK" in await bench.ask(build(b'"NULL"0000L0#0123[]_14:12:04,09-25-201'))


async def test_encrypted_accounts_are_answered_encrypted_and_only_so():
    bench = Bench()
    for account, written in (("AAAA", KEY), ("BBBB", TEXT_KEY)):
        for key in keys_of(written):
            panel = dialler(account, key, bench.clock)
            panel.sequence = len(bench.desk.kept)
            frame = panel.contact_id("110", 5)
            assert await bench.say(panel, frame) == "ACK"
            assert b'"*ACK"' in await bench.ask(frame)
    told = len(bench.desk.kept)
    in_clear = dialler("AAAA", b"", bench.clock)
    assert await bench.say(in_clear, in_clear.contact_id("110", 5, qualifier="3")) == "DUH"
    stranger = dialler("AAAA", b"x" * 16, bench.clock)
    assert await bench.say(stranger, stranger.contact_id("110", 5)) == "DUH"
    assert len(bench.desk.kept) == told


@pytest.mark.parametrize("key", [KEY, TEXT_KEY])
async def test_a_key_never_leaves(key: str):
    account = "AAAA" if key == KEY else "BBBB"
    bench = Bench()
    for raw in keys_of(key):
        panel = dialler(account, raw, bench.clock)
        for extra in ("[K]", "[KAAAAAAAAAAAAAAAA]"):
            for kind in ("ADM-CID", "NULL", "XNM", "SIA-PUL"):
                data = f"#{account}|1110 00 005" if kind == "ADM-CID" else ""
                answer = await bench.ask(panel.frame(kind, data, extra))
                (cut,) = Splitter().feed(answer)
                text = cut.body + (decrypt((raw,), cut.body.partition(b"[")[2]) or (b"", b""))[1]
                assert raw not in text and raw.hex().encode() not in text.lower()
                assert b"[K" not in text
    assert key not in repr(bench.receiver)


async def test_unknown_accounts_are_kept_unless_only_known_ones_are_wanted():
    panel = dialler("9999")
    for only, said in ((False, "ACK"), (True, "DUH")):
        bench = Bench(accounts_only=only)
        panel.now = bench.clock.now
        assert await bench.say(panel, panel.contact_id("110", 5)) == said


async def test_a_poll_is_answered_and_its_account_lives():
    bench = Bench()
    (cut,) = Splitter().feed(bench.plain.poll())
    answer = await bench.receiver.answer(cut)
    alive = answer.alive
    assert answer.is_taken and b'"ACK"0000L0#0123[]' in (answer.data or b"")
    assert alive is not None and (alive.device, alive.signal) == ("0123", "heard")
    await bench.receiver.keep_alive(alive)
    assert bench.desk.told == [("0123", "", "heard")]


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=120), st.sampled_from(["ADM-CID", "SIA-DCS", "NULL", "XNM"]))
def test_no_content_makes_the_reading_raise(text: str, kind: str):
    body = f'"{kind}"0001L0#1[{text}'.encode().replace(b"\r", b"").replace(b"\n", b"")
    found = parse(build(body), {})
    assert isinstance(found, tuple | Refused)
