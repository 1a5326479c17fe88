"""Machines as data, said once: what a rule and a step are, and what is found by walking them.

Two tables make a machine. Its rules say from which states a command may be given and to which
events it may lead; its steps say what such an event makes of the state. Cases, units, alarms and
assets fill in their own; a context that needs to say more of a rule or of a step extends it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

State = TypeVar("State", bound=str)
Command = TypeVar("Command")
Event = TypeVar("Event")


@dataclass(frozen=True)  # no slots: a frozen class with slots cannot be made by its alias
class Rule(Generic[State, Command, Event]):
    """From which states a command may be given, to which events it leads. `repeats` are states in
    which it is a repeated press and nothing is to do; `reasons` its refusals beside those that any
    command of the machine may meet."""

    command: type[Command]
    sources: tuple[State, ...]
    leads_to: tuple[type[Event], ...] = ()
    repeats: tuple[State, ...] = ()
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step(Generic[State, Event]):
    """What an event makes of the state; `to` None leaves it. `sources` is set where only some of
    the command's states lead here."""

    event: type[Event]
    to: State | None = None
    sources: tuple[State, ...] | None = None


def reachable(starts: Iterable[State], edges: Sequence[tuple[State, object, State]]) -> set[State]:
    """The states that a machine can come to from some; `edges` are (from, event, to)."""
    known = set(starts)
    while True:
        size = len(known)
        known.update(to for source, _, to in edges if source in known)
        if len(known) == size:
            return known


def edges_of(
    rules: Mapping[Any, Rule[State, Any, Any]], steps: Mapping[Any, Step[State, Any]]
) -> Iterator[tuple[State, str, State]]:
    """(from, event, to), each once, wherever an event may change the state."""
    seen: set[tuple[State, str, State]] = set()
    for rule in rules.values():
        for event in rule.leads_to:
            step = steps[event]
            if step.to is None:
                continue
            for source in step.sources or rule.sources:
                edge = (source, event.__name__, step.to)
                if edge not in seen:
                    seen.add(edge)
                    yield edge


def defects(
    states: Iterable[State],
    home: State,
    rules: Mapping[Any, Rule[State, Any, Any]],
    steps: Mapping[Any, Step[State, Any]],
    edges: Sequence[tuple[State, object, State]],
) -> Iterator[str]:
    """States that nothing leads to from "absent" or from which there is no way to `home`, and
    events that no command leads to, in words."""
    known = reachable(("absent",), edges)
    for state in states:
        if state not in known:
            yield f"unreachable: nothing leads to {state}"
        elif home not in reachable((state,), edges):
            yield f"dead end: no way from {state} to {home}"
    led = {event for rule in rules.values() for event in rule.leads_to}
    for event in steps:
        if event not in led:
            yield f"{event.__name__} never happens"


def wrong_reasons(
    rules: Mapping[Any, Rule[Any, Any, Any]], common: Sequence[str], enumerated: Sequence[str]
) -> Iterator[str]:
    """Reasons that no rule gives, and those that are given and not enumerated, in words."""
    given = set(common)
    for reason in common:
        if reason not in enumerated:
            yield f"reason {reason} of any command is not enumerated"
    for rule in rules.values():
        given.update(rule.reasons)
        for reason in rule.reasons:
            if reason not in enumerated:
                yield f"reason {reason} of {rule.command.__name__} is not enumerated"
    for reason in enumerated:
        if reason not in given:
            yield f"reason {reason} is enumerated but never given"
