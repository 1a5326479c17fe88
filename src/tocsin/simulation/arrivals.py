"""What a town's people will report: when, where, in which words, and who reports it again.

Everything follows from one seeded generator. Nobody in here is real: reporters are numbers, their
addresses end in example.org (RFC 2606) and their numbers are those a film would use.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from math import cos, radians
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from tocsin.kernel.shared import Instant, Place
from tocsin.packs.model import CaseType, Pack

HOURS_BY_DAY: Final = (
    *(0.35, 0.25, 0.2, 0.15, 0.15, 0.3, 0.6, 1.0),
    *(1.5, 1.6, 1.6, 1.5, 1.4, 1.4, 1.4, 1.5),
    *(1.6, 1.6, 1.4, 1.2, 1.1, 0.9, 0.7, 0.5),
)
"""How busy each hour of a day is beside the average: few at night, most in office hours. The
shape follows what cities publish of their 311 calls; the figures are ours."""
HOURS_BY_NIGHT: Final = (
    *(2.2, 2.0, 1.4, 0.8, 0.4, 0.3, 0.3, 0.4),
    *(0.5, 0.5, 0.5, 0.6, 0.6, 0.6, 0.7, 0.7),
    *(0.9, 1.0, 1.2, 1.4, 1.7, 2.0, 2.4, 2.6),
)
"""The same for noise and nightlife."""
EVEN: Final = (1.0,) * 24
WEIGHTS: Final = {"emergency": 0.5, "urgent": 1.0, "standard": 3.0, "slow": 0.6, "mediation": 0.5}
"""How often the types of a profile are reported, all together, beside those of the others."""
REPEAT_SHARE: Final = 0.22
"""Reports about a matter that somebody has already reported."""
REPEAT_WITHIN: Final = timedelta(hours=2)
MATTERS_KEPT: Final = 200
SPREAD_M: Final = 35.0
"""How far apart people stand, or point, when they mean the same thing."""
METRES_PER_DEGREE: Final = 111_195.0

PHRASES: Final = {
    "en": (
        "{said} Near {where}.",
        "At {where}: {said}",
        "Hello, I am writing about {where}. {said} Thank you.",
        "{where}, {key}. Please have a look.",
        "I walked past {where} and saw it again: {key}.",
        "Not sure who to tell. {key} at {where}, since this morning.",
    ),
    "zh-CN": (
        "{where}附近，{said}。",
        "{said}，位置在{where}。",
        "您好，我反映一下{where}的情况：{said}，谢谢。",
        "{where}，{key}，请派人看看。",
        "刚路过{where}，又看到{key}。",
        "不知道该找谁，{where}有{key}，从今天早上开始的。",
    ),
}
"""Whole sentences first, then ways of saying it by a keyword: two people never write the same."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A place that people can name; `area` is its grid cell, where that is known."""

    name: str
    place: Place
    area: str = ""


@dataclass(frozen=True, slots=True)
class Telling:
    """One report, before it is sent. `matter` numbers what really happened: reports with the
    same matter are duplicates, which only the simulation knows."""

    number: int
    matter: int
    at: Instant
    case_type: str
    text: str
    language: str
    place: Place
    address: str
    answers: tuple[tuple[str, tuple[str, ...]], ...]
    contact: tuple[tuple[str, str], ...]
    has_photo: bool
    consent: bool
    by_phone: bool
    """Told to a call taker, who types it in, instead of sent by the resident's own app."""
    is_first: bool = True


@dataclass(frozen=True, slots=True)
class _Matter:
    number: int
    at: Instant
    case_type: CaseType
    spot: Spot
    address: str
    answers: tuple[tuple[str, tuple[str, ...]], ...]
    told: tuple[tuple[str, int], ...]
    """(language, phrase) already used."""


