"""The words of reports that somebody opened a moment ago, so that one call is one reading."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from time import monotonic
from typing import Final

from tocsin.kernel.shared import ActorId, SealedRef

LIVES_S: Final = 300
"""How long they are kept: about as long as a call lasts. An erased report is forgotten with it."""
MOST: Final = 20_000
"""Entries at the most: forty call takers, each with all that is near their calls."""


class ReadWords:
    """What was opened for the comparison of cases, by reader and value, in memory only.

    The form of a call asks at every change which cases are alike. Each of them was opened by the
    same person for the same purpose moments before: the reading is in the story once, not for
    every letter that was typed. Nobody is served from what somebody else opened.
    """

    def __init__(self, lives_s: float = LIVES_S, clock: Callable[[], float] = monotonic) -> None:
        self._lives_s = lives_s
        self._clock = clock
        self._kept: OrderedDict[tuple[ActorId, SealedRef], tuple[float, frozenset[str]]] = (
            OrderedDict()
        )

    def known(self, by: ActorId, refs: Iterable[SealedRef]) -> dict[SealedRef, frozenset[str]]:
        """Those of the values that this reader opened within the time."""
        self._forget()
        found: dict[SealedRef, frozenset[str]] = {}
        for ref in refs:
            kept = self._kept.get((by, ref))
            if kept is not None:
                found[ref] = kept[1]
        return found

    def keep(self, by: ActorId, opened: Mapping[SealedRef, frozenset[str]]) -> None:
        """Remember what was opened just now; a reading is not made longer by being used."""
        now = self._clock()
        for ref, words in opened.items():
            self._kept.pop((by, ref), None)
            self._kept[(by, ref)] = now, words
        self._forget()

    def _forget(self) -> None:
        now = self._clock()
        while self._kept:
            (at, _) = next(iter(self._kept.values()))
            if len(self._kept) <= MOST and now - at <= self._lives_s:
                return
            self._kept.popitem(last=False)


__all__ = ["ReadWords"]
