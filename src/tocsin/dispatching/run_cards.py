"""From a pack's run cards to what a waiting case needs."""

from __future__ import annotations

from dataclasses import dataclass

from tocsin.dispatching.problem import LevelNeeds, Need
from tocsin.packs.model import Pack
from tocsin.packs.units import RunCard


@dataclass(frozen=True, slots=True)
class CardNeeds:
    """The parts of a `CallNow` that its run card fills in."""

    level: int
    needs: tuple[Need, ...]
    assists: tuple[Need, ...]
    lower_levels: tuple[LevelNeeds, ...]
    is_counted_once: bool


def card_needs(pack: Pack, case_type: str, level: int = 1) -> CardNeeds | None:
    """What a case of this type and level needs, and what its lower levels would be content with.

    A level above the highest card takes that card, one below 1 the first: more help is not there,
    and less than the first level is none. None for an unknown type and one without run cards.
    """
    found = pack.case_types.get(case_type)
    if found is None or not found.run_cards:
        return None
    cards = found.run_cards
    card = max((each for each in cards if each.level <= level), key=_level, default=cards[0])
    lower = tuple(
        LevelNeeds(each.level, _needs(each.needs)) for each in cards if each.level < card.level
    )
    return CardNeeds(card.level, _needs(card.needs), _needs(card.assists), lower, card.counts_once)


def _level(card: RunCard) -> int:
    return card.level


def _needs(pairs: tuple[tuple[str, int], ...]) -> tuple[Need, ...]:
    return tuple(Need(capability, count) for capability, count in pairs)
