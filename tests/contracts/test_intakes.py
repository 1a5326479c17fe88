"""One contract for every way in: each folder with a manifest is held to it.

Examples parse as they say; no bytes ever raise; a message sent again is the same message; and
nothing personal leaves the fields that are sealed.
"""

from __future__ import annotations

import base64
import importlib
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from math import isfinite
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace as with_

import tocsin.intakes
from tests.intakes.node import make_services
from tocsin.kernel.shared import Actor, ActorId, CaseId, Place, Refused
from tocsin.packs.find import builtin
from tocsin.packs.load import load_pack
from tocsin.runtime.alarm_ports import (
    CODE_MAX,
    DEVICE_MAX,
    KEY_MAX,
    SIGNALS,
    TEXT_MAX,
    VALUES_MAX,
    IncomingAlarm,
)
from tocsin.runtime.codec import encode_actor, encode_case, encode_command, encode_events
from tocsin.runtime.positions import IncomingPosition
from tocsin.runtime.reception import IncomingReport
from tocsin.runtime.services import Services

ROOMS = Path(tocsin.intakes.__file__).parent
Incoming = IncomingReport | IncomingPosition | IncomingAlarm
Outcome = Incoming | tuple[IncomingAlarm, ...] | Refused
"""A message of devices may hold several alarms, in their order, and none."""
Parse = Callable[[bytes, Mapping[str, str]], Outcome]
SEALED: Mapping[type, tuple[str, ...]] = {
    IncomingReport: ("text", "address", "contact", "media_url", "photos"),
    IncomingAlarm: ("text",),
}
"""The fields whose values only the vault will hold."""
FILES = ("parse.py", "serve.py", "manifest.toml", "README.md", "examples")
FOLDERS = sorted(path for path in ROOMS.iterdir() if path.is_dir() and path.name[0] not in "_.")


@dataclass(frozen=True)
class Example:
    """One message and what it must become."""

    name: str
    data: bytes
    headers: Mapping[str, str]
    becomes: Sequence[Mapping[str, Any]]
    refused: str | None
    personal: tuple[str, ...]


@dataclass(frozen=True)
class Intake:
    """One way in, as found on disk."""

    folder: Path
    manifest: Mapping[str, Any]
    parse: Parse
    examples: tuple[Example, ...]

    def __str__(self) -> str:
        return self.folder.name


def read_example(path: Path) -> Example:
    found = tomllib.loads(path.read_text())
    becomes = found.get("becomes", {})
    given_input = found["input"]
    if "body_base64" in given_input:
        data = base64.b64decode(given_input["body_base64"])
    else:
        data = given_input["body"].encode()
    return Example(
        path.stem,
        data,
        given_input.get("headers", {}),
        becomes if isinstance(becomes, list) else [becomes],
        found.get("refused"),
        tuple(found["personal"]),
    )


def read_intake(folder: Path) -> Intake:
    manifest = tomllib.loads((folder / "manifest.toml").read_text())
    module = importlib.import_module(f"tocsin.intakes.{folder.name}.parse")
    examples = tuple(read_example(path) for path in sorted((folder / "examples").glob("*.toml")))
    return Intake(folder, manifest, module.parse, examples)


INTAKES = [read_intake(folder) for folder in FOLDERS if (folder / "manifest.toml").exists()]
REPORTING = [each for each in INTAKES if "report" in each.manifest["intake"]["delivers"]]
intakes = pytest.mark.parametrize("intake", INTAKES, ids=str)


# -- the checkers: each returns what is wrong, so that a planted bug can show that it finds it


def made(outcome: Outcome) -> tuple[Incoming, ...]:
    """What came out of one message; nothing from a refusal."""
    if isinstance(outcome, Refused):
        return ()
    return outcome if isinstance(outcome, tuple) else (outcome,)


def mismatches(parse: Parse, example: Example) -> list[str]:
    """How what was parsed differs from what the example says."""
    outcome = parse(example.data, example.headers)
    if example.refused is not None:
        is_same = isinstance(outcome, Refused) and outcome.reason == example.refused
        return [] if is_same else [f"expected {example.refused}, became {outcome}"]
    if isinstance(outcome, Refused):
        return [f"refused: {outcome}"]
    found = made(outcome)
    if len(found) != len(example.becomes):
        return [f"{len(found)} came out: {found}"]
    return [wrong for pair in zip(found, example.becomes, strict=True) for wrong in unlike(*pair)]


