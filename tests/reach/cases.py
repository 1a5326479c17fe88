"""What there is to be done with cases, reports, receipts, and what is sealed."""

from __future__ import annotations

from typing import Any

from tests.reach.good import READ_ONLY, Good, person_for, recipe
from tests.reach.stage import AGENCY, FIRE, PHOTO, Stage, fresh, place, soon

READS = ("show", "journal", "duplicates", "why", "thread", "actions", "story", "colleagues",
         "advice")  # fmt: skip


def _reading(operation: str) -> None:
    @recipe(operation)
    def _(stage: Stage) -> Good:
        return Good(person_for(stage, operation), {"case_id": stage.fire()})

    READ_ONLY.add(operation)


for _name in READS:
    _reading(f"case.{_name}")


def _verb(verb: str, until: str, body: Any = None, case_type: str = "street-light-out") -> None:
    """A command that needs nothing but a case in a state."""

    @recipe(f"case.{verb}")
    def _(stage: Stage) -> Good:
        return Good(stage.all, {"case_id": stage.case(until, case_type)}, body or {})


_verb("accept", "received")
_verb("refuse", "received", {"reason": "not_ours"})
_verb("file", "accepted")
_verb("dispatch", "filed", {"reason": "routine"})
_verb("triage", "received", {"case_type": "pothole", "profile": "routine", "priority": 3,
                             "reason": "wrong_type"})  # fmt: skip
_verb("void", "received", {"reason": "mistake"})
_verb("add_task", "dispatched", {"agency": FIRE, "reason": "needed"})
_verb("fail_check", "claimed_done", {"reason": "still_dark"})
_verb("request_extension", "in_work", {"reason": "parts", "percent": 20})
_verb("reopen", "verified", {"reason": "still_dark"})
_verb("add_note", "received", {"text": "Behind the school."})
_verb("evaluate", "verified", {"score": 85, "reason": "quick"})
_verb("report_up", "received", {"reason": "too_big"})
_verb("hand_down", "received", {"reason": "local"})
_verb("urge", "dispatched", {"level": 1, "reason": "slow"})
_verb("split", "accepted", {"children": [{"rule": "by_hand", "lead": AGENCY}], "reason": "two"})


@recipe("case.correct_place")
def correct_place(stage: Stage) -> Good:
    return Good(stage.all, {"case_id": stage.case()}, {"place": place()})


def _task(verb: str, until: str, **more: Any) -> None:
    """A command on the task of a case."""

    @recipe(f"case.{verb}")
    def _(stage: Stage) -> Good:
        case = stage.case(until)
        return Good(stage.all, {"case_id": case}, {"task": stage.task(case), **more})


_task("acknowledge_task", "dispatched")
_task("start_task", "dispatched")
_task("claim_task_done", "in_work", photos=[PHOTO])
_task("return_task", "dispatched", reason="not_ours")


@recipe("case.assign_task")
def assign_task(stage: Stage) -> Good:
    case = stage.case("dispatched")
    me = stage.all.me["account"]
    return Good(stage.all, {"case_id": case}, {"task": stage.task(case), "to": me})


@recipe("case.cancel_task")
def cancel_task(stage: Stage) -> Good:
    case = stage.case("dispatched")
    shown = stage.act(case, "add-task", {"agency": FIRE, "reason": "needed"})
    task = next(each["id"] for each in shown["tasks"] if each["agency"] == FIRE)
    return Good(stage.all, {"case_id": case}, {"task": task, "reason": "not_needed"})


@recipe("case.arbitrate")
def arbitrate(stage: Stage) -> Good:
    case = stage.case("filed")
    for _ in range(5):  # said often enough, "not ours" calls the arbiter
        if stage.all.ask("POST", f"/api/cases/{case}/dispatch", {"reason": "routine"})[0] != 200:
            break
        task = stage.shown(case)["tasks"][-1]["id"]
        stage.act(case, "return-task", {"task": task, "reason": "not_ours"})
    body = {"lead": FIRE, "reason": "theirs"}
    return Good(stage.all, {"case_id": case}, body)


@recipe("case.verify")
def verify(stage: Stage) -> Good:
    body = {"disposition": "repaired", "photos": [PHOTO]}
    return Good(stage.other, {"case_id": stage.case("claimed_done")}, body)


def _asked(stage: Stage) -> tuple[str, str]:
    """A case in which the reporter was asked, and the reporter's code."""
    made = stage.report()
    body = {"report": made["report_id"], "text": "Which of the two lamps?"}
    stage.act(made["case_id"], "ask-reporter", body)
    return made["case_id"], made["code"]


@recipe("case.ask_reporter")
def ask_reporter(stage: Stage) -> Good:
    made = stage.report()
    body = {"report": made["report_id"], "text": "Which of the two lamps?"}
    return Good(stage.all, {"case_id": made["case_id"]}, body)


@recipe("case.answer_question")
def answer_question(stage: Stage) -> Good:
    return Good(stage.all, {"case_id": _asked(stage)[0]}, {"text": "The left one."})


