"""Addresses from streets with number ranges: a house, a block, a crossing, written as people do.

Many towns know no single houses, only from which number to which a piece of street goes on each
side. A number lies on its piece as far along as it is between the two; a block of a hundred lies
in the middle of the pieces that it covers. Pure and in memory.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from tocsin.geography.distance import line_length_m, point_along, short_distance_m
from tocsin.geography.word_index import fold

Point = tuple[float, float]
"""Longitude, latitude in degrees (WGS 84)."""

BLOCK: Final = 100
"""Numbers of one block, as North American towns count them."""
WHOLE_READINGS: Final = 2
"""The first readings of a name that leave nothing away."""
GAP_MAX: Final = 200
"""How far a number may lie beyond the ranges of its street before it is not there: ranges have
holes of a block or two, where only a corner lot is numbered."""

TYPES: Final[Mapping[str, str]] = {
    "avenue": "av", "ave": "av", "boulevard": "bl", "blvd": "bl", "street": "st", "drive": "dr",
    "way": "wy", "terrace": "ter", "terr": "ter", "tr": "ter", "place": "pl", "plaza": "plz",
    "pz": "plz", "court": "ct", "lane": "ln", "road": "rd", "alley": "al", "aly": "al",
    "highway": "hwy", "hy": "hwy", "circle": "cir", "cr": "cir", "stairway": "stwy", "park": "park",
    "expressway": "expy", "square": "sq", "row": "row", "loop": "loop", "walk": "walk",
}  # fmt: skip
"""Kinds of street and how they are shortened: USPS Publication 28, appendix C1, and the shorter
forms that call takers' systems use."""
SIDES: Final[Mapping[str, str]] = {
    "n": "north", "no": "north", "nor": "north", "s": "south", "so": "south", "sou": "south",
    "e": "east", "w": "west",
}  # fmt: skip
_KINDS: Final = frozenset(TYPES.values())
_DIRECTIONS: Final = frozenset(SIDES.values())
_FILLERS: Final = frozenset({"the", "blk", "block", "of"})
_BLOCK_OF = re.compile(r"^\s*(\d+)\s+(?:block\s+of|blk(?:\s+of)?)\s+(.+)$", re.I)
_HOUSE = re.compile(r"^\s*(\d+)(?:\s*-\s*\d+)?(?:\s*-?\s*[a-z])?(?:\s+1/2)?\s+(.+)$", re.I)
_BOX = re.compile(r"^\s*call\s+box\s*:\s*", re.I)
_AFTER = re.compile(r"\s*(?:#|,|\bapt\b|\bunit\b).*$", re.I)
_NUMBERED = re.compile(r"^0+(?=\d)")


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of street between two corners.

    `left` and `right` are its first and last number on each side, (0, 0) where there is none;
    the line runs with them. `start` and `end` name the corners.
    """

    street: str
    left: tuple[int, int]
    right: tuple[int, int]
    line: tuple[Point, ...]
    start: str
    end: str


class Placed(NamedTuple):
    """Where an address lies. `is_exact` is False where a hole in the ranges was bridged, or the
    street was found only by leaving away its side or its kind: somebody should look."""

    kind: Literal["house", "block", "crossing"]
    lon: float
    lat: float
    is_exact: bool


class Ranges:
    """Finds addresses of one town by the number ranges of its streets. Built once."""

    def __init__(
        self, pieces: Iterable[Piece], also: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        """`also` are other names of streets, as a town has them: name -> names on the signs."""
        self._pieces: defaultdict[str, list[Piece]] = defaultdict(list)
        self._corners: dict[str, Point] = {}
        for piece in pieces:
            self._pieces[piece.street].append(piece)
            self._corners.setdefault(piece.start, piece.line[0])
            self._corners.setdefault(piece.end, piece.line[-1])
        self._keys: defaultdict[str, list[str]] = defaultdict(list)
        for street in self._pieces:
            for key in dict.fromkeys(_keys(street)):
                self._keys[key].append(street)
        for name, signs in (also or {}).items():
            known = [street for sign in signs for street in self.streets(sign)]
            self._keys[_keys(name)[0]] = list(dict.fromkeys(known))

    def streets(self, name: str) -> tuple[str, ...]:
        """The streets that a name may mean: the strictest reading that fits any."""
        return self._read(name)[0]

    def _read(self, name: str) -> tuple[tuple[str, ...], bool]:
        """Those streets, and whether the name says no more and no less."""
        for strictness, key in enumerate(_keys(name)):
            if found := self._keys.get(key):
                return tuple(found), strictness < WHOLE_READINGS
        return (), False

    def find(self, text: str) -> Placed | None:
        """The place of "500 Block of Main St", "523 Main St" or "Main St / 3rd St"; else None."""
        text = _BOX.sub("", text)
        if "/" in text and not _HOUSE.match(text.replace("1/2", "")):
            one, _, other = text.partition("/")
            return self._crossing(_AFTER.sub("", one), _AFTER.sub("", other))
        text = _AFTER.sub("", text)
        if match := _BLOCK_OF.match(text):
            return self._block(int(match[1]), match[2])
        if match := _HOUSE.match(text):
            return self._house(int(match[1]), match[2])
        return None

    def _of(self, streets: Iterable[str]) -> Iterator[Piece]:
        for street in streets:
            yield from self._pieces[street]

    def _block(self, first: int, name: str) -> Placed | None:
        streets, is_whole = self._read(name)
        first -= first % BLOCK
        covered: list[tuple[Point, float]] = []
        for piece in self._of(streets):
            low, high = _span(piece)
            if high and high >= max(first, 1) and low < first + BLOCK:
                covered.append((point_along(piece.line, 0.5), line_length_m(piece.line)))
        if covered:
            return Placed("block", *_middle(covered), is_whole)
        return self._near(first + BLOCK // 2, streets, "block")

    def _house(self, number: int, name: str) -> Placed | None:
        streets, is_whole = self._read(name)
        for piece in self._of(streets):
            for first, last in (piece.left, piece.right):
                low, high = min(first, last), max(first, last)
                if not low <= number <= high or (number - low) % 2:
                    continue
                share = 0.5 if first == last else (number - first) / (last - first)
                return Placed("house", *point_along(piece.line, share), is_whole)
        return self._near(number, streets, "house")

    def _near(
        self, number: int, streets: Sequence[str], kind: Literal["house", "block"]
    ) -> Placed | None:
        """On the piece whose numbers come closest, at the end that is nearer by number."""
        best: tuple[int, Point] | None = None
        for piece in self._of(streets):
            low, high = _span(piece)
            if not high:
                continue
            gap = max(low - number, number - high, 0)
            if gap > GAP_MAX or (best is not None and gap >= best[0]):
                continue
            first, last = piece.left if any(piece.left) else piece.right
            is_up = first <= last
            share = 0.5 if gap == 0 else float((number > high) == is_up)
            best = gap, point_along(piece.line, share)
        return None if best is None else Placed(kind, *best[1], False)

    def _crossing(self, one: str, other: str) -> Placed | None:
        (mine, is_whole), (others, is_whole_too) = self._read(one), self._read(other)
        theirs = self._corners_of(others)
        met = [corner for corner in self._corners_of(mine) if corner in theirs]
        if not met:
            return None
        middle = _middle([(self._corners[each], 1.0) for each in met])
        return Placed("crossing", *middle, is_whole and is_whole_too)

    def _corners_of(self, streets: Iterable[str]) -> dict[str, None]:
        return dict.fromkeys(
            corner for piece in self._of(streets) for corner in (piece.start, piece.end)
        )


def _keys(name: str) -> tuple[str, ...]:
    """Readings of a street's name, the strictest first; each means the same or less than the one
    before: as written, its words in any order, without the side, without the kind."""
    parts = re.findall(r"[^\W_]+", fold(name).replace("'", "").replace("\u2019", ""))
    words = [_NUMBERED.sub("", each) for each in parts if each not in _FILLERS]
    words = [SIDES.get(each, each) for each in words]
    # "St" is a saint in front and a street behind.
    words = [TYPES.get(each, each) if at else each for at, each in enumerate(words)]
    words = [("st" if each == "saint" else each) for each in words]
    bare = [each for each in words if each not in _DIRECTIONS] or words
    kindless = [each for at, each in enumerate(bare) if not at or each not in _KINDS] or bare
    return (
        "".join(words),
        " ".join(sorted(words)),
        "~" + "".join(bare),
        "~~" + "".join(kindless),
    )


def _span(piece: Piece) -> tuple[int, int]:
    """The lowest and highest number on either side; (0, 0) where there are none."""
    numbers = [each for each in (*piece.left, *piece.right) if each > 0]
    return (min(numbers), max(numbers)) if numbers else (0, 0)


def _middle(points: Sequence[tuple[Point, float]]) -> Point:
    """Of several points with weights the one that lies nearest to the others: never beside the
    road, as their mean may."""
    return min(
        (point for point, _ in points),
        key=lambda each: sum(weight * short_distance_m(*each, *other) for other, weight in points),
    )


__all__ = ["Piece", "Placed", "Ranges"]
