"""Checks the answers of a form and parts plain answers from words that must be sealed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tocsin.kernel.shared import Refused
from tocsin.packs.parts import Field

# As long as a description may be; a form field is not a place for documents.
MAX_TEXT_CHARS = 4_000
MAX_VALUES = 50
MAX_NUMBER_CHARS = 30


@dataclass(frozen=True, slots=True)
class Answers:
    """`plain` may be stored and counted; `sealed` holds (field code, words) for the vault."""

    plain: tuple[tuple[str, tuple[str, ...]], ...]
    sealed: tuple[tuple[str, str], ...] = ()


def check_answers(form: Sequence[Field], answers: Mapping[str, Sequence[str]]) -> Answers | Refused:
    """The answers that the form asks for, checked; unknown keys are dropped.

    Refused as `bad_value`; the detail names the field and the rule, never the value.
    """
    plain: list[tuple[str, tuple[str, ...]]] = []
    sealed: list[tuple[str, str]] = []
    for field in form:
        given = tuple(value.strip() for value in answers.get(field.code, ()) if value.strip())
        if not given:
            if field.required and field.variable:
                return Refused("bad_value", f"{field.code}: an answer is required")
            continue
        problem = _problem(field, given)
        if problem:
            return Refused("bad_value", f"{field.code}: {problem}")
        if field.sealed:
            sealed.append((field.code, "\n".join(given)))
        else:
            plain.append((field.code, tuple(dict.fromkeys(given))))
    return Answers(tuple(plain), tuple(sealed))


def _problem(field: Field, given: Sequence[str]) -> str:
    if len(given) > MAX_VALUES:
        return f"more than {MAX_VALUES} values"
    if field.kind != "multivaluelist" and len(given) > 1:
        return "one value only"
    match field.kind:
        case "number":
            return "" if _is_number(given[0]) else "must be a number"
        case "datetime":
            return "" if _is_datetime(given[0]) else "must be a date and time (ISO 8601)"
        case "singlevaluelist" | "multivaluelist":
            keys = {key for key, _ in field.values}
            return "" if all(value in keys for value in given) else "must be a key of its list"
        case "string" | "text":
            return "" if len(given[0]) <= MAX_TEXT_CHARS else f"over {MAX_TEXT_CHARS} characters"


def _is_number(text: str) -> bool:
    if len(text) > MAX_NUMBER_CHARS or not text.isascii() or "_" in text:
        return False
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _is_datetime(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
