"""Rules for the tiers (reporting up, handing down), for urging, and for news of children."""

from __future__ import annotations

from typing import Final, Literal

from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.cases.draft import Draft
from tocsin.kernel.cases.policy import CaseFacts
from tocsin.kernel.shared import TIERS, Refused

URGES_LIMIT: Final = 50
"""Urgings of one case: beyond this nobody reads them."""


def report_up(draft: Draft, body: words.ReportUp, facts: CaseFacts) -> Refused | None:
    return _offer(draft, "up", body.reason)


def hand_down(draft: Draft, body: words.HandDown, facts: CaseFacts) -> Refused | None:
    return _offer(draft, "down", body.reason)


def _offer(draft: Draft, direction: Literal["up", "down"], reason: str) -> Refused | None:
    ownership, areas = draft.case.ownership, draft.case.areas
    assert ownership is not None and areas is not None, "an open case has an owner and a place"
    index = TIERS.index(ownership.tier) + (1 if direction == "down" else -1)
    if index < 0:
        return Refused("no_tier_above", "the county is the highest tier")
    if index >= len(TIERS):
        return Refused("no_tier_below", "the grid cell is the lowest tier")
    tier = TIERS[index]
    if ownership.offered_tier is not None:
        if ownership.offered_tier == tier:
            return None
        return Refused("ownership_offered", f"already offered to the {ownership.offered_tier}")
    draft.take(words.OwnershipOffered(draft.at, draft.who, tier, areas.at(tier), direction, reason))
    return None


def take_over(draft: Draft, body: words.TakeOver, facts: CaseFacts) -> Refused | None:
    ownership = draft.case.ownership
    if ownership is None or ownership.offered_tier is None or ownership.offered_area is None:
        return Refused("no_offer", "the case is offered to nobody")
    draft.take(
        words.OwnershipTaken(draft.at, draft.who, ownership.offered_tier, ownership.offered_area)
    )
    return None


def decline_ownership(
    draft: Draft, body: words.DeclineOwnership, facts: CaseFacts
) -> Refused | None:
    ownership = draft.case.ownership
    if ownership is None or ownership.offered_tier is None:
        return Refused("no_offer", "the case is offered to nobody")
    draft.take(words.OwnershipDeclined(draft.at, draft.who, body.reason))
    return None


def urge_case(draft: Draft, body: words.UrgeCase, facts: CaseFacts) -> Refused | None:
    case = draft.case
    level = next((u for u in facts.policy.urges if u.level == body.level), None)
    if level is None:
        return Refused("urge_level_unknown", f"{case.case_type} has no level {body.level}")
    if not set(level.roles) & set(draft.by.roles):
        return Refused("not_your_role", f"needs one of: {', '.join(level.roles)}")
    for urge in case.urges:
        if urge.answered_at is None and (urge.level, urge.by) == (body.level, draft.who):
            return None
    if len(case.urges) >= URGES_LIMIT:
        return Refused("bad_value", f"a case is urged at most {URGES_LIMIT} times")
    draft.take(
        words.CaseUrged(draft.at, draft.who, draft.new_id, body.level, body.reason),
        part=draft.new_id,
        agency=case.lead,
    )
    return None


def answer_urge(draft: Draft, body: words.AnswerUrge, facts: CaseFacts) -> Refused | None:
    urge = next((u for u in draft.case.urges if u.id == body.urge), None)
    if urge is None:
        return Refused("not_found", "there is no such urging")
    if urge.answered_at is not None:
        return Refused("urge_answered", "it was already answered")
    draft.take(words.UrgeAnswered(draft.at, draft.who, urge.id, body.text), part=urge.id)
    return None


def wake_up(draft: Draft, body: words.WakeUp, facts: CaseFacts) -> None:
    """The catching up that comes before every decision is all there is to do."""


def record_child(draft: Draft, body: words.RecordChild, facts: CaseFacts) -> Refused | None:
    links = draft.case.links
    if body.child not in links.children:
        return Refused("not_found", "not a child of this case")
    if (body.child in links.open_children) != body.is_open:
        draft.say(words.ChildRecorded(draft.at, body.child, body.is_open))
    return None
