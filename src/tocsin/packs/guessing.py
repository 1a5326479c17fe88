"""Guesses the case type from words: keywords and titles, in Latin and Chinese script.

Deterministic and explainable: a type's score is the sum over the terms found, each weighing its
source (keyword, title, description) times how few types share it (a smoothed inverse document
frequency, as in classic text retrieval). No learning, no memory of earlier reports.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tocsin.packs.parts import CaseType

# The matter is said in the first sentences; longer texts cost time and add noise.
MAX_CHARS = 600
GUESSES = 3
_KEYWORD, _TITLE, _DESCRIPTION = 3.0, 2.0, 0.35
_CJK_LENGTHS = (2, 3, 4)
_LATIN = re.compile(r"[^\W\d_]+", re.UNICODE)
_CJK = re.compile(r"[\u3400-\u9fff]+")
_STOP = frozenset(
    "a an and are at been but by can for from had has have he her his i in into is it its me my no "
    "not of off on or our out she so that the their there they this to up us was we were when "
    "which while who will with you your very some been someone somebody people since still".split()
)


# Words that lose too much or too little: parking is not a park, a bus is not a plural.
_STEMS = {
    "parked": "parking",
    "parking": "parking",
    "lighting": "lighting",
    "heating": "heating",
    "building": "building",
    "gas": "gas",
    "bus": "bus",
}


def _stem(word: str) -> str:
    """A plain plural and verb ending cut, the same for texts and keywords."""
    special = _STEMS.get(word)
    if special is not None:
        return special
    for ending, rest in (("ies", "y"), ("ing", ""), ("ed", ""), ("es", ""), ("s", "")):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: len(word) - len(ending)] + rest
    return word


def _terms(text: str) -> Iterator[str]:
    """Stems, pairs of neighbouring stems, and Chinese runs of two to four characters."""
    text = text[:MAX_CHARS].lower()
    previous = ""
    for match in _LATIN.finditer(_CJK.sub(" ", text)):
        word = match[0]
        if word in _STOP:
            continue
        stem = _stem(word)
        yield stem
        if previous:
            yield f"{previous} {stem}"
        previous = stem
    for match in _CJK.finditer(text):
        run = match[0]
        for length in _CJK_LENGTHS:
            for start in range(len(run) - length + 1):
                yield run[start : start + length]


def _keyword_terms(keyword: str) -> Iterator[str]:
    """A keyword counts as a whole; a long Chinese one by its runs of four."""
    runs = _CJK.findall(keyword)
    if runs:
        for run in runs:
            if len(run) <= _CJK_LENGTHS[-1]:
                yield run
            else:
                yield from (run[start : start + 4] for start in range(len(run) - 3))
        return
    stems = [_stem(word) for word in _LATIN.findall(keyword.lower()) if word not in _STOP]
    if len(stems) < 2:
        yield from stems
    else:
        yield from (f"{left} {right}" for left, right in zip(stems, stems[1:], strict=False))


@dataclass(frozen=True, slots=True)
class Guesser:
    """An index from terms to the case types they speak for."""

    codes: tuple[str, ...]
    index: dict[str, tuple[tuple[int, float], ...]]

    def guess(self, text: str) -> tuple[tuple[str, float], ...]:
        """The first three case types with their share of the evidence (0 to 1), best first.

        Ties go to the earlier type of the pack. Nothing recognised: an empty tuple.
        """
        scores: dict[int, float] = {}
        for term in dict.fromkeys(_terms(text)):
            for number, weight in self.index.get(term, ()):
                scores[number] = scores.get(number, 0.0) + weight
        if not scores:
            return ()
        total = sum(scores.values())
        best = sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:GUESSES]
        return tuple((self.codes[number], round(score / total, 4)) for number, score in best)


def build_guesser(case_types: Iterable[CaseType]) -> Guesser:
    """The index over titles, descriptions and keywords in all languages of the types."""
    codes: list[str] = []
    weights: dict[str, dict[int, float]] = {}
    for number, case_type in enumerate(case_types):
        codes.append(case_type.code)
        for term, weight in _weighted(case_type):
            row = weights.setdefault(term, {})
            row[number] = max(row.get(number, 0.0), weight)
    count = len(codes)
    index = {
        term: tuple(
            (number, weight * math.log(1 + count / len(row)) * (1 + 0.5 * (len(term) > 2)))
            for number, weight in sorted(row.items())
        )
        for term, row in weights.items()
    }
    return Guesser(tuple(codes), index)


def _weighted(case_type: CaseType) -> Iterator[tuple[str, float]]:
    for _, keywords in case_type.keywords:
        for keyword in keywords:
            for term in _keyword_terms(keyword):
                yield term, _KEYWORD
    for text in case_type.title.values():
        for term in _terms(text):
            yield term, _TITLE
    for text in case_type.description.values():
        for term in _terms(text):
            yield term, _DESCRIPTION
