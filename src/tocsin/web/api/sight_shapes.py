"""The forms and answers of the second person, of break-glass and of the access records."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import Path

from tocsin.runtime.sight_ports import Answer
from tocsin.web.api.insight import Purpose
from tocsin.web.shapes import Id, Strict, like
from tocsin.web.views import View

AskReason = Literal["danger_to_life", "needed_now", "handed_over", "told_by_court"]
YesReason = Literal["needed_for_the_case", "danger_to_life"]
NoReason = Literal["not_needed", "not_their_case", "ask_the_agency"]
Number = Annotated[int, Path(ge=1, le=2**53, examples=[7])]


class AskBody(Strict):
    """For what, and why a second person should agree. Codes only: free words may name somebody."""

    model_config = like({"purpose": "contact_reporter", "reason": "needed_now"})

    purpose: Purpose
    reason: AskReason


class GlassBody(Strict):
    """Which case, and why one who does not work on it must see what is sealed there."""

    model_config = like({"case_id": "01hx", "reason": "danger_to_life"})

    case_id: Id
    reason: AskReason


class YesBody(Strict):
    """Why it is approved."""

    model_config = like({"reason": "needed_for_the_case"})

    reason: YesReason


class NoBody(Strict):
    """Why it is denied."""

    model_config = like({"reason": "not_needed"})

    reason: NoReason


class NothingBody(Strict):
    """Nothing more to say."""

    model_config = like({})


ASK_EXAMPLE: Final[dict[str, Any]] = {
    "id": 7,
    "at": "2026-11-22T01:30:00+00:00",
    "by": "01hw",
    "by_name": "Chen Li",
    "is_mine": False,
    "role": "agency_handler",
    "agency": "labour@county",
    "purpose": "contact_reporter",
    "case_id": "01hx",
    "case_type": "wage-arrears",
    "needs": ["contact"],
    "reason": "needed_now",
    "expires_at": "2026-11-22T02:30:00+00:00",
    "answer": None,
    "answer_reason": "",
    "second_name": None,
    "permit": None,
    "permit_until": None,
    "may_decide": True,
}


class AskView(View):
    """One wish for a second person. `may_decide`: the reader may be that person."""

    model_config = like(ASK_EXAMPLE)

    id: int
    at: datetime
    by: str
    by_name: str
    is_mine: bool
    role: str
    agency: str | None
    purpose: str
    case_id: str
    case_type: str
    needs: tuple[str, ...]
    reason: str
    expires_at: datetime
    answer: Answer | None
    answer_reason: str
    second_name: str | None
    permit: int | None
    permit_until: datetime | None
    may_decide: bool


class AsksView(View):
    """Wishes that wait, and those whose permit is live, the oldest first."""

    model_config = like({"asks": [ASK_EXAMPLE]})

    asks: tuple[AskView, ...]


class BrokenView(View):
    """One case that two people opened from outside it, and until when."""

    case_id: str
    until: datetime
    role: str
    reason: str


class BrokensView(View):
    """Break-glass that is on now; everybody on the node sees that it is."""

    model_config = like(
        {
            "broken": [
                {
                    "case_id": "01hx",
                    "until": "2026-11-22T02:30:00+00:00",
                    "role": "grid_worker",
                    "reason": "danger_to_life",
                }
            ]
        }
    )
    broken: tuple[BrokenView, ...]


class OpenedView(View):
    """One field that somebody opened."""

    id: int
    at: datetime
    permit: int
    by: str
    by_name: str
    by_kind: str
    role: str
    agency: str | None
    purpose: str
    case_id: str
    field: str
    second_name: str | None


class RecordsView(View):
    """Access records of staff and keys, the newest first. No value, and no report."""

    model_config = like(
        {
            "records": [
                {
                    "id": 12,
                    "at": "2026-11-22T01:31:00+00:00",
                    "permit": 3,
                    "by": "01hw",
                    "by_name": "Chen Li",
                    "by_kind": "staff",
                    "role": "call_taker",
                    "agency": None,
                    "purpose": "handling",
                    "case_id": "01hx",
                    "field": "description",
                    "second_name": None,
                }
            ],
            "next": None,
        }
    )
    records: tuple[OpenedView, ...]
    next: int | None
