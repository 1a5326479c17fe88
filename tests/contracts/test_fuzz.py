"""Bytes from anywhere against every parser that the contract of the intakes does not reach: no
error but its own, no hang, and nothing that grows with what was thrown away.

Each door is a function of bytes with real messages to begin from. What remembers something between
messages is fed by one door for the whole run, and its size is looked at afterwards.
"""

from __future__ import annotations

import asyncio
import signal
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contracts.test_intakes import INTAKES, mutations
from tests.intakes.alarm_desk import KeptDesk
from tests.intakes.node import HandClock
from tocsin.app.places import SiteError, read_places
from tocsin.intakes.cap.reading import ALERT_BYTES_MAX, document, read_alert, read_feed
from tocsin.intakes.mqtt import codec
from tocsin.intakes.mqtt.effects import Message
from tocsin.intakes.mqtt.parse import Topics
from tocsin.intakes.sia_dc09.accounts import Account, Dc09Settings
from tocsin.intakes.sia_dc09.cipher import keys_of
from tocsin.intakes.sia_dc09.dialler import Dialler
from tocsin.intakes.sia_dc09.frames import FRAME_MAX, Splitter
from tocsin.intakes.sia_dc09.receiver import Receiver
from tocsin.kernel.shared import AreaId
from tocsin.packs.load import load_pack
from tocsin.packs.reading import PackError
from tocsin.runtime.intake_settings import IntakeError, read_intakes
from tocsin.web import asset_csv

PACKET_MAX = 65_536
HANG_S = 20
"""No message takes a hundredth of it; a loop without end takes more."""
KEY = "31323334353637383930414243444546"
COUNTY = Path(__file__).parents[2] / "packs" / "county"
NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@dataclass
class Door:
    """One parser. `size` says how much it remembers, and `most` how much that may ever be."""

    name: str
    enter: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    errors: tuple[type[Exception], ...] = ()
    size: Callable[[], int] = field(default=lambda: 0)
    most: int = 0
    examples: int = 200

    def __str__(self) -> str:
        return self.name


class Hangs(BaseException):
    """It did not come back."""


@contextmanager
def impatient(seconds: int = HANG_S) -> Iterator[None]:
    def stop(number: int, frame: object) -> None:
        raise Hangs

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def trouble(door: Door, data: bytes, patience: int = HANG_S) -> str:
    """What goes wrong with these bytes; "" where nothing does."""
    try:
        with impatient(patience):
            door.enter(data)
    except door.errors:
        pass
    except Hangs:
        return "hangs"
    except Exception as error:  # the promise is that there is none
        return repr(error)
    return "grows" if door.size() > door.most else ""


# -- the doors


def mqtt_topics() -> Door:
    """Whatever one gateway publishes, described entities and counters included."""
    topics = Topics()
    examples = [each for intake in INTAKES if str(intake) == "mqtt" for each in intake.examples]
    names = [each.headers.get("topic", "tocsin/gate/alarm") for each in examples]
    seeds = [bytes([n]) + each.data for n, each in enumerate(examples)]
    seeds += [
        bytes([len(names)]) + each.headers["config"].encode()
        for each in examples
        if "config" in each.headers
    ]
    names.append("homeassistant/binary_sensor/u-1/config")

    def enter(data: bytes) -> object:
        topic = names[data[0] % len(names)] if data else names[0]
        return topics.read(Message("gate", topic, data[1:], qos=1, pid=1, is_new=True))

    def size() -> int:
        return len(topics.discovery._known)  # pyright: ignore[reportPrivateUsage]

    return Door("mqtt topics", enter, tuple(seeds), size=size, most=20_000)


