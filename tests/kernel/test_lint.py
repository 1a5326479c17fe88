"""The machine is sound, and the lint that says so finds each kind of defect when it is planted."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from tests.kernel.towns import BY_REPORTER, POLICIES, STREET_LIGHT, clock
from tocsin.kernel import coordination
from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.cases.decide import DECIDERS
from tocsin.kernel.cases.evolve import EVOLVERS
from tocsin.kernel.cases.lint import lint
from tocsin.kernel.cases.machine import MACHINE, Machine
from tocsin.kernel.cases.policy import CasePolicy, Rung
from tocsin.kernel.cases.react import REACTIONS


@pytest.mark.parametrize("policy", POLICIES.values(), ids=list(POLICIES))
def test_the_machine_is_sound(policy: CasePolicy) -> None:
    assert lint(MACHINE, policy) == []


def _without_rule(command: type[words.Command]) -> Machine:
    return Machine({c: r for c, r in MACHINE.rules.items() if c is not command}, MACHINE.steps)


def _rule(command: type[words.Command], **changes: object) -> Machine:
    changed = replace(MACHINE.rules[command], **changes)  # type: ignore[arg-type]
    return Machine({**MACHINE.rules, command: changed}, MACHINE.steps)


def _step(event: type[words.Event], **changes: object) -> Machine:
    changed = replace(MACHINE.steps[event], **changes)  # type: ignore[arg-type]
    return Machine(MACHINE.rules, {**MACHINE.steps, event: changed})


_ALL = MACHINE.steps[words.CaseVerified].stops

PLANTED = {
    "a state nothing leads to": (_without_rule(words.AcceptCase), "nothing leads to accepted"),
    "a claim nobody can make": (
        _step(words.CaseClaimedDone, to=None),
        "no way from in_work to verified",
    ),
    "a check that never ends": (
        _step(words.CaseVerified, to="claimed_done"),
        "no way from claimed_done to verified",
    ),
    "a clock that runs on after its end": (
        _step(words.CaseVerified, stops=tuple(c for c in _ALL if c != "handle")),
        "clock handle: not stopped by the end verified",
    ),
    "a promise kept running past the refusal": (
        _step(words.CaseRefused, stops=tuple(c for c in _ALL if c != "close")),
        "clock close: still runs in refused",
    ),
    "a clock that can never stop": (
        _step(words.CaseVoided, stops=tuple(c for c in _ALL if c != "accept")),
        "clock accept: can never stop once the case is void",
    ),
    "a clock only the end stops": (
        _step(words.TaskAcknowledged, stops=()),
        None,  # cancelling a task still stops it
    ),
    "an answer that does not stop the urging": (
        _step(words.UrgeAnswered, stops=()),
        "clock urge: only an end stops it",
    ),
    "an appeal that outlives the reopening": (
        _step(words.CaseReopened, stops=()),
        "clock appeal: only an end stops it once the case is in_work",
    ),
    "a clock nobody starts": (_step(words.CaseClaimedDone, starts=()), "clock verify: never"),
    "one pair of eyes": (_rule(words.VerifyCase, unlike=()), "may also verify by VerifyCase"),
    "one pair of eyes by vote": (
        _rule(words.GiveFeedback, unlike=()),
        "may also verify by GiveFeedback",
    ),
    "a reason nobody translated": (
        _rule(words.AddNote, reasons=("no_reason",)),
        "reason no_reason of AddNote is not enumerated",
    ),
    "a reason never given": (
        _rule(words.PublishCase, reasons=("sealed_type",)),
        "reason no_consent is enumerated but never given",
    ),
    "an end that leaves questions open": (
        _step(words.CaseRefused, ends=False),
        "does not close the small machines",
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_defect_is_found(name: str) -> None:
    machine, finding = PLANTED[name]
    found = lint(machine, STREET_LIGHT)
    if finding is None:
        assert found == []
    else:
        assert any(finding in line for line in found), found


def test_without_four_eyes_the_same_person_may_verify() -> None:
    alone = replace(STREET_LIGHT, verification=replace(STREET_LIGHT.verification, four_eyes=False))
    assert lint(_rule(words.VerifyCase, unlike=()), alone) == []


def test_promises_of_a_pack_are_linted() -> None:
    silent = clock("accept", "work_hours", 60, (Rung(50, ("dispatchers",)),))
    mixed = clock("file", "work_hours", 60, (Rung(100, ("owner",)), Rung(50, ("owner",))))
    policy = replace(STREET_LIGHT, clocks=(silent, mixed, mixed))
    assert lint(MACHINE, policy) == [
        "street_light: nobody is told when accept is missed",
        "street_light: the ladder of file is out of order",
        "street_light: two clocks named file",
        "street_light: the ladder of file is out of order",
    ]
    endless = replace(BY_REPORTER, clocks=())
    assert lint(MACHINE, endless) == [
        "noise: the reporter verifies, but no verify clock ends the wait"
    ]


def test_every_word_has_its_entry() -> None:
    commands, events = set(get_args(words.Command)), set(get_args(words.Event))
    together = {words.MergeCase, words.UnmergeCase, words.SplitCase}
    assert set(DECIDERS) | together == commands
    assert set(DECIDERS) & together == set()
    assert set(MACHINE.rules) == commands
    assert set(EVOLVERS) == events
    assert set(MACHINE.steps) <= events
    assert set(REACTIONS) <= events
    assert coordination.involved  # the door for the three