@recipe("case.withdraw_question")
def withdraw_question(stage: Stage) -> Good:
    return Good(stage.all, {"case_id": _asked(stage)[0]}, {"reason": "clear_now"})


@recipe("receipt.answer")
def receipt_answer(stage: Stage) -> Good:
    return Good(stage.nobody, {"code": _asked(stage)[1]}, {"text": "The left one."})


@recipe("receipt.show")
def receipt_show(stage: Stage) -> Good:
    return Good(stage.nobody, {"code": stage.report()["code"]})


READ_ONLY.add("receipt.show")


@recipe("receipt.consent")
def receipt_consent(stage: Stage) -> Good:
    return Good(stage.nobody, {"code": stage.report()["code"]}, {"consent": False})


@recipe("receipt.feedback")
def receipt_feedback(stage: Stage) -> Good:
    made = stage.report()
    for step in ("accepted", "filed", "dispatched"):
        stage._walk(made["case_id"], step)  # pyright: ignore[reportPrivateUsage]
    return Good(stage.nobody, {"code": made["code"]}, {"solved": True, "treated_well": True})


@recipe("case.give_feedback")
def give_feedback(stage: Stage) -> Good:
    case = stage.case("dispatched")
    report = stage.shown(case)["reports"][0]["id"]
    body = {"report": report, "solved": True, "treated_well": True}
    return Good(stage.all, {"case_id": case}, body)


@recipe("case.set_consent")
def set_consent(stage: Stage) -> Good:
    made = stage.report()
    body = {"report": made["report_id"], "consent": False}
    return Good(stage.all, {"case_id": made["case_id"]}, body)


@recipe("case.publish")
def publish(stage: Stage) -> Good:
    return Good(stage.all, {"case_id": stage.case()}, {"publish": True})


def _hold() -> dict[str, str]:
    return {"reason": "waiting_for_parts", "until": soon(20)}


@recipe("case.request_hold")
def request_hold(stage: Stage) -> Good:
    return Good(stage.all, {"case_id": stage.case("in_work")}, _hold())


@recipe("case.decide_hold")
def decide_hold(stage: Stage) -> Good:
    case = stage.case("in_work")
    stage.act(case, "request-hold", _hold())
    return Good(stage.other, {"case_id": case}, {"approve": True, "reason": "granted"})


@recipe("case.end_hold")
def end_hold(stage: Stage) -> Good:
    case = stage.case("in_work")
    stage.act(case, "request-hold", _hold())
    if stage.shown(case)["hold"]["granted_at"] is None:
        stage.act(case, "decide-hold", {"approve": True, "reason": "granted"}, stage.other)
    return Good(stage.all, {"case_id": case}, {"reason": "parts_came"})


@recipe("case.decide_extension")
def decide_extension(stage: Stage) -> Good:
    case = stage.case("in_work")
    stage.act(case, "request-extension", {"reason": "parts", "percent": 20})
    return Good(stage.other, {"case_id": case}, {"approve": True, "reason": "granted"})


def _evaluated(stage: Stage) -> str:
    case = stage.case("verified")
    stage.act(case, "evaluate", {"score": 40, "reason": "slow"})
    return case


@recipe("case.appeal_evaluation")
def appeal_evaluation(stage: Stage) -> Good:
    return Good(stage.all, {"case_id": _evaluated(stage)}, {"reason": "unfair"})


@recipe("case.decide_appeal")
def decide_appeal(stage: Stage) -> Good:
    case = _evaluated(stage)
    stage.act(case, "appeal-evaluation", {"reason": "unfair"})
    return Good(stage.other, {"case_id": case}, {"uphold": True, "reason": "fair"})


def _offered(stage: Stage) -> str:
    case = stage.case()
    stage.act(case, "hand-down", {"reason": "local"})
    return case


@recipe("case.take_over")
def take_over(stage: Stage) -> Good:
    return Good(stage.all, {"case_id": _offered(stage)}, {})


@recipe("case.decline_ownership")
def decline_ownership(stage: Stage) -> Good:
    return Good(stage.all, {"case_id": _offered(stage)}, {"reason": "no_hands"})


@recipe("case.answer_urge")
def answer_urge(stage: Stage) -> Good:
    case = stage.case("dispatched")
    shown = stage.act(case, "urge", {"level": 1, "reason": "slow"})
    body = {"urge": shown["urges"][0]["id"], "text": "Tomorrow."}
    return Good(stage.all, {"case_id": case}, body)


@recipe("case.merge")
def merge(stage: Stage) -> Good:
    return Good(stage.all, {"case_id": stage.case()}, {"duplicate": stage.case()})


@recipe("case.unmerge")
def unmerge(stage: Stage) -> Good:
    case, other = stage.case(), stage.case()
    stage.act(case, "merge", {"duplicate": other})
    return Good(stage.all, {"case_id": case}, {"duplicate": other, "reason": "two_lamps"})


# -- reports


