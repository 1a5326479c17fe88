"""Moves as commands of the kernel, with their free text sealed: what the web rim does for HTTP."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final

from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import ActorId, AgencyId, CaseId, Instant, SealedRef
from tocsin.packs.model import Pack
from tocsin.runtime.ports import Ids, SealedKind, SealedValue
from tocsin.simulation.moves import Move

COMMANDS: Final[dict[str, type[words.Command]]] = {
    "accept": words.AcceptCase,
    "refuse": words.RefuseCase,
    "file": words.FileCase,
    "dispatch": words.DispatchCase,
    "triage": words.TriageCase,
    "void": words.VoidCase,
    "split": words.SplitCase,
    "merge": words.MergeCase,
    "unmerge": words.UnmergeCase,
    "add_task": words.AddTask,
    "cancel_task": words.CancelTask,
    "acknowledge_task": words.AcknowledgeTask,
    "start_task": words.StartTask,
    "claim_task_done": words.ClaimTaskDone,
    "return_task": words.ReturnTask,
    "arbitrate": words.ArbitrateCase,
    "verify": words.VerifyCase,
    "fail_check": words.FailCheck,
    "ask_reporter": words.AskReporter,
    "answer_question": words.AnswerQuestion,
    "request_hold": words.RequestHold,
    "decide_hold": words.DecideHold,
    "request_extension": words.RequestExtension,
    "decide_extension": words.DecideExtension,
    "give_feedback": words.GiveFeedback,
    "publish": words.PublishCase,
    "add_note": words.AddNote,
    "evaluate": words.EvaluateCase,
    "appeal_evaluation": words.AppealEvaluation,
    "decide_appeal": words.DecideAppeal,
    "report_up": words.ReportUp,
    "hand_down": words.HandDown,
    "take_over": words.TakeOver,
    "decline_ownership": words.DeclineOwnership,
    "urge": words.UrgeCase,
    "answer_urge": words.AnswerUrge,
}
"""Every verb of `Behaviour`."""
SEALED: Final[dict[str, SealedKind]] = {"note": "note", "text": "note", "comment": "comment"}


@dataclass(frozen=True, slots=True)
class Built:
    command: words.Command
    sealed: tuple[SealedValue, ...]


def build(
    move: Move, case: Case, by: ActorId, pack: Pack, ids: Ids, at: Instant, mark: str
) -> Built:
    """The command of a move on a case. `mark` is put into every sealed value."""
    sealed: list[SealedValue] = []
    stem = f"{case.id}.{ids.new()}"

    def seal(name: str, kind: SealedKind, text: str) -> SealedRef:
        ref = SealedRef(f"{stem}.{name}")
        sealed.append(SealedValue(ref, case.id, by, kind, f"{text} {mark}".encode()))
        return ref

    cls = COMMANDS[move.verb]
    values: dict[str, Any] = {}
    for each in fields(cls):
        given = move.fields.get(each.name)
        if each.name == "route":
            values["route"] = _route(move, case, pack, at)
        elif each.name == "evidence":
            photos = range(move.fields.get("photos", 0))
            values["evidence"] = tuple(seal(f"photo-{n}", "media", "photo") for n in photos)
        elif each.name in SEALED and each.name != "reason":
            values[each.name] = seal(each.name, SEALED[each.name], given) if given else None
        elif each.name == "children":
            values["children"] = tuple(_child(child, ids) for child in move.fields["children"])
        elif each.name == "likeness":
            values.update(likeness=0.8, reasons=("distance", "time", "type"))
        elif each.name in move.fields:
            values[each.name] = given
    return Built(cls(**values), tuple(sealed))


def _route(move: Move, case: Case, pack: Pack, at: Instant) -> words.Route | None:
    is_sent = move.verb == "dispatch" and case.status not in ("received", "accepted")
    if is_sent or case.areas is None:
        return None
    choice = pack.choose_route(case.case_type, case.areas, at, dict(case.reports[0].answers))
    return choice.route if choice is not None else None


def _child(child: dict[str, Any], ids: Ids) -> words.SplitChild:
    lead, assisting = AgencyId(child["lead"]), tuple(AgencyId(each) for each in child["assisting"])
    return words.SplitChild(CaseId(ids.new()), words.Route(child["rule"], lead, assisting))
