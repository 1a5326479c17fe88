"""How a case changes beside its course: small machines, tiers, urging, kinship."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.cases.copying import TO, changed, seconds
from tocsin.kernel.cases.state import (
    Case,
    Evaluation,
    Extension,
    Hold,
    Ownership,
    Question,
    Report,
    Stash,
    Urge,
)
from tocsin.kernel.shared import ReportId

# -- small machines --------------------------------------------------------------------


def asked(case: Case, event: words.ReporterAsked) -> Case:
    return changed(case, question=Question(event.report, event.text, event.at, event.by))


def question_over(case: Case, event: words.QuestionAnswered | words.QuestionWithdrawn) -> Case:
    if case.question is None:
        return case
    asked_s = seconds(case.question.asked_at, event.at)
    counts = changed(case.counts, ask_s=case.counts.ask_s + asked_s)
    return changed(case, question=None, counts=counts)


def hold_requested(case: Case, event: words.HoldRequested) -> Case:
    return changed(case, hold=Hold(event.reason, event.until, event.at, event.by))


def hold_granted(case: Case, event: words.HoldGranted) -> Case:
    if case.hold is None:
        return case
    return changed(case, hold=replace(case.hold, granted_at=event.at, until=event.until))


def hold_over(case: Case, event: words.HoldRefused | words.HoldEnded) -> Case:
    if case.hold is None:
        return case
    held_s = seconds(case.hold.granted_at, event.at) if case.hold.granted_at else 0
    return changed(case, hold=None, counts=changed(case.counts, hold_s=case.counts.hold_s + held_s))


def extension_requested(case: Case, event: words.ExtensionRequested) -> Case:
    return changed(case, extension=Extension(event.percent, event.at, event.by))


def extension_decided(case: Case, event: words.ExtensionDecided) -> Case:
    if case.extension is None:
        return case
    decided = "approved" if event.approve else "refused"
    return changed(case, extension=replace(case.extension, decided=decided))


def _reports(case: Case, report_id: ReportId, **changes: Any) -> tuple[Report, ...]:
    return tuple(
        replace(report, **changes) if report.id == report_id else report for report in case.reports
    )


def feedback(case: Case, event: words.FeedbackGiven) -> Case:
    reports = _reports(
        case,
        event.report,
        solved=event.solved,
        treated_well=event.treated_well,
        voted_at=event.at,
    )
    return changed(case, reports=reports)


def consent(case: Case, event: words.ConsentSet) -> Case:
    return changed(case, reports=_reports(case, event.report, consent=event.consent))


def published(case: Case, event: words.PublicationSet) -> Case:
    return changed(case, published=event.published)


def noted(case: Case, event: words.NoteAdded) -> Case:
    return changed(case, counts=changed(case.counts, notes=case.counts.notes + 1))


def unchanged(case: Case, event: words.GlassBroken) -> Case:
    """It is a line of the story; nothing of the case is another."""
    return case


def place_corrected(case: Case, event: words.PlaceCorrected) -> Case:
    """The tier that owns the case goes on owning it, in the area where it really lies."""
    owner = case.ownership
    if owner is not None:
        owner = replace(owner, area=event.areas.at(owner.tier))
    return changed(case, place=event.place, areas=event.areas, ownership=owner)


def evaluated(case: Case, event: words.CaseEvaluated) -> Case:
    return changed(case, evaluation=Evaluation(event.score, event.at, event.by))


def appealed(case: Case, event: words.EvaluationAppealed) -> Case:
    if case.evaluation is None:
        return case
    return changed(case, evaluation=replace(case.evaluation, appeal="open"))


def appeal_decided(case: Case, event: words.AppealDecided) -> Case:
    if case.evaluation is None:
        return case
    appeal = "upheld" if event.uphold else "rejected"
    return changed(case, evaluation=replace(case.evaluation, appeal=appeal))


# -- tiers and supervision -------------------------------------------------------------


def offered(case: Case, event: words.OwnershipOffered) -> Case:
    if case.ownership is None:
        return case
    return changed(
        case,
        ownership=replace(case.ownership, offered_tier=event.tier, offered_area=event.area),
    )


def taken(case: Case, event: words.OwnershipTaken) -> Case:
    return changed(case, ownership=Ownership(event.tier, event.area))


def declined(case: Case, event: words.OwnershipDeclined) -> Case:
    if case.ownership is None:
        return case
    return changed(case, ownership=replace(case.ownership, offered_tier=None, offered_area=None))


def urged(case: Case, event: words.CaseUrged) -> Case:
    return changed(case, urges=(*case.urges, Urge(event.urge, event.level, event.at, event.by)))


def urge_answered(case: Case, event: words.UrgeAnswered) -> Case:
    urges = tuple(
        replace(urge, answered_at=event.at) if urge.id == event.urge else urge
        for urge in case.urges
    )
    return changed(case, urges=urges)


# -- kinship ---------------------------------------------------------------------------


def merged(case: Case, event: words.CaseMerged) -> Case:
    return changed(
        case,
        status=TO[words.CaseMerged],
        stash=Stash(case.status, case.clocks),
        clocks=(),
        links=replace(case.links, merged_into=event.into),
    )


def unmerged(case: Case, event: words.CaseUnmerged) -> Case:
    if case.stash is None:
        return case
    return changed(
        case,
        status=case.stash.status,
        clocks=case.stash.clocks,
        stash=None,
        links=replace(case.links, merged_into=None),
    )


def absorbed(case: Case, event: words.DuplicateAbsorbed) -> Case:
    links = case.links
    told = tuple((event.duplicate, report) for report in event.reports)
    return changed(
        case,
        links=replace(
            links,
            absorbed=(*links.absorbed, event.duplicate),
            absorbed_reports=(*links.absorbed_reports, *told),
        ),
    )


def released(case: Case, event: words.DuplicateReleased) -> Case:
    links = case.links
    return changed(
        case,
        links=replace(
            links,
            absorbed=tuple(id_ for id_ in links.absorbed if id_ != event.duplicate),
            absorbed_reports=tuple(p for p in links.absorbed_reports if p[0] != event.duplicate),
        ),
    )


def split(case: Case, event: words.CaseSplit) -> Case:
    links = case.links
    return changed(
        case,
        links=replace(
            links,
            children=(*links.children, *event.children),
            open_children=(*links.open_children, *event.children),
        ),
    )


def child_recorded(case: Case, event: words.ChildRecorded) -> Case:
    rest = tuple(child for child in case.links.open_children if child != event.child)
    open_children = (*rest, event.child) if event.is_open else rest
    return changed(case, links=replace(case.links, open_children=open_children))
