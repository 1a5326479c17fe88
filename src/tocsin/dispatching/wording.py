"""Reasons, shortfalls and repairs in words, from the words of the house (words.toml).

"E36 3:10, in time; T13 is 14 s faster but leaves zone 7 uncovered."
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from tocsin.dispatching.recommendation import Candidate, Fact, Reason, Repair, Shortfall
from tocsin.packs.words import word

_SLOT = re.compile(r"\{(\w+)\}")
SHORT_S = 60
"""Below this a difference is told in seconds, from here on in minutes and seconds."""
HOUR_S = 3600
SEPARATORS: Mapping[str, str] = {"zh": "；"}
"""Between reasons, by base language; elsewhere a semicolon and a space."""
NAMED = ("unit", "zone", "case", "post", "agency")
"""Facts that are ids."""
SECONDS: Mapping[str, str] = {"zh": "秒"}
"""Behind seconds, by base language; elsewhere s."""


def clock(seconds: float) -> str:
    """A duration as m:ss, or h:mm:ss from one hour on; rounded to the second."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    if whole < HOUR_S:
        return f"{minutes}:{rest:02}"
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def span(seconds: float, language: str) -> str:
    """A difference in words: "14 s", or m:ss from one minute on."""
    if round(seconds) >= SHORT_S:
        return clock(seconds)
    return f"{round(seconds)} {SECONDS.get(_base(language), 's')}"


def minutes(seconds: float) -> int:
    """Whole minutes of a wait that is only estimated, at least one."""
    return max(1, round(seconds / SHORT_S))


def reason_words(reason: Reason, language: str) -> str:
    """One reason in words."""
    facts = dict(reason.facts)
    but = facts.pop("but", None)
    slots = _slots(facts, language)
    if but is not None:
        slots["but"] = _filled(word("dispatch_reason", str(but), language), slots)
    return _filled(word("dispatch_reason", reason.code, language), slots)


def told(kind: str, code: str, facts: Mapping[str, Fact], language: str) -> str:
    """A line of the words of the house with its facts filled in, as those of reasons are."""
    return _filled(word(kind, code, language), _slots(facts, language))


def named(reason: Reason, names: Mapping[str, str]) -> Reason:
    """The reason with units, zones, cases and posts called by their names; those that have none
    keep their id."""
    return Reason(
        reason.code,
        tuple(
            (key, names.get(str(fact), fact) if key in NAMED else fact)
            for key, fact in reason.facts
        ),
    )


def candidate_words(candidate: Candidate, language: str) -> str:
    """The line of one candidate: who, how soon, and why it stands there."""
    said = [reason_words(reason, language) for reason in candidate.reasons]
    return f"{candidate.unit} {SEPARATORS.get(_base(language), '; ').join(said)}"


def shortfall_words(shortfall: Shortfall, language: str) -> str:
    """What is missing and the cheapest repair. The name of the capability is the pack's own, and
    is put before it by whoever shows this."""
    slots = {"missing": str(shortfall.missing)}
    said = _filled(word("shortfall", shortfall.code, language), slots)
    separator = SEPARATORS.get(_base(language), "; ")
    return f"{said}{separator}{repair_words(shortfall.repairs[0], language)}"


def repair_words(repair: Repair, language: str) -> str:
    """One repair in words."""
    facts = (
        ("unit", repair.unit),
        ("level", repair.level),
        ("delay_s", repair.delay_s),
        ("minutes", None if repair.wait_s is None else minutes(repair.wait_s)),
    )
    slots = _slots({name: fact for name, fact in facts if fact is not None}, language)
    return _filled(word("repair", repair.code, language), slots)


def _base(language: str) -> str:
    return language.partition("-")[0]


def _slots(facts: Mapping[str, Fact], language: str) -> dict[str, str]:
    """Facts as words: seconds as times, shares as percent, the unit cut off the name."""
    slots: dict[str, str] = {}
    for name, fact in facts.items():
        if name in ("time_s", "delay_s", "limit_s", "for_s", "way_s"):
            slots[name.removesuffix("_s")] = clock(float(fact))
        elif name.endswith("_s"):
            slots[name.removesuffix("_s")] = span(float(fact), language)
        elif name in ("share", "gain"):
            slots[name] = f"{100 * float(fact):.1f} %"
        else:
            slots[name] = str(fact)
    return slots


def _filled(template: str, slots: Mapping[str, str]) -> str:
    return _SLOT.sub(lambda match: slots.get(match[1], "–"), template)
