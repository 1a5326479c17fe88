"""One contract for every way in: each folder with a manifest is held to it.

Examples parse as they say; no bytes ever raise; a message sent again is the same message; and
nothing personal leaves the fields that are sealed.
"""

from __future__ import annotations

import base64
import importlib
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tocsin.intakes
from tests.intakes.node import make_services
from tocsin.kernel.shared import Actor, ActorId, CaseId, Place, Refused
from tocsin.packs.find import builtin
from tocsin.packs.load import load_pack
from tocsin.runtime.codec import encode_actor, encode_case, encode_command, encode_events
from tocsin.runtime.positions import IncomingPosition
from tocsin.runtime.reception import IncomingReport
from tocsin.runtime.services import Services

ROOMS = Path(tocsin.intakes.__file__).parent
Incoming = IncomingReport | IncomingPosition
Parse = Callable[[bytes, Mapping[str, str]], Incoming | Refused]
SEALED = ("text", "address", "contact", "media_url", "photos")
"""The fields of an incoming report whose values only the vault will hold."""
FILES = ("parse.py", "serve.py", "manifest.toml", "README.md", "examples")
FOLDERS = sorted(path for path in ROOMS.iterdir() if path.is_dir() and path.name[0] not in "_.")


@dataclass(frozen=True)
class Example:
    """One message and what it must become."""

    name: str
    data: bytes
    headers: Mapping[str, str]
    becomes: Mapping[str, Any]
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
    given_input = found["input"]
    if "body_base64" in given_input:
        data = base64.b64decode(given_input["body_base64"])
    else:
        data = given_input["body"].encode()
    return Example(
        path.stem,
        data,
        given_input.get("headers", {}),
        found.get("becomes", {}),
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


def mismatches(parse: Parse, example: Example) -> list[str]:
    """How the parsed report differs from what the example says."""
    report = parse(example.data, example.headers)
    if example.refused is not None:
        is_same = isinstance(report, Refused) and report.reason == example.refused
        return [] if is_same else [f"expected {example.refused}, became {report}"]
    if isinstance(report, Refused):
        return [f"refused: {report}"]
    wrong: list[str] = []
    for name, expected in example.becomes.items():
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
    """The open fields of a report in which something personal stands."""
    found: list[str] = []
    for each in fields(report):
        if each.name in SEALED and isinstance(report, IncomingReport):
            continue
        shown = repr(getattr(report, each.name))
        found += [f"{each.name} holds {word!r}" for word in personal if word in shown]
    return found


def raised(parse: Parse, data: bytes, headers: Mapping[str, str]) -> str | None:
    """The error that bytes caused, or what came out that is neither report nor refusal."""
    try:
        outcome = parse(data, headers)
    except Exception as error:  # the contract is that there is none
        return repr(error)
    return None if isinstance(outcome, Incoming | Refused) else repr(outcome)


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
    kinds = {"report": IncomingReport, "position": IncomingPosition}
    promised = [kinds[each] for each in intake.manifest["intake"]["delivers"] if each in kinds]
    made = (intake.parse(each.data, each.headers) for each in intake.examples if not each.refused)
    assert {type(each) for each in made} <= set(promised)


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
        report = intake.parse(example.data, example.headers)
        if intake.manifest["contract"]["keys"] == "message" and isinstance(report, IncomingReport):
            assert report.key, f"{example.name}: a message of this intake names itself"


@intakes
def test_nothing_personal_stands_in_the_open(intake: Intake):
    for example in intake.examples:
        report = intake.parse(example.data, example.headers)
        if isinstance(report, Incoming):
            assert leaks(report, example.personal) == [], example.name
        else:
            assert not [word for word in example.personal if word in repr(report)]


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


ADA = Example("ada", b"help", {"from": "Ada"}, {"text": "help"}, None, ("Ada",))


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
    wrong = Example("ada", b"help", {}, {"text": "fire"}, None, ())
    assert mismatches(_sound, wrong)
    assert mismatches(_sound, replace(wrong, becomes={}, refused="unreadable"))
