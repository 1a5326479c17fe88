"""What was written yesterday is read tomorrow: names stay, fields are only added."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings

from tests.golden.samples import FOLDER, encoded, names, path_of
from tests.kernel.players import GAMES, POLICIES, Move, opened, play
from tocsin.kernel.cases.policy import CasePolicy
from tocsin.runtime import codec

COMMAND_FILES = sorted((FOLDER / "commands").glob("*.json"))
EVENT_FILES = sorted((FOLDER / "events").glob("*.json"))
COMMANDS_AT_LEAST, EVENTS_AT_LEAST = 45, 53
"""How many names there were when the first journals were written: none may disappear."""


@pytest.mark.parametrize("group", ["commands", "events"])
def test_every_name_has_an_example(group: Literal["commands", "events"]) -> None:
    missing = [name for name in names(group) if not path_of(group, name).exists()]
    assert missing == [], "run `python -m tests.golden.samples` and commit what it writes"


def test_no_example_disappears() -> None:
    assert len(COMMAND_FILES) >= COMMANDS_AT_LEAST
    assert len(EVENT_FILES) >= EVENTS_AT_LEAST


@pytest.mark.parametrize("path", COMMAND_FILES, ids=lambda path: path.stem)
def test_an_old_command_is_still_read(path: Path) -> None:
    command = codec.decode_command(path.read_bytes())
    _holds(json.loads(codec.encode_command(command))[1], json.loads(path.read_bytes())[1], path)


@pytest.mark.parametrize("path", EVENT_FILES, ids=lambda path: path.stem)
def test_an_old_event_is_still_read(path: Path) -> None:
    (event,) = codec.decode_events(path.read_bytes())
    ((_, now),) = json.loads(codec.encode_events((event,)))
    ((_, was),) = json.loads(path.read_bytes())
    _holds(now, was, path)


def _holds(now: Any, was: Any, path: Path) -> None:
    """Everything that was written is still there with the same value (upcast names may differ)."""
    stem = path.stem.partition(".")[0]  # "send_unit.advised": a second example of one name
    if stem not in codec.COMMANDS and stem not in codec.EVENTS:
        return
    if isinstance(was, dict):
        for name, value in was.items():
            assert name in now, f"{path.stem}: the field {name} was lost"
            _holds(now[name], value, path)
    elif isinstance(was, list):
        assert len(now) == len(was)
        for one, other in zip(now, was, strict=True):
            _holds(one, other, path)
    else:
        assert now == was, f"{path.stem}: a value changed its meaning"


@pytest.mark.parametrize("group", ["commands", "events"])
def test_a_new_field_is_optional(group: Literal["commands", "events"]) -> None:
    """Today's encoding has at least the fields of the example, and the example suffices."""
    for name in names(group):
        was, now = json.loads(path_of(group, name).read_bytes()), json.loads(encoded(group, name))
        was, now = (was, now) if group == "commands" else (was[0], now[0])
        assert was[0] == now[0] == name
        assert set(was[1]) <= set(now[1])


def test_a_lost_field_is_found() -> None:
    with pytest.raises(AssertionError, match="the field reason was lost"):
        _holds({"at": 1}, {"at": 1, "reason": "x"}, path_of("events", "case_accepted"))


@settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
)
@given(POLICIES, GAMES)
def test_journals_and_boards_survive_the_encoding(policy: CasePolicy, game: list[Move]) -> None:
    town = opened(policy)
    for move in game:
        play(town, move)
    for case_id, case in town.cases.items():
        journal = tuple(town.journal[case_id])
        assert codec.decode_events(codec.encode_events(journal)) == journal
        assert codec.decode_case(codec.encode_case(case)) == case
    for _, command in town.stamped:
        assert codec.decode_command(codec.encode_command(command.body)) == command.body
        assert codec.decode_actor(codec.encode_actor(command.by)) == command.by