class Arrivals:
    """The tellings of a town, one after the other, without end."""

    def __init__(
        self, pack: Pack, spots: Sequence[Spot], rng: Random, start: Instant, per_hour: float
    ) -> None:
        assert spots and per_hour > 0, "a town has places and something happens there"
        self._pack = pack
        self._spots = spots
        self._rng = rng
        self._at = start
        self._per_hour = per_hour
        self._zone = ZoneInfo(pack.zone)
        self._types = sorted(pack.services.values(), key=lambda each: each.code)
        self._per_profile = Counter(each.profile_name for each in self._types)
        self._matters: list[_Matter] = []
        self._matter_count = 0
        self._count = 0

    def next(self) -> Telling:
        """The telling that follows, later than all before it."""
        rng = self._rng
        # Thinning: draw at the busiest rate, keep the share of the hour.
        busiest = max(HOURS_BY_DAY) * self._per_hour
        while True:
            self._at += timedelta(hours=rng.expovariate(busiest))
            hour = self._at.astimezone(self._zone).hour
            if rng.random() * max(HOURS_BY_DAY) < HOURS_BY_DAY[hour]:
                break
        self._count += 1
        fresh = [each for each in self._matters if self._at - each.at <= REPEAT_WITHIN]
        self._matters = fresh[-MATTERS_KEPT:]
        if self._matters and rng.random() < REPEAT_SHARE:
            index = rng.randrange(len(self._matters))
            matter, is_first = self._matters[index], False
        else:
            matter, is_first = self._happen(hour), True
            self._matters.append(matter)
            index = len(self._matters) - 1
        language, phrase = self._way_of_saying(matter)
        self._matters[index] = replace(matter, told=(*matter.told, (language, phrase)))
        return self._tell(matter, language, phrase, is_first)

    def _happen(self, hour: int) -> _Matter:
        rng = self._rng
        # Types share what their profile gets, whatever the size of the pack.
        weights = [
            _weight(each, hour) / self._per_profile[each.profile_name] for each in self._types
        ]
        case_type = rng.choices(self._types, weights)[0]
        spot = self._spots[rng.randrange(len(self._spots))]
        address = f"{spot.name} {rng.randint(1, 60)}"
        self._matter_count += 1
        answers = tuple(_answers(case_type, rng))
        return _Matter(self._matter_count, self._at, case_type, spot, address, answers, ())

    def _way_of_saying(self, matter: _Matter) -> tuple[str, int]:
        ways = [(lang, n) for lang, said in PHRASES.items() for n in range(len(said))]
        free = [way for way in ways if way not in matter.told] or ways
        return free[self._rng.randrange(len(free))]

    def _tell(self, matter: _Matter, language: str, phrase: int, is_first: bool) -> Telling:
        rng, case_type = self._rng, matter.case_type
        examples = [each.text for each in case_type.examples]
        keywords = dict(case_type.keywords)
        said = rng.choice(examples) if examples else case_type.title
        key = rng.choice(keywords.get(language) or (case_type.title.get(language, "this"),))
        text = PHRASES[language][phrase].format(
            said=self._pack.in_language(said, language).rstrip(".。"), where=matter.address, key=key
        )
        return Telling(
            number=self._count,
            matter=matter.number,
            at=self._at,
            case_type=case_type.code,
            text=text,
            language=language,
            place=_near(matter.spot.place, rng),
            address=matter.address,
            answers=matter.answers,
            contact=_contact(self._count) if rng.random() < 0.6 else (),
            has_photo=rng.random() < 0.15,
            consent=rng.random() < 0.7,
            by_phone=rng.random() < (0.6 if case_type.terms.profile == "emergency" else 0.15),
            is_first=is_first,
        )


def _weight(case_type: CaseType, hour: int) -> float:
    if case_type.group == "nuisance":
        shape = HOURS_BY_NIGHT
    elif case_type.terms.profile == "emergency":
        shape = EVEN
    else:
        shape = HOURS_BY_DAY
    return WEIGHTS.get(case_type.profile_name, 1.0) * shape[hour]


def _answers(case_type: CaseType, rng: Random) -> list[tuple[str, tuple[str, ...]]]:
    found: list[tuple[str, tuple[str, ...]]] = []
    for field in case_type.form:
        if not field.variable or (not field.required and rng.random() < 0.5):
            continue
        match field.kind:
            case "number":
                found.append((field.code, (str(rng.randint(1, 6)),)))
            case "singlevaluelist" | "multivaluelist" if field.values:
                found.append((field.code, (rng.choice(field.values)[0],)))
            case "string" | "text" if field.required:
                found.append((field.code, ("as described",)))
            case _:
                pass
    return found


def _near(place: Place, rng: Random) -> Place:
    north = rng.gauss(0, SPREAD_M / 2) / METRES_PER_DEGREE
    east = rng.gauss(0, SPREAD_M / 2) / METRES_PER_DEGREE / cos(radians(place.lat))
    return Place(round(place.lon + east, 6), round(place.lat + north, 6))


def _contact(number: int) -> tuple[tuple[str, str], ...]:
    return (
        ("first_name", "Resident"),
        ("last_name", f"No. {number}"),
        ("email", f"resident-{number}@example.org"),
        ("phone", f"+99 5550 {number:06d}"),
    )