def unlike(report: Incoming, becomes: Mapping[str, Any]) -> list[str]:
    """How one thing that came out differs from what it should be."""
    wrong: list[str] = []
    for name, expected in becomes.items():
        found = getattr(report, name)
        if name == "place":
            wrong += [] if is_near(found, expected) else [f"place: {found}"]
        elif name == "answers":
            plain = {code: list(values) for code, values in found.items()}
            wrong += [] if plain == expected else [f"answers: {plain}"]
        elif found != expected:
            wrong.append(f"{name}: {found!r}")
    return wrong


def is_near(place: Place | None, expected: Mapping[str, float]) -> bool:
    slack = expected.get("tolerance", 0.0)
    return (
        place is not None
        and abs(place.lon - expected["lon"]) <= slack
        and abs(place.lat - expected["lat"]) <= slack
    )


def unstable(parse: Parse, example: Example) -> list[str]:
    """What changes when the very same message is parsed again."""
    first = parse(example.data, dict(example.headers))
    again = parse(bytes(bytearray(example.data)), dict(reversed(example.headers.items())))
    return [] if first == again else [f"{first} became {again}"]


def leaks(report: Incoming, personal: tuple[str, ...]) -> list[str]:
    """The open fields of what came out in which something personal stands."""
    found: list[str] = []
    is_alarm = isinstance(report, IncomingAlarm)
    names = report.__struct_fields__ if is_alarm else [each.name for each in fields(report)]
    for name in names:
        if name in SEALED.get(type(report), ()):
            continue
        shown = repr(getattr(report, name))
        found += [f"{name} holds {word!r}" for word in personal if word in shown]
    return found


def raised(parse: Parse, data: bytes, headers: Mapping[str, str]) -> str | None:
    """The error that bytes caused, or what came out that is neither report nor refusal."""
    try:
        outcome = parse(data, headers)
    except Exception as error:  # the contract is that there is none
        return repr(error)
    if isinstance(outcome, tuple):
        return None if all(isinstance(each, IncomingAlarm) for each in outcome) else repr(outcome)
    return None if isinstance(outcome, Incoming | Refused) else repr(outcome)


def oversized(alarm: IncomingAlarm) -> list[str]:
    """The fields of an alarm that are longer than the desk takes, or no sense."""
    limits = dict.fromkeys(("source", "kind", "zone"), CODE_MAX)
    limits |= {"device": DEVICE_MAX, "sender": DEVICE_MAX, "text": TEXT_MAX}
    limits |= {"session": KEY_MAX, "key": KEY_MAX}
    wrong = [name for name, most in limits.items() if len(getattr(alarm, name)) > most]
    wrong += [] if alarm.signal in SIGNALS else ["signal"]
    wrong += [] if alarm.device and (alarm.kind or alarm.signal == "heard") else ["device or kind"]
    wrong += [] if alarm.at is None or alarm.at.tzinfo is not None else ["at"]
    wrong += [] if len(alarm.values) <= VALUES_MAX else ["values"]
    wrong += [] if all(isfinite(each) for each in alarm.values.values()) else ["not a number"]
    texts = (alarm.device, alarm.kind, alarm.zone, alarm.session, alarm.key, alarm.text,
             alarm.sender, *alarm.values)  # fmt: skip
    wrong += [] if all(is_text(each) for each in texts) else ["no text"]
    place = alarm.place
    is_on_earth = place is None or (-180 <= place.lon <= 180 and -90 <= place.lat <= 90)
    return wrong if is_on_earth else [*wrong, "place"]


def is_text(value: str) -> bool:
    """Whether a database takes it."""
    return "\0" not in value and value == value.encode("utf-8", "replace").decode()


async def exposed(services: Services, case_id: CaseId, personal: tuple[str, ...]) -> list[str]:
    """The personal words that stand on the board or in the journal of a case."""
    row = await services.store.case(case_id)
    assert row is not None
    open_bytes = [encode_case(row.case)]
    for entry in await services.store.journal(case_id):
        open_bytes += [encode_command(entry.command), encode_events(entry.events)]
        open_bytes.append(encode_actor(entry.by))
    shown = b"\n".join(open_bytes).decode()
    return [word for word in personal if word in shown]