def mqtt_packets() -> Door:
    """What a client writes: its greeting and whatever follows, in two pieces."""
    hello = codec.Connect(
        client_id="gate", clean_session=True, keepalive=60, username="gate", password=b"secret"
    )
    news = codec.Publish(topic="a/b", payload=b"x", qos=codec.QoS(1), retain=False, dup=False,
                         packet_id=7)  # fmt: skip
    seeds = tuple(
        codec.encode(hello, version) + codec.encode(news, version) for version in ("3.1.1", "5.0")
    )

    def enter(data: bytes) -> object:
        reader = codec.Reader(PACKET_MAX)
        reader.feed(data[: len(data) // 2])
        reader.feed(data[len(data) // 2 :])
        return list(iter(reader.next, None))

    return Door("mqtt packets", enter, seeds, (codec.Unreadable,))


def dc09_receiver() -> Door:
    """The receiver with a panel that has a key, and everybody else in clear."""
    accounts = (Account("0123"), Account("AAAA", KEY))
    receiver = Receiver(
        Dc09Settings(account=accounts),
        KeptDesk(),
        HandClock(NOW),
        lambda n: b"\7" * n,
    )
    plain = Dialler("0123", lambda: NOW, lambda n: b"\7" * n)
    keyed = Dialler("AAAA", lambda: NOW, lambda n: b"\7" * n, keys_of(KEY)[0])
    seeds = [plain.contact_id("110", 5), plain.sia("FA", 3, 1, "HALL"), plain.poll()]
    seeds += [plain.contact_id("406", 3), keyed.contact_id("110", 5), keyed.sia("BC", 2)]

    def enter(data: bytes) -> object:
        splitter = Splitter()
        frames = splitter.feed(data[: len(data) // 2]) + splitter.feed(data[len(data) // 2 :])
        assert len(splitter.kept) <= FRAME_MAX
        return [asyncio.run(receiver.answer(each)) for each in frames]

    return Door("dc09 receiver", enter, tuple(seeds))


def dc09_answers() -> Door:
    """What a receiver says to the dialler."""
    panel = Dialler("AAAA", lambda: NOW, lambda n: b"\7" * n, keys_of(KEY)[0])
    seeds = (panel.contact_id("110", 5), panel.frame("ACK", ""), b'\n3A7C0019"ACK"0001L0#AAAA[]\r')
    return Door("dc09 answers", lambda data: [panel.read(e) for e in Splitter().feed(data)], seeds)


def cap_feed() -> Door:
    entry = (
        b"<entry><id>a</id><updated>2026-05-01T10:00:00Z</updated><link href='http://x/a'/></entry>"
    )
    feed = b"<feed xmlns='http://www.w3.org/2005/Atom'>" + entry + b"</feed>"
    alerts = [e.data for i in INTAKES if str(i) == "cap" for e in i.examples if b"<alert" in e.data]
    bomb = b'<!DOCTYPE a [<!ENTITY b "' + b"x" * 200 + b'"><!ENTITY c "&b;&b;&b;&b;">]><a>&c;</a>'

    def enter(data: bytes) -> object:
        root = document(data, ALERT_BYTES_MAX)
        return (read_alert(root), read_feed(root)) if not hasattr(root, "reason") else root

    return Door("cap xml", enter, (feed, *alerts[:4], bomb))


def asset_lines() -> Door:
    heading = ",".join(asset_csv.COLUMNS)
    line = 'a,"Hall, 2",panel,t0,24.9,60.1,o,k,m,p,g,mqtt=a/b|cap=c,SP3,2026-05-01,,d,true,found'
    text = f"{heading}\r\n{line}\r\n".encode()

    def enter(data: bytes) -> object:
        return asset_csv.read(data.decode("utf-8", "replace"), [AreaId("t0")], lambda area: ())

    return Door("assets in csv", enter, (text, text.replace(b"\r\n", b"\n") * 2), (ValueError,))


def file_door(
    name: str, folder: Path, file: str, read: Callable[[Path], object], *more: Any, **how: Any
) -> Door:
    """A parser of a file."""
    path = folder / file

    def enter(data: bytes) -> object:
        path.write_bytes(data)
        path.chmod(0o600)
        return read(path)

    return Door(name, enter, *more, **how)


def doors(folder: Path) -> list[Door]:
    case = next((COUNTY / "types").glob("school-alarm.toml")).read_bytes()
    places = b"id,lon,lat,weight\r\na,24.9,60.1,2\r\nb,24.8,60.2,\r\n"
    columns = {each: each for each in ("id", "lon", "lat", "weight")}
    intakes = b'[sia-dc09]\nport = 9009\n[[sia-dc09.account]]\naccount = "0123"\n'
    pack = folder / "pack"
    (pack / "types").mkdir(parents=True)
    (pack / "pack.toml").write_bytes((COUNTY / "pack.toml").read_bytes())
    tables = ("sia-dc09", "mqtt")
    return [
        mqtt_topics(),
        dc09_receiver(),
        dc09_answers(),
        cap_feed(),
        asset_lines(),
        mqtt_packets(),
        file_door("case type", pack, "types/school-alarm.toml", lambda path: load_pack(pack),
                  (case,), (PackError,), examples=25),
        file_door("pack", folder, "pack.toml", lambda path: load_pack(folder),
                  ((COUNTY / "pack.toml").read_bytes()[:4_000],), (PackError,), examples=25),
        file_door("intakes.toml", folder, "intakes.toml",
                  lambda path: read_intakes(path, tables, True), (intakes,), (IntakeError,)),
        file_door("places in csv", folder, "places.csv",
                  lambda path: read_places(path, columns, once=True), (places,), (SiteError,)),
    ]  # fmt: skip


NAMES = ("mqtt topics", "dc09 receiver", "dc09 answers", "cap xml", "assets in csv",
         "mqtt packets", "case type", "pack", "intakes.toml", "places in csv")  # fmt: skip


@pytest.fixture(scope="module")
def all_doors(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Door]:
    return {each.name: each for each in doors(tmp_path_factory.mktemp("doors"))}


def test_every_door_is_tried(all_doors: dict[str, Door]) -> None:
    assert tuple(all_doors) == NAMES


def bytes_for(door: Door) -> st.SearchStrategy[bytes]:
    return st.binary(max_size=300) | st.sampled_from(door.seeds).flatmap(mutations)


@pytest.mark.parametrize("name", NAMES)
def test_no_bytes_bring_it_down(name: str, all_doors: dict[str, Door]) -> None:
    door = all_doors[name]
    for seed in door.seeds:
        assert trouble(door, seed) == ""

    @settings(max_examples=door.examples, deadline=None, database=None,
              suppress_health_check=[HealthCheck.too_slow])  # fmt: skip
    @given(bytes_for(door))
    def tried(data: bytes) -> None:
        assert trouble(door, data) == "", data

    tried()


# -- planted: in every door, a crash, a hang, and something that is never forgotten


@pytest.mark.parametrize("name", NAMES)
def test_a_crash_in_any_door_is_found(name: str, all_doors: dict[str, Door]) -> None:
    door = all_doors[name]

    def fragile(data: bytes) -> object:
        if data not in door.seeds and len(data) % 3 == 1:
            raise KeyError("planted")
        return door.enter(data)

    planted = Door(name, fragile, door.seeds, door.errors)

    @settings(max_examples=door.examples, deadline=None, database=None, derandomize=True,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(bytes_for(door))
    def tried(data: bytes) -> None:
        assert trouble(planted, data) == ""

    with pytest.raises(AssertionError, match="planted"):
        tried()


def test_what_hangs_and_what_grows_is_found() -> None:
    def wait(data: bytes) -> object:
        while True:
            pass

    assert trouble(Door("waits", wait, ()), b"x", patience=1) == "hangs"
    kept: list[bytes] = []
    growing = Door("grows", kept.append, (), size=lambda: len(kept), most=50)
    assert [trouble(growing, bytes([n])) for n in range(60)][-1] == "grows"
    assert trouble(Door("toml", lambda d: tomllib.loads(d.decode()), ()), b"\xff") != ""
