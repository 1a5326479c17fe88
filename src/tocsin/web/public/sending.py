"""The last button of a report: what goes into the reception, and the receipt that comes back."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from tocsin.kernel.shared import Actor, ActorId
from tocsin.packs.parts import CaseType
from tocsin.runtime.reception import IncomingReport, Photo, Received
from tocsin.web.public.page import Asked
from tocsin.web.public.typed import Typed, fitting
from tocsin.web.telling import status_text

RESIDENT: Final = Actor(ActorId("web"), "integration")
"""Whoever fills in the form: nobody in particular."""
SOURCE: Final = "web"


def incoming_of(
    asked: Asked, typed: Typed, case_type: CaseType, photos: tuple[Photo, ...]
) -> IncomingReport:
    """The report as the reception takes it."""
    contact = {name: str(getattr(typed, name)).strip() for name in ("name", "phone", "email")}
    return IncomingReport(
        source=SOURCE,
        case_type=case_type.code,
        text=typed.text.strip(),
        place=typed.place,
        address=typed.address.strip(),
        contact={name: value for name, value in contact.items() if value},
        answers=fitting(typed, case_type),
        photos=photos,
        language=asked.language,
        consent=typed.consent == "yes",
        key=typed.key,
    )


def receipt_page(asked: Asked, received: Received) -> Response:
    """The page with the code: the same for every sending of the same form."""
    case_type = asked.services.pack.case_types[received.case_type]
    return asked.page(
        "sent.html",
        title=asked.say["receipt"],
        code=spaced(received.code),
        kind=asked.words(case_type.title),
        state=status_text("received", asked.language),
        promised=asked.when(received.promised_at) if received.promised_at else "",
        address=_own_address(asked),
    )


def _own_address(asked: Asked) -> str:
    base = asked.web.options.public_url or str(asked.request.base_url)
    return f"{base.rstrip('/')}/r"


def spaced(code: str) -> str:
    """A code in groups of four, to be read aloud."""
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


__all__ = ["RESIDENT", "incoming_of", "receipt_page", "spaced"]