# -- every intake


@intakes
def test_an_intake_delivers_what_it_says(intake: Intake):
    kinds = {"report": IncomingReport, "position": IncomingPosition, "alarm": IncomingAlarm}
    promised = [kinds[each] for each in intake.manifest["intake"]["delivers"] if each in kinds]
    outcomes = [intake.parse(each.data, each.headers) for each in intake.examples]
    assert {type(each) for outcome in outcomes for each in made(outcome)} <= set(promised)


def test_every_room_has_a_manifest():
    assert [each.name for each in FOLDERS if not (each / "manifest.toml").exists()] == []
    assert INTAKES


@intakes
def test_a_room_is_complete(intake: Intake):
    assert [name for name in FILES if not (intake.folder / name).exists()] == []
    about, contract = intake.manifest["intake"], intake.manifest["contract"]
    assert re.fullmatch(r"[a-z0-9-]+", about["code"])
    assert {"title", "standard", "speaks", "delivers", "owner"} <= about.keys()
    assert contract["keys"] in ("message", "content")
    assert any(example.refused for example in intake.examples)
    assert any(example.personal for example in intake.examples)
    said = {example.refused for example in intake.examples if example.refused}
    assert said == set(contract["reasons"]), "each way to be unreadable has its example"


@intakes
def test_examples_become_what_they_say(intake: Intake):
    wrong = {each.name: mismatches(intake.parse, each) for each in intake.examples}
    assert {name: problems for name, problems in wrong.items() if problems} == {}


@intakes
def test_the_same_message_is_the_same_report(intake: Intake):
    for example in intake.examples:
        assert unstable(intake.parse, example) == []
        if intake.manifest["contract"]["keys"] != "message":
            continue
        for report in made(intake.parse(example.data, example.headers)):
            is_silent = isinstance(report, IncomingAlarm) and report.signal == "heard"
            if not isinstance(report, IncomingPosition) and not is_silent:
                assert report.key, f"{example.name}: a message of this intake names itself"


@intakes
def test_alarms_stay_within_what_the_desk_takes(intake: Intake):
    for example in intake.examples:
        for each in made(intake.parse(example.data, example.headers)):
            if isinstance(each, IncomingAlarm):
                assert oversized(each) == [], example.name
                assert each.source == intake.manifest["intake"]["code"]


@intakes
def test_nothing_personal_stands_in_the_open(intake: Intake):
    for example in intake.examples:
        outcome = intake.parse(example.data, example.headers)
        for each in made(outcome):
            assert leaks(each, example.personal) == [], example.name
        if isinstance(outcome, Refused):
            assert not [word for word in example.personal if word in repr(outcome)]


@intakes
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_bytes_ever_raise(intake: Intake, data: st.DataObject):
    example = data.draw(st.sampled_from(intake.examples))
    body = data.draw(st.binary(max_size=400) | mutations(example.data))
    headers = dict(example.headers)
    if headers and data.draw(st.booleans()):
        name = data.draw(st.sampled_from(sorted(headers)))
        headers[name] = data.draw(st.text(max_size=60))
    assert raised(intake.parse, body, headers) is None
    for each in made(intake.parse(body, headers)):
        if isinstance(each, IncomingAlarm):
            assert oversized(each) == []


def mutations(original: bytes) -> st.SearchStrategy[bytes]:
    """A real message with a piece cut out and some bytes put in its place."""
    places = st.tuples(st.integers(0, len(original)), st.integers(0, len(original)))
    return st.tuples(places, st.binary(max_size=40)).map(
        lambda drawn: original[: min(drawn[0])] + drawn[1] + original[max(drawn[0]) :]
    )


@pytest.mark.parametrize("intake", REPORTING, ids=str)
async def test_received_twice_is_one_case_and_the_journal_knows_nobody(intake: Intake):
    pack = load_pack(builtin(intake.manifest["contract"]["pack"]))
    services = make_services(pack)
    by = Actor(ActorId("contract"), "integration")
    received = 0
    for example in intake.examples:
        report = intake.parse(example.data, example.headers)
        if not isinstance(report, IncomingReport):
            continue
        case_type = pack.services.get(report.case_type)
        if case_type is not None:
            report = replace(report, case_type=case_type.code)
        first = await services.reception.receive(report, by)
        again = await services.reception.receive(report, by)
        if isinstance(first, Refused) or isinstance(again, Refused):
            assert first == again
            continue
        received += 1
        assert (again.case_id, again.code) == (first.case_id, first.code)
        assert again.repeated and not first.repeated
        assert await exposed(services, first.case_id, example.personal) == [], example.name
    assert received, "no example of this intake can be received with its pack"


