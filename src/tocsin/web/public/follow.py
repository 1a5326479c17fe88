"""With the code on a receipt: how it stands, and what the reporter has to say about it.

The code is sent in a form and never stands in an address, where logs and histories would keep it.
"""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import Response

from tocsin.runtime.reception import TEXT_LIMIT
from tocsin.web import receipts
from tocsin.web.problems import Problem
from tocsin.web.public.forms import Form, read_form
from tocsin.web.public.page import Asked, admit_sender
from tocsin.web.public.sending import spaced
from tocsin.web.public.typed import fresh_key, is_text

CODE_MAX: Final = 40
KEY_MAX: Final = 64
VOTING: Final = ("claimed_done", "verified")
"""When "is it solved?" is asked: work is said to be done, or has been checked."""
VOTES: Final = ("11", "10", "01", "00")
"""Solved, treated well: one button each."""


async def begin(asked: Asked) -> Response:
    """Asks for the code."""
    return _ask(asked)


def _ask(asked: Asked, code: str = "", error: str = "") -> Response:
    return asked.page(
        "follow.html",
        404 if error else 200,
        title=asked.say["follow"],
        form="follow",
        code=code[:CODE_MAX],
        error=error,
        has_error=bool(error),
    )


async def go_on(asked: Asked) -> Response:
    """Looks a code up, or carries out what its holder asks for."""
    admit_sender(asked)
    async with read_form(asked.request) as form:
        go, code = form.get("go"), form.get("code")
    if go.startswith("lang:"):
        asked = asked.spoken(go.removeprefix("lang:"))
    if not code.strip() or len(code) > CODE_MAX:
        return _ask(asked, code, asked.say["e_code"] if not go.startswith("lang:") else "")
    try:
        held = await receipts.hold(code, asked.services)
    except Problem as problem:
        if problem.reason != "receipt_unknown":
            raise
        asked.web.metrics.refusals.labels(problem.reason).inc()
        return _ask(asked, code, asked.say["e_code"])
    said, error = await _act(asked, held, form, go)
    return await _show(asked, held, form, said, error)


async def _act(asked: Asked, held: receipts.Held, form: Form, go: str) -> tuple[str, str]:
    """What was done, and what was wrong, in words."""
    members: dict[str, Any]
    if go.startswith("vote:") and go.removeprefix("vote:") in VOTES:
        vote = go.removeprefix("vote:")
        members = {
            "report": held.report_id,
            "solved": vote[0] == "1",
            "treated_well": vote[1] == "1",
            "comment": _text(form.get("comment")) or None,
        }
        await _command(asked, "give_feedback", held, members, form)
        found = await receipts.standing(held, asked.services)
        reopened = vote[0] == "0" and found.leading.status not in VOTING
        return asked.say["voted_open" if reopened else "voted"], ""
    if go == "answer":
        text = _text(form.get("answer"))
        if not text:
            return "", asked.say["e_answer_empty"]
        await _command(asked, "answer_question", held, {"text": text}, form)
        return asked.say["answered"], ""
    if go in ("consent:yes", "consent:no"):
        members = {"report": held.report_id, "consent": go == "consent:yes"}
        await _command(asked, "set_consent", held, members, form)
        return asked.say["consented"], ""
    return "", ""


def _text(text: str) -> str:
    text = text.strip()
    if len(text) > TEXT_LIMIT:
        raise Problem("too_long")
    if not is_text(text):
        raise Problem("bad_text")
    return text


async def _command(
    asked: Asked, name: str, held: receipts.Held, members: dict[str, Any], form: Form
) -> None:
    """The same page sent twice does it once: its key tells."""
    key = form.get("key")[:KEY_MAX]
    await receipts.command(name, held, members, key or None, asked.services)
    asked.web.metrics.commits.labels(name).inc()


async def _show(asked: Asked, held: receipts.Held, form: Form, said: str, error: str) -> Response:
    found = await receipts.standing(held, asked.services)
    told = await receipts.receipt(found, asked.services, asked.language, asked.web.accounts.store)
    return asked.page(
        "receipt.html",
        422 if error else 200,
        title=asked.say["receipt"],
        form="follow",
        code=spaced(held.code),
        key=fresh_key(),
        said=said,
        error=error,
        has_error=bool(error),
        told=told,
        proof=await _proof(asked, found),
        asks_solved=found.leading.status in VOTING,
        votes=[(vote, asked.say[f"vote_{vote}"]) for vote in VOTES],
        vote="" if told["solved"] is None else _vote_words(asked, told),
        typed_answer=form.get("answer") if error else "",
    )


def _vote_words(asked: Asked, told: dict[str, Any]) -> str:
    return asked.say[f"vote_{int(told['solved'])}{int(told['treated_well'] or False)}"]


async def _proof(asked: Asked, found: receipts.Standing) -> tuple[str, ...]:
    """What proves the close, in sentences. Photos are sealed and are not shown."""
    proof = await receipts.proof(found, asked.services)
    if proof is None:
        return ()
    at = asked.when(proof.at)
    if proof.by == "colleague":
        lines = [asked.say["proof_colleague"].format(at=at)]
        if proof.has_photo:
            lines.append(asked.say["proof_photo"])
        return tuple(lines)
    is_own = len(found.leading.reports) == 1 and found.leading.id == found.case.id
    return (asked.say["proof_reporter" if is_own else "proof_other"].format(at=at),)
