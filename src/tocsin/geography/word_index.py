"""Finds records by the beginnings of their words, folded; Chinese ones by any part."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from heapq import nsmallest
from typing import Final

WORDS_MAX: Final = 8
"""Words of a query that are looked at: an address has five."""
HITS_MAX: Final = 3_000
"""Records ranked for one query; more alike than that and nobody finds the right one."""
PARTS = re.compile(
    r"[\u2e80-\u9fff\uf900-\ufaff]+|(?:(?![\u2e80-\u9fff\uf900-\ufaff])[^\W_])+", re.UNICODE
)
_CJK = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff]")
_FOLDS = str.maketrans(
    {"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ё": "е"}
)


def fold(text: str) -> str:
    """Lower case without accents, so that `Café` is found by `cafe`."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(each for each in plain if not unicodedata.combining(each))
    return kept.translate(_FOLDS)


def words_of(text: str) -> tuple[str, ...]:
    """The folded words of a text; Chinese runs and the digits beside them are words of their
    own (`人民路12号` has three)."""
    return tuple(PARTS.findall(fold(text)))


def is_cjk(word: str) -> bool:
    return _CJK.match(word) is not None


class Words:
    """An index from the beginnings of words to records, and from parts of Chinese ones."""

    __slots__ = ("_ends", "_joined", "_keys", "_named", "_postings")

    def __init__(self, names: Iterable[Sequence[str]]) -> None:
        postings: defaultdict[str, set[int]] = defaultdict(set)
        self._named: list[tuple[str, ...]] = []
        joined: list[str] = []
        self._ends: list[int] = []
        end = 0
        for index, each in enumerate(names):
            folded = tuple(fold(name) for name in each)
            self._named.append(folded)
            for name in folded:
                for word in PARTS.findall(name):
                    postings[word].add(index)
            chinese = "\n".join(name for name in folded if _CJK.search(name)) + "\n"
            joined.append(chinese)
            end += len(chinese)
            self._ends.append(end)
        self._keys = sorted(postings)
        self._postings = postings
        self._joined = "".join(joined)

    def find(self, words: Sequence[str]) -> list[int]:
        """Records with all the words, the best first."""
        if not words:
            return []
        kept: set[int] | None = None
        for word in sorted(words, key=len, reverse=True)[:WORDS_MAX]:
            hits = self._parts(word) if is_cjk(word) else self._beginnings(word)
            kept = hits if kept is None else kept & hits
            if not kept:
                return []
        assert kept is not None, "there is a word"
        asked = " ".join(words)
        some = kept if len(kept) <= HITS_MAX else nsmallest(HITS_MAX, kept)
        return sorted(some, key=lambda index: self.rank(index, asked, words))

    def rank(self, index: int, asked: str, words: Sequence[str]) -> tuple[int, int, int]:
        """How well a record fits: the whole name first, then names that begin so, then whole
        words, then the shorter."""
        best = (4, 0, 0)
        for name in self._named[index]:
            plain = " ".join(PARTS.findall(name))
            if plain == asked:
                level = 0
            elif plain.startswith(asked):
                level = 1
            else:
                level = 2 if set(words) <= set(plain.split()) else 3
            best = min(best, (level, len(plain), index))
        return best

    def _beginnings(self, word: str) -> set[int]:
        found: set[int] = set()
        at = bisect_left(self._keys, word)
        while at < len(self._keys) and self._keys[at].startswith(word):
            found |= self._postings[self._keys[at]]
            at += 1
        return found

    def _parts(self, word: str) -> set[int]:
        found: set[int] = set()
        at = self._joined.find(word)
        while at >= 0 and len(found) < HITS_MAX:
            index = bisect_left(self._ends, at + 1)
            found.add(index)
            at = self._joined.find(word, self._ends[index])
        return found
