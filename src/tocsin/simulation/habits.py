"""How the people of a simulated town are: how quick, how often late, how often they disagree."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True, slots=True)
class Habits:
    """Shares are 0 to 1. The figures are ours, chosen so that a simulated day meets every part of
    the machine; no town was measured for them."""

    pace: float = 1.0
    """Every delay times this."""
    late: float = 0.07
    """A move comes only after its clock has run out."""
    late_within_s: float = 5_400.0
    """Nobody is late on purpose for a promise that is further away than this."""
    refuse: float = 0.03
    void: float = 0.01
    triage: float = 0.04
    merge: float = 0.75
    unmerge: float = 0.1
    split: float = 0.01
    add_task: float = 0.03
    cancel_task: float = 0.3
    """Of the agencies that were brought in later."""
    give_back: float = 0.06
    ask: float = 0.06
    answer: float = 0.8
    hold: float = 0.05
    extend: float = 0.05
    approve: float = 0.8
    decide: float = 0.85
    """Someone decides at all before the clock does."""
    fail_check: float = 0.09
    check_own: float = 0.05
    """Whoever claimed tries to verify, too. The kernel must refuse it."""
    vote: float = 0.35
    solved: float = 0.88
    treated_well: float = 0.9
    evaluate: float = 0.1
    appeal: float = 0.4
    report_up: float = 0.03
    take_over: float = 0.7
    urge: float = 0.35
    """Of the cases that are late."""
    answer_urge: float = 0.85
    note: float = 0.05
    publish: float = 0.2


NORMAL: Final = Habits()

WILD: Final = replace(
    NORMAL,
    late=0.3,
    late_within_s=259_200.0,
    refuse=0.05,
    void=0.04,
    triage=0.25,
    merge=0.9,
    unmerge=0.6,
    split=0.15,
    add_task=0.2,
    give_back=0.3,
    ask=0.3,
    answer=0.5,
    hold=0.35,
    extend=0.35,
    approve=0.7,
    decide=0.6,
    fail_check=0.35,
    check_own=0.2,
    vote=0.6,
    solved=0.6,
    evaluate=0.4,
    report_up=0.2,
    urge=0.7,
)
"""Nobody agrees with anybody: the small machines run into each other far more than in any town."""

WILLING: Final = replace(
    NORMAL,
    pace=0.5,
    late=0.0,
    refuse=0.0,
    void=0.0,
    triage=0.0,
    merge=1.0,
    unmerge=0.0,
    split=0.0,
    add_task=0.0,
    give_back=0.0,
    ask=0.0,
    hold=0.0,
    extend=0.0,
    decide=1.0,
    fail_check=0.0,
    check_own=0.0,
    vote=0.0,
    solved=1.0,
    report_up=0.0,
    take_over=1.0,
    urge=0.0,
    answer=1.0,
    answer_urge=1.0,
)
"""Everyone works on: with these habits every case must come to its end."""