def _report() -> dict[str, Any]:
    return {"source": "phone", "case_type": "street-light-out", "place": place(),
            "text": f"The lamp is dark, {fresh('report')}", "language": "en"}  # fmt: skip


@recipe("report.create")
def report_create(stage: Stage) -> Good:
    return Good(stage.all, {}, _report())


@recipe("report.upload")
def report_upload(stage: Stage) -> Good:
    return Good(stage.all, {}, {"report": _report()}, media_type="multipart/form-data")


@recipe("case.attach_report")
def attach_report(stage: Stage) -> Good:
    return Good(stage.all, {"case_id": stage.case()}, _report())


@recipe("case.likely")
def likely(stage: Stage) -> Good:
    return Good(stage.all, {}, {"text": "The lamp is dark", "place": place()})


@recipe("case.presence")
def presence(stage: Stage) -> Good:
    return Good(stage.all, {"case_id": stage.case()}, {"doing": "reading"})


READ_ONLY.update({"case.likely", "case.presence", "report.create", "report.upload"})


# -- what is sealed


@recipe("case.open_sealed")
def open_sealed(stage: Stage) -> Good:
    return Good(stage.all, {"case_id": stage.case()}, {"purpose": "handling"})


def _guarded(stage: Stage) -> str:
    return str(stage.report("wage-arrears")["case_id"])


ASK = {"purpose": "contact_reporter", "reason": "needed_now"}


@recipe("case.ask_sight")
def ask_sight(stage: Stage) -> Good:
    return Good(stage.all, {"case_id": _guarded(stage)}, ASK)


@recipe("sight.break_glass")
def break_glass(stage: Stage) -> Good:
    case = stage.case()
    who = stage.person(fresh("cell"), {"role": "grid_worker", "area": "t1"})
    return Good(who, {}, {"case_id": case, "reason": "danger_to_life"})


def _asked_sight(stage: Stage) -> str:
    return stage.all.must("POST", f"/api/cases/{_guarded(stage)}/sight", ASK)["id"]


@recipe("sight.approve")
def approve(stage: Stage) -> Good:
    return Good(stage.other, {"ask": _asked_sight(stage)}, {"reason": "needed_for_the_case"})


@recipe("sight.deny")
def deny(stage: Stage) -> Good:
    return Good(stage.other, {"ask": _asked_sight(stage)}, {"reason": "not_needed"})


@recipe("sight.open", "sight.end")
def sight_open(stage: Stage) -> Good:
    wish = break_glass(stage)
    ask = wish.who.must("POST", "/api/sight/break-glass", wish.body)["id"]
    yes = {"reason": "danger_to_life"}
    permit = stage.other.must("POST", f"/api/sight/asks/{ask}/approve", yes)["permit"]
    return Good(wish.who, {"permit": permit}, {})


HELD = {"reason": "court", "days": 30}


def _placed(stage: Stage) -> tuple[str, int]:
    case = stage.case()
    told = stage.all.must("POST", f"/api/cases/{case}/holds", HELD)
    return case, told["holds"][-1]["id"]


@recipe("hold.list")
def list_holds(stage: Stage) -> Good:
    return Good(stage.all, {"case_id": _placed(stage)[0]})


@recipe("hold.index")
def index_of_holds(stage: Stage) -> Good:
    _placed(stage)
    return Good(stage.audit, query={"standing": "waiting"})


@recipe("hold.place")
def place_hold(stage: Stage) -> Good:
    return Good(stage.all, {"case_id": stage.case()}, HELD)


@recipe("hold.confirm", "hold.deny")
def answer_hold(stage: Stage) -> Good:
    case, hold = _placed(stage)
    return Good(stage.other, {"case_id": case, "hold": hold}, {})


@recipe("hold.end")
def end_legal_hold(stage: Stage) -> Good:
    case, hold = _placed(stage)
    stage.other.must("POST", f"/api/cases/{case}/holds/{hold}/confirm", {})
    return Good(stage.other, {"case_id": case, "hold": hold}, {})


def _published(stage: Stage, case: str = "") -> str:
    case = case or stage.case()
    stage.act(case, "publish", {"publish": True})
    return case


@recipe("redaction.open")
def open_redaction(stage: Stage) -> Good:
    return Good(stage.all, {"case_id": _published(stage)}, {})


@recipe("redaction.decide")
def decide_redaction(stage: Stage) -> Good:
    case = _published(stage)
    words = stage.all.must("POST", f"/api/cases/{case}/redaction/open", {})
    return Good(stage.all, {"case_id": case}, {"version": words["version"], "verdict": "accept"})


@recipe("redaction.photo")
def judge_photo(stage: Stage) -> Good:
    case = _published(stage, stage.photographed())
    words = stage.all.must("POST", f"/api/cases/{case}/redaction/open", {})
    (photo,) = words["photos"]
    body = {"version": photo["version"], "verdict": "release"}
    return Good(stage.all, {"case_id": case, "number": photo["number"]}, body)
