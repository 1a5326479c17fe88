"""What is wrong with a machine or with what a pack promises: found by walking the tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.cases.machine import AFTER_END, Machine, Step
from tocsin.kernel.cases.policy import CasePolicy, ClockName
from tocsin.kernel.cases.state import ENDS, Status
from tocsin.kernel.machines import reachable, wrong_reasons

COMMON_REASONS = ("not_found", "not_from_here", "not_your_role")
"""Any command may be refused with these."""

CLOSE_ONLY: tuple[ClockName, ...] = ("close",)
"""Clocks that nothing but an end may stop: the promise of the end itself."""

Edge = tuple[Status, Step, Status]


def lint(machine: Machine, policy: CasePolicy) -> list[str]:
    """Every defect of the machine under that policy, in words; an empty list means sound."""
    edges = tuple(_edges(machine, policy))
    return [
        *_unreachable(edges),
        *_dead_ends(edges),
        *_clocks(edges),
        *_ends(machine),
        *_four_eyes(machine, policy),
        *wrong_reasons(machine.rules, COMMON_REASONS, words.REASONS),
        *_promises(policy),
    ]


def _edges(machine: Machine, policy: CasePolicy) -> Iterator[Edge]:
    """(from, step, to) for everything that may happen; steps that keep the status are loops."""
    for rule in machine.rules.values():
        sources = (*rule.sources, *(rule.fast if policy.fast_path else ()))
        events = (*rule.leads_to, *(rule.fast_leads_to if policy.fast_path else ()))
        for event in events:
            step = machine.steps[event]
            for source in sources if step.sources is None else step.sources:
                if step.restores:
                    for before in machine.steps[words.CaseMerged].sources or ():
                        yield source, step, before
                else:
                    yield source, step, step.to or source


def _unreachable(edges: tuple[Edge, ...]) -> Iterator[str]:
    # What un-merge restores was reached before, by another way.
    reached = reachable(("absent",), [edge for edge in edges if not edge[1].restores])
    for status in get_args(Status):
        if status not in reached:
            yield f"unreachable: nothing leads to {status}"


def _dead_ends(edges: tuple[Edge, ...]) -> Iterator[str]:
    """Every status that is no end must be able to come to the verified close."""
    for status in sorted(reachable(("absent",), edges)):
        if status not in ENDS and "verified" not in reachable((status,), edges):
            yield f"dead end: no way from {status} to verified"


def _clocks(edges: tuple[Edge, ...]) -> Iterator[str]:
    for name in get_args(ClockName):
        starting: list[Status] = [to for _, step, to in edges if name in step.starts]
        if not starting:
            yield f"clock {name}: never started"
            continue
        stopping = [(source, step) for source, step, _ in edges if name in step.stops]
        going_on = [edge for edge in edges if name not in edge[1].stops]
        running = reachable(starting, going_on)
        stops_at = {source for source, _ in stopping}
        answered_at = {source for source, step in stopping if not step.ends}
        for status in sorted(running):
            if not reachable((status,), going_on) & stops_at:
                yield f"clock {name}: can never stop once the case is {status}"
            elif name not in CLOSE_ONLY and not reachable((status,), going_on) & answered_at:
                yield f"clock {name}: only an end stops it once the case is {status}"
            if status in ENDS and (status, name) not in AFTER_END:
                yield f"clock {name}: still runs in {status}"


def _ends(machine: Machine) -> Iterator[str]:
    for step in machine.steps.values():
        if step.to in ENDS:
            if not step.ends:
                yield f"end {step.to}: {step.event.__name__} does not close the small machines"
            for name in get_args(ClockName):
                if name not in step.stops:
                    yield f"clock {name}: not stopped by the end {step.to}"


def _four_eyes(machine: Machine, policy: CasePolicy) -> Iterator[str]:
    if not policy.verification.four_eyes:
        return
    for rule in machine.rules.values():
        for event in rule.leads_to:
            if machine.steps[event].to == "verified" and "claimants" not in rule.unlike:
                yield f"four eyes: whoever claims may also verify by {rule.command.__name__}"


def _promises(policy: CasePolicy) -> Iterator[str]:
    seen: set[str] = set()
    for clock in policy.clocks:
        if clock.name in seen:
            yield f"{policy.case_type}: two clocks named {clock.name}"
        seen.add(clock.name)
        percents = [rung.percent for rung in clock.ladder]
        if percents != sorted(set(percents)):
            yield f"{policy.case_type}: the ladder of {clock.name} is out of order"
        if not any(rung.percent == 100 and rung.tell for rung in clock.ladder):
            yield f"{policy.case_type}: nobody is told when {clock.name} is missed"
    if policy.verification.by == "reporter" and "verify" not in seen:
        yield f"{policy.case_type}: the reporter verifies, but no verify clock ends the wait"
