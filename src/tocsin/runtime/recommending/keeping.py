"""Recommendations that were given, for as long as a sending may name them; and as journals keep
them: packed, and opened and computed again by whoever doubts."""

from __future__ import annotations

import lzma
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Final

from tocsin.dispatching.recommendation import Advice
from tocsin.dispatching.table import recomputed
from tocsin.kernel.shared import CaseId, Choice, Instant, UnitId
from tocsin.kernel.units.vocabulary import KeptAdvice

ADVICE_KEEP_S: Final = 600.0
"""How long a sending may name a recommendation: older ones are about another fleet."""
ADVICE_KEPT_MAX: Final = 200
"""Recommendations held at once, the oldest dropped first: packed they are some tens of kilobytes
each, and a desk asks for one at every change of its case."""
KEPT_MAX_BYTES: Final = 400_000
"""Of one recommendation in the journal, packed: an entry is one row, and is read as a whole. The
figures for 12, 100 and 500 units are in ADR 0012. One that is larger is not kept, and the sending
says only how the unit stood."""
OPENED_MAX_BYTES: Final = 200_000_000
"""A packed table that would be larger opened was not made by us."""
_PRESET: Final = 1


@dataclass(frozen=True, slots=True)
class Given:
    """One recommendation that was shown: for which case, when, with its table and its snapshot
    (both squeezed a little: most are never named)."""

    id: str
    at: Instant
    case: CaseId
    policy: str
    advice: Advice
    names: Mapping[UnitId, str]
    table: bytes
    problem: bytes

    def choice(self, unit: UnitId) -> Choice:
        """How a unit stood in it."""
        ranked = self.advice.ranked
        found = next((each for each in ranked if each.unit == unit), None)
        first = ranked[0] if ranked else None
        saved_s = None
        times_s = (found.time_s if found else None, first.time_s if first else None)
        if found is not None and found.rank > 1 and None not in times_s:
            saved_s = round((times_s[0] or 0.0) - (times_s[1] or 0.0), 1)
        return Choice(
            self.id,
            self.policy,
            found.rank if found is not None else None,
            self.advice.candidate_count,
            found.is_sent if found is not None else False,
            found.time_s if found is not None else None,
            round(found.p90_s, 1) if found is not None and found.p90_s is not None else None,
            self.names.get(first.unit, first.unit) if first is not None else "",
            saved_s,
        )

    def evidence(self) -> KeptAdvice | None:
        """What the journal keeps of it; None where that would be too large. Takes some tens of
        milliseconds for a large fleet: not for the event loop."""
        kept = packed(zlib.decompress(self.table), zlib.decompress(self.problem))
        return kept if len(kept.table) + len(kept.problem) <= KEPT_MAX_BYTES else None


@dataclass(slots=True)
class Shelf:
    """The recommendations that may be named now."""

    _given: OrderedDict[str, Given] = field(default_factory=OrderedDict[str, Given])

    def put(self, given: Given) -> None:
        """Keeps one, and drops what is old or too many."""
        self._given[given.id] = given
        self._given.move_to_end(given.id)
        while len(self._given) > ADVICE_KEPT_MAX:
            self._given.popitem(last=False)

    def get(self, advice_id: str, case: CaseId, now: Instant) -> Given | None:
        """The recommendation of that id for that case; None where there is none any more."""
        given = self._given.get(advice_id)
        if given is None or given.case != case:
            return None
        return given if now - given.at <= timedelta(seconds=ADVICE_KEEP_S) else None


def squeezed(data: bytes) -> bytes:
    """For the shelf, quickly."""
    return zlib.compress(data, 1)


def packed(table: bytes, problem: bytes) -> KeptAdvice:
    """Table and snapshot for the journal."""
    return KeptAdvice(lzma.compress(table, preset=_PRESET), lzma.compress(problem, preset=_PRESET))


def opened(data: bytes) -> bytes:
    """What `packed` made one of. Raises ValueError for damage, and for more than is believed."""
    opener = lzma.LZMADecompressor()
    try:
        found = opener.decompress(data, OPENED_MAX_BYTES)
    except lzma.LZMAError as error:
        raise ValueError("a kept recommendation cannot be opened") from error
    if not opener.eof:
        raise ValueError("a kept recommendation is cut short, or too large")
    return found


def kept_defect(kept: KeptAdvice, choice: Choice | None) -> str | None:
    """What is wrong with a recommendation in the journal: it is computed again from its snapshot,
    and compared to the last byte. None where it is as it was."""
    try:
        table, problem = opened(kept.table), opened(kept.problem)
        again = recomputed(problem, table)
    except (ValueError, KeyError, TypeError):
        return "recommendation: cannot be computed again"
    if again != table:
        return "recommendation: the kept table is not what its snapshot gives"
    if choice is None or sha256(table).hexdigest() != choice.advice:
        return "recommendation: the kept table is not the one that was named"
    return None
