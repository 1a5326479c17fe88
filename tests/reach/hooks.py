"""Loaded by schemathesis in its own process: gives every generated request somebody who may send
it and something real to be done to, and counts what each operation answered.

The first request with good data of every operation is replaced by one that must be carried out;
of all later ones the ids are real and the rest is what was drawn. Whatever an operation used up
is made anew, a few times; then it meets what was used up, which must be refused in words.
"""

from __future__ import annotations

import atexit
import json
import os
import secrets
from collections import Counter
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis import Case, HookContext, Response
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode
from schemathesis.generation.meta import TestPhase

import tests.reach.cases
import tests.reach.devices
import tests.reach.people  # noqa: F401 (the recipes register themselves)
from tests.reach.good import READ_ONLY, REFERENCES, Good, good_for
from tests.reach.stage import Known, Stage
from tocsin.web.cookies import SESSION
from tocsin.web.permissions import RULES

FRESH: int = int(os.environ.get("TOCSIN_REACH_FRESH", "1"))
"""How often what an operation used up is made anew."""
OUT = Path(os.environ["TOCSIN_REACH_OUT"])
stage = Stage(Known.read(Path(os.environ["TOCSIN_REACH_KNOWN"]).read_text()))
answers: dict[str, Counter[int]] = {}
subjects: dict[str, Good] = {}
done: Counter[str] = Counter()
made: Counter[str] = Counter()
spent: set[str] = set()
tried: dict[str, str] = {}
keys: set[str] = set()
troubles: dict[str, str] = {}


def name_of(case: Case) -> str:
    return str(case.operation.definition.raw["operationId"])


def subject(operation: str) -> Good:
    """What this operation is asked of now."""
    is_due = operation in spent and made[operation] <= FRESH
    if operation not in subjects or is_due:
        try:
            subjects[operation] = good_for(stage, operation)
        except Exception as trouble:  # what cannot be set up is told at the end, by name
            troubles[operation] = f"{type(trouble).__name__}: {trouble}"[:500]
            subjects.setdefault(operation, Good(stage.all))
        made[operation] += 1
        spent.discard(operation)
    return subjects[operation]


def sign(case: Case, good: Good) -> None:
    """The request comes from the one who may."""
    token = good.who.cookie.partition("=")[2]
    if token and case.cookies.get(SESSION) != token:
        case.cookies[SESSION] = token
        case.headers["X-CSRF-Token"] = good.who.me.get("csrf", "")


@schemathesis.auth(refresh_interval=None)
class Somebody:
    """Signs every request in as the one for whom its subject was made."""

    def get(self, case: Case, context: Any) -> Good | None:
        operation = name_of(case)
        return None if RULES[operation].scope == "open" else subject(operation)

    def set(self, case: Case, data: Good, context: Any) -> None:
        sign(case, data)


@schemathesis.hook
def before_call(context: HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    operation = name_of(case)
    is_open = RULES[operation].scope == "open"
    if not is_open and SESSION not in case.cookies:
        return  # sent without its session on purpose
    mode = case.meta.generation.mode if case.meta else GenerationMode.POSITIVE
    phase = case.meta.phase.name if case.meta else TestPhase.EXAMPLES
    if phase is TestPhase.STATEFUL or case.method.upper() != case.operation.method.upper():
        return
    good = subject(operation)
    if not is_open and case._has_explicit_auth:  # pyright: ignore[reportPrivateUsage]
        sign(case, good)
    if mode is not GenerationMode.POSITIVE:
        if not case.meta.is_negative_at(ParameterLocation.PATH):
            case.path_parameters.update(good.path)
        return
    if operation not in tried:
        tried[operation] = case.id
        case.path_parameters = dict(good.path)
        case.query = dict(good.query)
        case.cookies.update(good.cookies)
        for name in ("Idempotency-Key", "If-Match"):
            case.headers.pop(name, None)
        if good.body is not None:
            case.body, case.media_type = good.body, good.media_type
        return
    case.path_parameters.update(good.path)
    key = str(case.headers.get("Idempotency-Key", ""))
    # A body with files is judged anew where a request was touched, and then taken for a wrong one.
    if key in keys and key and good.media_type == "application/json":
        # The same key again is the same wish: what was drawn would never be looked at.
        case.headers["Idempotency-Key"] = secrets.token_urlsafe(16)
    keys.add(key)
    if good.media_type == "text/csv":
        case.body = good.body  # no schema says what a table must look like
    if isinstance(good.body, dict) and isinstance(case.body, dict):
        there = REFERENCES & good.body.keys() & case.body.keys()
        named = {name: good.body[name] for name in sorted(there)}
        if named:
            case.body = {**case.body, **named}


@schemathesis.hook
def after_call(context: HookContext, case: Case, response: Response) -> None:
    operation = name_of(case)
    if case.method.upper() != case.operation.method.upper():
        return
    answers.setdefault(operation, Counter())[response.status_code] += 1
    # A browser that is sent on was let in, unless the address says why not.
    where = "".join(response.headers.get("location", ()))
    is_done = response.status_code < 300 or (
        response.status_code == 303 and "sign_on=" not in where
    )
    done[operation] += int(is_done)
    if tried.get(operation) == case.id and not is_done:
        troubles[operation] = f"{response.status_code} {response.content[:400]!r}"
    if is_done and case.operation.method.upper() != "GET" and operation not in READ_ONLY:
        spent.add(operation)


@atexit.register
def tell() -> None:
    told = {"answers": answers, "done": done, "troubles": troubles, "made": made}
    OUT.write_text(json.dumps(told))
