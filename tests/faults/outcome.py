"""What a kind of fault did to a node, as a row of one table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

PROMISED_S = 1.0
"""How far from its instant an escalation may speak while the node is up."""


@dataclass
class Outcome:
    """One row. Numbers of escalations are None where a kind does not watch them."""

    kind: str
    faults: int = 0
    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    spoken: int | None = None
    early: int | None = None
    missing: int | None = None
    twice: int | None = None
    farthest_s: float | None = None
    judges_lateness: bool = False
    """Whether `PROMISED_S` is held against the row: on a machine that does nothing else."""
    seconds: float = 0.0
    findings: list[str] = field(default_factory=list[str])
    told: list[str] = field(default_factory=list[str])
    """What the health of the node said during the fault."""
    skipped: str = ""

    @property
    def is_clean(self) -> bool:
        is_late = self.farthest_s is not None and self.farthest_s > PROMISED_S
        wrong = (self.lost, self.doubled, self.early, self.missing, self.twice)
        return not self.findings and not any(wrong) and not (is_late and self.judges_lateness)


HEADS = (
    "fault", "times", "acknowledged", "lost", "doubled", "escalations", "early", "missing",
    "doubled", "farthest", "took",
)  # fmt: skip


def table(outcomes: Iterable[Outcome]) -> str:
    """All rows in columns, what was found below them."""
    rows = [HEADS, *(_row(each) for each in outcomes)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
    lines = [
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join(lines)


def _row(outcome: Outcome) -> tuple[str, ...]:
    if outcome.skipped:
        return (outcome.kind, "-", *["-"] * 9)
    far = outcome.farthest_s
    return (
        outcome.kind,
        str(outcome.faults),
        str(outcome.acknowledged),
        str(outcome.lost),
        str(outcome.doubled),
        *(
            "-" if number is None else str(number)
            for number in (outcome.spoken, outcome.early, outcome.missing, outcome.twice)
        ),
        "-" if far is None else f"{far:.2f} s",
        f"{outcome.seconds:.0f} s",
    )
