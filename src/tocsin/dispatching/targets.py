"""From a pack's rings to the target of a waiting case."""

from __future__ import annotations

from tocsin.kernel.shared import Tier
from tocsin.packs.model import Pack
from tocsin.packs.rings import rings_for


def target_s(
    pack: Pack,
    case_type: str,
    level: int = 1,
    *,
    tier: Tier | None = None,
    density: float | None = None,
) -> float | None:
    """Seconds from the report to the first unit that the pack promises: `CallNow.target_s`.

    The shortest ring in force for the first of the needs of its run card (as `card_needs` chooses
    it) that has one: the engine of a fire, not the patrol that closes the road. At the tier that
    owns the case (`tier`, else that of its type) or the nearest that has one.
    None where nothing is promised, for an unknown type and one without run cards.
    `density`: people on a square kilometre there, where it is known.
    """
    found = pack.case_types.get(case_type)
    if found is None or not found.run_cards:
        return None
    cards = found.run_cards
    card = max((each for each in cards if each.level <= level), key=lambda c: c.level, default=None)
    needs = [name for name, _ in (card or cards[0]).needs]
    held = rings_for(pack.rings, needs, tier or found.owner_tier, density)
    return next((float(each.from_report_s) for each in held if each.arrives == "first"), None)