# -- planted bugs: a checker that finds nothing here is no checker


def _sound(data: bytes, headers: Mapping[str, str]) -> IncomingReport | Refused:
    return IncomingReport("sound", "x", data.decode("utf-8", "replace"), contact={"name": "Ada"})


ADA = Example("ada", b"help", {"from": "Ada"}, [{"text": "help"}], None, ("Ada",))


def test_the_checkers_let_a_sound_intake_pass():
    assert mismatches(_sound, ADA) == []
    assert unstable(_sound, ADA) == []
    assert raised(_sound, b"\xff", {}) is None
    report = _sound(ADA.data, ADA.headers)
    assert isinstance(report, IncomingReport)
    assert leaks(report, ADA.personal) == []


@pytest.mark.parametrize(
    "change",
    [
        {"source": "phone of Ada"},
        {"key": "Ada-1"},
        {"case_type": "Ada"},
        {"answers": {"WHO": ["Ada"]}},
        {"language": "Ada"},
    ],
)
def test_an_intake_that_names_its_reporter_in_the_open_is_caught(change: dict[str, Any]):
    report = _sound(ADA.data, ADA.headers)
    assert isinstance(report, IncomingReport)
    assert leaks(replace(report, **change), ADA.personal)


async def test_a_word_in_the_journal_is_caught():
    services = make_services()
    code = next(iter(services.pack.case_types))
    report = IncomingReport("planted", code, "x", Place(-87.67, 41.83), answers={"HOWMANYD": ["7"]})
    for source, found in (("planted", []), ("planted by Ada", ["Ada"])):
        received = await services.reception.receive(
            replace(report, source=source), Actor(ActorId("contract"), "integration")
        )
        assert not isinstance(received, Refused), received
        assert await exposed(services, received.case_id, ("Ada",)) == found


def test_an_intake_that_counts_is_caught():
    seen: list[bytes] = []

    def counting(data: bytes, headers: Mapping[str, str]) -> IncomingReport | Refused:
        seen.append(data)
        return IncomingReport("counting", "x", "help", key=f"message-{len(seen)}")

    assert unstable(counting, ADA)


def test_an_intake_that_raises_is_caught():
    def trusting(data: bytes, headers: Mapping[str, str]) -> IncomingReport | Refused:
        return IncomingReport("trusting", "x", data.decode())

    assert raised(trusting, b"\xff", {})


def test_an_intake_that_misreads_is_caught():
    wrong = Example("ada", b"help", {}, [{"text": "fire"}], None, ())
    assert mismatches(_sound, wrong)
    assert mismatches(_sound, replace(wrong, becomes=[], refused="unreadable"))


def test_an_alarm_that_is_lost_or_too_large_is_caught():
    alarm = IncomingAlarm("planted", "d-1", "smoke", "raised", values={"t": 21.0})

    def forgetful(data: bytes, headers: Mapping[str, str]) -> tuple[IncomingAlarm, ...] | Refused:
        return (alarm,)

    two = Example("two", b"", {}, [{"device": "d-1"}, {"device": "d-2"}], None, ())
    assert mismatches(forgetful, two)
    assert mismatches(forgetful, replace(two, becomes=two.becomes[:1])) == []
    assert oversized(alarm) == []
    assert oversized(with_(alarm, device="d" * 201)) == ["device"]
    assert oversized(with_(alarm, text="a\0b")) == ["no text"]
    assert oversized(with_(alarm, device="\ud800")) == ["no text"]
    assert oversized(with_(alarm, kind="")) == ["device or kind"]
    assert oversized(with_(alarm, values={"t": float("nan")})) == ["not a number"]
    assert oversized(with_(alarm, place=Place(200.0, 0.0))) == ["place"]
    assert leaks(with_(alarm, zone="room of Ada"), ("Ada",))
    assert "4711" not in repr(with_(alarm, code="4711"))
    assert leaks(with_(alarm, text="room of Ada"), ("Ada",)) == []
