"""The first measures. Each declares what it counts, out of what, and what it leaves out.

Every number opens its list: numerator and denominator are sets of cases, never bare counts.
Times are nearest-rank percentiles of seconds (no interpolation: the value belongs to a case).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from typing import Final

from tocsin.analytics.story import Story
from tocsin.kernel.cases.policy import ClockName
from tocsin.kernel.shared import CaseId, Instant

Claim = Callable[[Story], bool]
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Measure:
    """A share of cases. `formula` and `excluded` are words for the reader, kept beside the code
    they describe; both exist in both languages."""

    code: str
    title: tuple[tuple[str, str], ...]
    formula: tuple[tuple[str, str], ...]
    counts: Claim
    """A case of the denominator that is also in the numerator."""
    among: Claim
    """A case of the denominator."""
    excluded: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """One measure over some cases; both lists are complete and in order of opening."""

    code: str
    numerator: tuple[CaseId, ...]
    denominator: tuple[CaseId, ...]

    @property
    def share(self) -> float | None:
        """0 to 1; None when there is nothing to divide by."""
        return len(self.numerator) / len(self.denominator) if self.denominator else None


EXCLUDED: Final = (
    ("en", "void cases, cases merged into another, and drills"),
    ("zh-CN", "作废的案件、并入其他案件的案件和演练案件"),
)


def _is_counted(story: Story) -> bool:
    is_real = story.opened_at is not None and not story.is_drill
    return is_real and story.end not in ("void", "merged")


def _in_time(code: str, clock: ClockName, en: str, zh: str) -> Measure:
    def decided(story: Story) -> bool:
        return _is_counted(story) and (clock in story.kept or clock in story.missed)

    return Measure(
        code=code,
        title=(("en", en), ("zh-CN", zh)),
        formula=(
            (
                "en",
                f"cases whose “{clock}” clock was never missed / cases whose clock has ended"
                " or was missed",
            ),
            ("zh-CN", f"“{clock}”时限从未超时的案件数 / 该时限已结束或已超时的案件数"),
        ),
        counts=lambda story: clock not in story.missed,
        among=decided,
        excluded=EXCLUDED,
    )


def _share(
    code: str, title: tuple[str, str], formula: tuple[str, str], counts: Claim, among: Claim
) -> Measure:
    return Measure(
        code=code,
        title=(("en", title[0]), ("zh-CN", title[1])),
        formula=(("en", formula[0]), ("zh-CN", formula[1])),
        counts=counts,
        among=lambda story: _is_counted(story) and among(story),
        excluded=EXCLUDED,
    )


MEASURES: Final[tuple[Measure, ...]] = (
    _in_time("accepted_in_time", "accept", "Accepted in time", "按时受理率"),
    _in_time("filed_in_time", "file", "Filed in time", "按时立案率"),
    _in_time("dispatched_in_time", "dispatch", "Dispatched in time", "按时派遣率"),
    _in_time("handled_in_time", "handle", "Handled in time", "按时处置率"),
    _in_time("closed_in_time", "close", "Closed in time", "按时结案率"),
    _in_time("response", "acknowledge", "Response: acknowledged in time", "响应率"),
    _share(
        "rework",
        ("Rework", "返工率"),
        (
            "cases with at least one failed check / cases that were ever claimed done",
            "至少一次核查未通过的案件数 / 曾报完成的案件数",
        ),
        lambda story: story.reworks > 0,
        lambda story: story.claimed_at is not None,
    ),
    _share(
        "return",
        ("Returned", "退回率"),
        (
            "cases that an agency sent back at least once / cases that were ever dispatched",
            "至少被部门退回一次的案件数 / 曾派遣的案件数",
        ),
        lambda story: story.returns > 0,
        lambda story: story.dispatched_at is not None,
    ),
    _share(
        "resolution",
        ("Resolution: solved, say the reporters", "解决率"),
        (
            "cases whose reporters all say it is solved / cases with feedback",
            "全部报告人认为已解决的案件数 / 有反馈的案件数",
        ),
        lambda story: story.solved == story.votes,
        lambda story: story.votes > 0,
    ),
    _share(
        "satisfaction",
        ("Satisfaction: treated well, say the reporters", "满意率"),
        (
            "cases whose reporters all say they were treated well / cases with feedback",
            "全部报告人表示满意的案件数 / 有反馈的案件数",
        ),
        lambda story: story.treated_well == story.votes,
        lambda story: story.votes > 0,
    ),
)


def read(measure: Measure, stories: Sequence[Story]) -> Reading:
    """One measure over these stories."""
    among = sorted(
        (story for story in stories if measure.among(story)),
        key=lambda story: (story.opened_at or _NEVER, story.case_id),
    )
    return Reading(
        measure.code,
        tuple(story.case_id for story in among if measure.counts(story)),
        tuple(story.case_id for story in among),
    )


def read_all(stories: Sequence[Story]) -> tuple[Reading, ...]:
    """Every measure over these stories, in the order of `MEASURES`."""
    return tuple(read(measure, stories) for measure in MEASURES)


STAGES: Final[tuple[tuple[str, str, str], ...]] = (
    ("accept", "opened_at", "accepted_at"),
    ("file", "accepted_at", "filed_at"),
    ("dispatch", "filed_at", "dispatched_at"),
    ("acknowledge", "dispatched_at", "acknowledged_at"),
    ("handle", "dispatched_at", "claimed_at"),
    ("verify", "claimed_at", "closed_at"),
    ("close", "opened_at", "closed_at"),
)
"""Stage, the instant it begins, the instant it ends."""


@dataclass(frozen=True, slots=True)
class StageTimes:
    """How long a stage took, in seconds of elapsed time, over the cases that finished it."""

    stage: str
    cases: int
    median_s: float | None
    p90_s: float | None


def stage_times(stories: Iterable[Story]) -> tuple[StageTimes, ...]:
    """Median and 90th percentile per stage; excluded as in the measures."""
    counted = [story for story in stories if _is_counted(story)]
    return tuple(_times(stage, start, end, counted) for stage, start, end in STAGES)


def _times(stage: str, start: str, end: str, stories: Sequence[Story]) -> StageTimes:
    spans: list[float] = []
    for story in stories:
        began: Instant | None = getattr(story, start)
        ended: Instant | None = getattr(story, end)
        if began is not None and ended is not None:
            spans.append((ended - began).total_seconds())
    spans.sort()
    return StageTimes(stage, len(spans), percentile(spans, 50), percentile(spans, 90))


def percentile(ordered: Sequence[float], percent: float) -> float | None:
    """Nearest rank (the ceil(p/100 * n)-th value of n ordered ones); None when there are none."""
    if not ordered:
        return None
    return ordered[max(1, ceil(percent / 100 * len(ordered))) - 1]
