"""The forms and answers of the redaction queue."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from tocsin.runtime.redactions import GAPS_MAX
from tocsin.web.shapes import Offset, Strict, like
from tocsin.web.views import View


class WaitingView(View):
    """A published case whose words nobody has confirmed as they are now, or so many `photos` of
    which nobody has judged: those are shown to nobody until then."""

    case_id: str
    case_type: str
    areas: tuple[str, ...]
    opened_at: datetime
    words: bool
    photos: int


class QueueView(View):
    """What waits, newest first. `next` asks on, also where this page found nothing."""

    model_config = like(
        {
            "waiting": [
                {
                    "case_id": "01hx",
                    "case_type": "pothole",
                    "areas": ["county", "t0", "t0v0", "t0v0-0000"],
                    "opened_at": "2026-11-22T01:30:00+00:00",
                    "words": True,
                    "photos": 1,
                }
            ],
            "next": None,
        }
    )
    waiting: tuple[WaitingView, ...]
    next: str | None


class GapBody(Strict):
    """Characters (code points) from `start` up to, not with, `end`."""

    model_config = like({"start": 19, "end": 35})

    start: Offset
    end: Offset


class GapView(View):
    """Characters (code points) from `start` up to, not with, `end`."""

    start: int
    end: int


class PhotoToSeeView(View):
    """A photo, by its number in the report; `decision` is the last word on it as it is now, null
    while it waits and nobody of the public sees it."""

    number: int
    version: str
    media_type: str
    data: str
    decision: Literal["accepted", "held"] | None


class WordsToReadView(View):
    """The words as they were told, where the finder leaves gaps, and what the public reads now:
    `decision` is the last word on this text, null while everything found is gapped by itself.
    `version` is null where there are photos and no words."""

    model_config = like(
        {
            "case_id": "01hx",
            "version": "9f2c" * 16,
            "text": "The lamp is dark. +358 40 123 4567",
            "link": None,
            "marks": [{"start": 18, "end": 34}],
            "decision": None,
            "photos": [
                {
                    "number": 1,
                    "version": "71b0" * 16,
                    "media_type": "image/jpeg",
                    "data": "/9j/4A==",
                    "decision": None,
                }
            ],
            "is_published": True,
        }
    )
    case_id: str
    version: str | None
    text: str
    link: str | None
    marks: tuple[GapView, ...]
    decision: Literal["accepted", "edited", "held"] | None
    photos: tuple[PhotoToSeeView, ...]
    is_published: bool


class DecisionBody(Strict):
    """accept: the finder's gaps · edit: these gaps, and no others · hold: nothing is published.
    `version` is that of the words that were read."""

    model_config = like(
        {"version": "9f2c" * 16, "verdict": "edit", "gaps": [{"start": 18, "end": 34}]}
    )

    version: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    verdict: Literal["accept", "edit", "hold"]
    gaps: Annotated[tuple[GapBody, ...], Field(max_length=GAPS_MAX, strict=False)] = ()


class DecidedView(View):
    """The word, and what the public reads from now on; null: nothing."""

    model_config = like({"case_id": "01hx", "decision": "edited", "text": "The lamp is dark. […]"})
    case_id: str
    decision: Literal["accepted", "edited", "held"]
    text: str | None


class PhotoBody(Strict):
    """release: the public sees it as it is · hold: nobody does. `version` is that of the photo that
    was looked at."""

    model_config = like({"version": "71b0" * 16, "verdict": "release"})

    version: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    verdict: Literal["release", "hold"]


class PhotoDecidedView(View):
    """The word on one photo."""

    model_config = like({"case_id": "01hx", "number": 1, "decision": "accepted"})
    case_id: str
    number: int
    decision: Literal["accepted", "held"]
