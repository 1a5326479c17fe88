"""How much two cases look like the same matter, and why. Never by who reported.

`Traits` is all this module may know of a case: no reporter, no contact, no source is in it, so a
likeness cannot become a profile of a person. A score is the weighted mean of four parts, each
from 0 to 1, and nothing that is too far or too long ago is a candidate at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt
from typing import Final, Literal

from tocsin.kernel.shared import CaseId, Instant, Place

FAR_M: Final = 300.0
"""Reports of one matter lie within a block or two; positions of phones err by some ten metres."""
LONG_S: Final = 14 * 86_400
"""Two weeks: a pothole is reported again and again, a party is not."""
URGENT_LONG_S: Final = 2 * 3_600
"""Calls about the same emergency come within minutes; two hours allow for a long one."""
EARTH_RADIUS_M: Final = 6_371_008.8
"""Mean radius (IUGG 1980)."""

WEIGHTS: Final = {"distance": 0.35, "time": 0.15, "type": 0.30, "words": 0.20}
"""Place and type carry a duplicate; words differ between witnesses, so they only add."""

LEAST: Final = 0.35
"""Below this nobody would look."""
WORDS_LIMIT: Final = 400
"""Words of one text that count: more only dilute the comparison."""

Part = Literal["distance", "time", "type", "words"]


@dataclass(frozen=True, slots=True)
class Traits:
    """What may be compared of one case. `group` is the family of its type (fire, waste, ...)."""

    case_id: CaseId
    place: Place
    at: Instant
    case_type: str
    group: str
    words: frozenset[str]
    is_open: bool
    is_urgent: bool = False


@dataclass(frozen=True, slots=True)
class Reason:
    """One part of a likeness: how much it says (0 to 1), and its measure for the reader.

    `measure` is in metres, seconds, 1 for the same type and 0.5 for the same family, or the
    number of shared words.
    """

    part: Part
    score: float
    measure: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """A case that may be the same matter; the reasons with the strongest first."""

    case_id: CaseId
    likeness: float
    reasons: tuple[Reason, ...]


_LATIN = re.compile(r"[^\W\d_]{3,}|\d{2,}")
_CJK = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")


def words_of(text: str) -> frozenset[str]:
    """The words of a text for comparison: lower case from three letters on, numbers from two
    digits on, and pairs of neighbouring characters where a script has no spaces."""
    lowered = text.lower()
    found: dict[str, None] = {}
    for run in _CJK.findall(lowered):
        if len(run) == 1:
            found[run] = None
        for index in range(len(run) - 1):
            found[run[index : index + 2]] = None
    for word in _LATIN.findall(_CJK.sub(" ", lowered)):
        found[word] = None
    return frozenset(list(found)[:WORDS_LIMIT])


def likeness(a: Traits, b: Traits) -> Candidate:
    """How much `b` looks like `a`, from 0 (or too far, too long ago) to 1, and why."""
    distance_m = _distance_m(a.place, b.place)
    apart_s = abs((a.at - b.at).total_seconds())
    long_s = URGENT_LONG_S if a.is_urgent and b.is_urgent else LONG_S
    kind = 1.0 if a.case_type == b.case_type else 0.5 if a.group == b.group else 0.0
    shared = len(a.words & b.words)
    total = min(len(a.words), len(b.words))
    reasons = (
        Reason("distance", max(0.0, 1 - distance_m / FAR_M), distance_m),
        Reason("time", max(0.0, 1 - apart_s / long_s), apart_s),
        Reason("type", kind, kind),
        Reason("words", shared / total if total else 0.0, float(shared)),
    )
    telling = tuple(reason for reason in reasons if reason.score > 0)
    by_weight = sorted(telling, key=lambda r: (-r.score * WEIGHTS[r.part], r.part))
    if distance_m >= FAR_M or apart_s >= long_s:
        return Candidate(b.case_id, 0.0, tuple(by_weight))
    score = sum(WEIGHTS[reason.part] * reason.score for reason in reasons)
    return Candidate(b.case_id, round(min(1.0, score), 4), tuple(by_weight))


def rank(a: Traits, others: Iterable[Traits], limit: int) -> tuple[Candidate, ...]:
    """The likeliest open duplicates of `a`, best first, ties by id; at most `limit`."""
    found = [likeness(a, b) for b in others if b.is_open and b.case_id != a.case_id]
    good = [candidate for candidate in found if candidate.likeness >= LEAST]
    return tuple(sorted(good, key=lambda c: (-c.likeness, c.case_id))[: max(0, limit)])


def _distance_m(a: Place, b: Place) -> float:
    """Great-circle distance by the haversine formula (Sinnott, 1984)."""
    lat1, lat2 = radians(a.lat), radians(b.lat)
    half = sin((lat2 - lat1) / 2) ** 2
    half += cos(lat1) * cos(lat2) * sin(radians(b.lon - a.lon) / 2) ** 2
    return 2 * EARTH_RADIUS_M * asin(min(1.0, sqrt(half)))
