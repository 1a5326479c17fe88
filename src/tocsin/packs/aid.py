"""Aid: whose units may be sent to a case without asking, and who may be asked for theirs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from tocsin.kernel.shared import TIERS, Tier
from tocsin.packs.reading import Problem, Reader, nearest
from tocsin.packs.units import Words

OTHER: Final = "other-"
"""Before a tier: units that are at home in another area of it than the case's own."""
GIVERS: Final[tuple[str, ...]] = (*TIERS, *(f"{OTHER}{tier}" for tier in TIERS[1:]))
"""Who can give a unit, beside agencies by their code. There is one county, so no other one."""
ASK_S: Final = 60
"""What asking costs before a unit moves, where a pack says nothing: one telephone call."""
ASK_MAX_S: Final = 3_600
"""Whoever needs more than an hour to answer is not asked in an emergency."""


@dataclass(frozen=True, slots=True)
class Aid:
    """For cases of one tier (and of these leading agencies, all when empty): whose units may be
    sent `unasked`, and who may be asked (`on_request`), which takes `ask_s`. Both hold givers and
    codes of agencies; an agency that is named goes before its tier. Whoever is in neither is not
    offered. `source` is the agreement it rests on."""

    owner_tier: Tier
    unasked: tuple[str, ...]
    on_request: tuple[str, ...] = ()
    leads: tuple[str, ...] = ()
    ask_s: int = ASK_S
    source: Words = field(default_factory=dict[str, str])


def read_aid(pack: Reader, languages: Sequence[str]) -> tuple[Aid, ...]:
    """The list `[[aid]]` of a pack, in the order of the file: the first that fits a case counts."""
    found: list[Aid] = []
    for reader in pack.tables("aid"):
        aid = Aid(
            cast(Tier, reader.one_of("owner_tier", TIERS)),
            reader.texts("unasked"),
            reader.texts("on_request"),
            reader.texts("leads"),
            reader.whole("ask_s", ASK_S, 0, ASK_MAX_S),
            reader.said("source", tuple(languages), needed=False),
        )
        if not aid.unasked:
            reader.find("unasked", "missing", 'nobody could be sent (unasked = ["county"])')
        found.append(aid)
        reader.close()
    return tuple(found)


def aid_for(rules: Sequence[Aid], tier: Tier, lead: str | None) -> Aid | None:
    """The first rule for a case of that tier and leading agency (its code); None where the pack
    has none: then every unit may be sent without asking."""
    for aid in rules:
        if aid.owner_tier == tier and (not aid.leads or lead in aid.leads):
            return aid
    return None


def aid_defects(
    rules: Sequence[Aid], agencies: Collection[str]
) -> Iterator[tuple[str, Problem, str]]:
    """Names that lead nowhere, what is said twice, and rules that no case reaches."""
    known = (*GIVERS, *agencies)
    for number, aid in enumerate(rules, 1):
        where = f"aid[{number}]"
        for name in (*aid.unasked, *aid.on_request):
            if name not in known:
                text = f"{name!r} is neither a tier nor an agency{nearest(name, known)}"
                yield where, "dangling", text
        for name in aid.leads:
            if name not in agencies:
                text = f"there is no agency {name!r}{nearest(name, agencies)}"
                yield where, "dangling", text
        for name in sorted(set(aid.unasked) & set(aid.on_request)):
            yield where, "bad_value", f"{name} is sent unasked and on request: it must be one"
        for earlier, other in enumerate(rules[: number - 1], 1):
            is_wider = not other.leads or (bool(aid.leads) and set(aid.leads) <= set(other.leads))
            if other.owner_tier == aid.owner_tier and is_wider:
                text = f"is never reached: aid[{earlier}] fits whenever it would"
                yield where, "unreachable", text
                break


__all__ = ["ASK_S", "GIVERS", "OTHER", "Aid", "aid_defects", "aid_for", "read_aid"]
