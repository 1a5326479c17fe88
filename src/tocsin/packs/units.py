"""Unit kinds with their capabilities, and run cards: what a case of a type and level needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast, get_args

from tocsin.kernel.units.state import Travel
from tocsin.packs.reading import Problem, Reader, nearest

Words = Mapping[str, str]
TRAVELS: tuple[Travel, ...] = get_args(Travel)

CREW_MAX = 50
ENDURANCE_MAX_MIN = 7 * 24 * 60  # minutes: a week; what lasts longer has no endurance to name
NEED_COUNT_MAX = 100
"""More units of one kind for one case is a slip of the pen."""
LEVELS_MAX = 9


@dataclass(frozen=True, slots=True)
class Capability:
    """What a run card may ask for."""

    code: str
    name: Words


@dataclass(frozen=True, slots=True)
class UnitKind:
    """A kind of unit: what it can do, how many are on it, how it moves, how long it lasts."""

    code: str
    name: Words
    capabilities: tuple[str, ...]
    crew: int
    travel: Travel
    endurance_s: int | None = None


@dataclass(frozen=True, slots=True)
class RunCard:
    """What a case of one level needs, and who is sent too when nobody else needs them: pairs of
    capability and count, in the order of the file. With `counts_once` False a unit meets every
    need that it has the capability for."""

    level: int
    needs: tuple[tuple[str, int], ...]
    assists: tuple[tuple[str, int], ...] = ()
    counts_once: bool = True


def read_capabilities(pack: Reader, languages: Sequence[str]) -> Mapping[str, Capability]:
    """The list `[[capability]]` of a pack, by code."""
    found: dict[str, Capability] = {}
    for reader in pack.tables("capability"):
        code = reader.text("code")
        if code in found:
            reader.find("code", "duplicate", f"capability {code} is there twice")
        found[code] = Capability(code, reader.words("name", tuple(languages)))
        reader.close()
    return found


def read_unit_kinds(
    pack: Reader, languages: Sequence[str], capabilities: Mapping[str, Capability]
) -> Mapping[str, UnitKind]:
    """The list `[[unit_kind]]` of a pack, by code."""
    found: dict[str, UnitKind] = {}
    for reader in pack.tables("unit_kind"):
        code = reader.text("code")
        if code in found:
            reader.find("code", "duplicate", f"unit kind {code} is there twice")
        able = reader.texts("capabilities")
        if not able:
            reader.find("capabilities", "missing", f"{code} can do nothing: nobody would send it")
        for name in able:
            if name not in capabilities:
                hint = nearest(name, capabilities)
                reader.find("capabilities", "dangling", f"there is no capability {name!r}{hint}")
        minutes = reader.whole("endurance_min", 0, 1, ENDURANCE_MAX_MIN)
        found[code] = UnitKind(
            code,
            reader.words("name", tuple(languages)),
            able,
            reader.whole("crew", 1, 0, CREW_MAX),
            cast(Travel, reader.one_of("travel", TRAVELS, "road")),
            minutes * 60 or None,
        )
        reader.close()
    return found


def read_run_cards(case_type: Reader) -> tuple[RunCard, ...]:
    """The list `[[run_card]]` of a case type, by level."""
    found: list[RunCard] = []
    for number, reader in enumerate(case_type.tables("run_card"), 1):
        level = reader.whole("level", number, 1, LEVELS_MAX)
        needs = _counts(reader, "needs")
        if not needs:
            reader.find("needs", "missing", 'nobody would be sent (needs = { "engine" = 1 })')
        assists = _counts(reader, "assists")
        found.append(RunCard(level, needs, assists, reader.flag("counts_once", True)))
        reader.close()
    return tuple(sorted(found, key=lambda card: card.level))


def _counts(reader: Reader, key: str) -> tuple[tuple[str, int], ...]:
    table = reader.table(key)
    return tuple((name, table.whole(name, 1, 1, NEED_COUNT_MAX)) for name in table.names())


def card_defects(
    cards: Sequence[RunCard],
    capabilities: Mapping[str, Capability],
    kinds: Mapping[str, UnitKind],
) -> Iterator[tuple[str, Problem, str]]:
    """Run cards that nobody could serve, or that contradict each other."""
    able = {name for kind in kinds.values() for name in kind.capabilities}
    levels = [card.level for card in cards]
    if levels and levels != list(range(1, len(levels) + 1)):
        yield "run_card", "bad_value", f"levels must be 1, 2, 3 …, each once, not {levels}"
    for card in cards:
        where = f"run_card level {card.level}"
        for name, _ in (*card.needs, *card.assists):
            if name not in capabilities:
                hint = nearest(name, capabilities)
                yield where, "dangling", f"there is no capability {name!r}{hint}"
            elif name not in able:
                yield where, "cannot_be_kept", f"no unit kind has the capability {name!r}"
    for lower, higher in zip(cards, cards[1:], strict=False):
        more = dict(higher.needs)
        for name, count in lower.needs:
            if more.get(name, 0) < count:
                text = f"level {higher.level} needs fewer of {name!r} than level {lower.level}"
                yield f"run_card level {higher.level}", "bad_value", text


__all__ = [
    "Capability",
    "RunCard",
    "UnitKind",
    "card_defects",
    "read_capabilities",
    "read_run_cards",
    "read_unit_kinds",
]
