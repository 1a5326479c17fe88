"""What comes in: reports, the tokens of those that were taken in batch, updates."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import replace
from typing import IO, Final

from starlette.responses import Response

from tocsin.intakes.open311 import catalogue
from tocsin.intakes.open311.counter import Asked, Counter
from tocsin.intakes.open311.formats import Element, Value
from tocsin.intakes.open311.listing import find_one
from tocsin.intakes.open311.parse import Form, Submission, submission_of
from tocsin.intakes.open311.updates import Taken, read_update, take_update
from tocsin.intakes.open311.words import sentence
from tocsin.kernel.shared import Actor, ActorId, Refused, ReportId
from tocsin.packs.model import CaseType
from tocsin.runtime.reception import MEDIA_LIMIT, Photo, Received
from tocsin.runtime.synthetic_ports import HEADER

OWN: Final = Actor(ActorId("synthetic"), "integration")
REPORT_SCOPE: Final = "reports:write"
UPDATE_SCOPE: Final = "cases:write"


class Reporting(Counter):
    """The handlers that write, and the one that says what became of a token."""

    async def post_request(self, asked: Asked) -> Response:
        async with self.form(asked.request) as form:
            outcome = form if isinstance(form, Refused) else await self._receive(asked, form)
        return self.refuse(asked, outcome) if isinstance(outcome, Refused) else outcome

    async def _receive(self, asked: Asked, form: Form) -> Response | Refused:
        submission = submission_of(form, asked.request.headers)
        if isinstance(submission, Refused):
            return submission
        by = await self._admit(asked, submission)
        if isinstance(by, Refused):
            return by
        code = submission.report.case_type
        if not code:
            return Refused("service_code_missing", "")
        case_type = self.services.pack.services.get(code)
        if case_type is None:
            return Refused("service_code_unknown", "")
        photos = await self._develop(submission.uploads)
        if isinstance(photos, Refused):
            return photos
        report = replace(
            submission.report,
            case_type=case_type.code,
            language=asked.language,
            photos=photos,
            is_synthetic=self._is_own(asked),
        )
        outcome = await self.services.reception.receive(report, by)
        if isinstance(outcome, Refused):
            return outcome
        return self.say(asked, "service_requests", [self._receipt(asked, case_type, outcome)])

    async def _admit(self, asked: Asked, submission: Submission) -> Actor | Refused:
        wrong = self.wrong_place(submission.jurisdiction or asked.query.get("jurisdiction_id"))
        if wrong is not None:
            return wrong
        if self._is_own(asked):
            return OWN
        api_key = submission.api_key or asked.query.get("api_key")
        if not api_key and (wait_s := self.services.keyless_wait_s(asked.request.scope)):
            return Refused("too_many_requests", str(wait_s))
        return await self.actor(api_key, REPORT_SCOPE, self.services.key_required)

    def _is_own(self, asked: Asked) -> bool:
        """Whether the node itself sends this, to see whether reports get through."""
        own, given = self.services.synthetic, asked.request.headers.get(HEADER)
        if own is None or given is None:
            return False
        return hmac.compare_digest(own.secret.encode(), given.encode("utf-8", "replace"))

    async def _develop(self, uploads: Sequence[IO[bytes]]) -> tuple[Photo, ...] | Refused:
        if not uploads:
            return ()
        if len(uploads) > MEDIA_LIMIT:
            return Refused("too_many", f"at most {MEDIA_LIMIT} photos")
        photos: dict[str, Photo] = {}
        for data in uploads:
            photo = await self.darkroom.develop(data)
            if isinstance(photo, Refused):
                return photo
            photos[photo.digest] = photo
        return tuple(photos.values())

    def _receipt(self, asked: Asked, case_type: CaseType, received: Received) -> Element:
        code = received.code
        notice = sentence("notice", asked.language, code=f"{code[:4]}-{code[4:8]}-{code[8:]}")
        receipt: dict[str, Value] = {}
        match catalogue.kind_of(case_type):
            case "batch":
                receipt["token"] = self._token(received.report_id)
            case "blackbox":
                pass
            case _:
                receipt["service_request_id"] = received.case_id
        receipt["service_notice"] = notice
        receipt["account_id"] = None
        return receipt

    def _token(self, report_id: ReportId) -> str:
        """A token is the report's id with a proof that we gave it out. It is not the tracking
        code: tokens travel in addresses, which are logged."""
        proof = self.services.reception.code(ReportId(f"open311-token:{report_id}"))
        return f"{report_id}-{proof}"

    async def get_token(self, asked: Asked) -> Response:
        wrong = self.wrong_place(asked.query.get("jurisdiction_id"))
        if wrong is not None:
            return self.refuse(asked, wrong)
        report_id = ReportId(asked.name.rpartition("-")[0])
        ours = self._token(report_id).encode()
        if not hmac.compare_digest(ours, asked.name.encode("utf-8", "replace")):
            return self.refuse(asked, Refused("token_unknown", ""))
        reception = self.services.reception
        found = await self.services.store.receipt(reception.code_hash(reception.code(report_id)))
        if found is None:
            return self.refuse(asked, Refused("token_unknown", ""))
        value: Value = [{"service_request_id": found[0], "token": asked.name}]
        return self.say(asked, "service_requests", value)

    async def post_update(self, asked: Asked) -> Response:
        async with self.form(asked.request) as form:
            taken = form if isinstance(form, Refused) else await self._take(asked, form)
        if isinstance(taken, Refused):
            return self.refuse(asked, taken)
        return self.say(asked, "service_request_updates", [{"update_id": taken.update_id}])

    async def _take(self, asked: Asked, form: Form) -> Taken | Refused:
        fields = {**dict(reversed(asked.query.multi_items())), **dict(reversed(form.fields))}
        wrong = self.wrong_place(fields.get("jurisdiction_id"))
        if wrong is not None:
            return wrong
        api_key = fields.get("api_key", "")
        by = await self.actor(api_key, UPDATE_SCOPE, required=True)
        if isinstance(by, Refused):
            return by
        update = read_update(fields)
        if isinstance(update, Refused):
            return update
        row = await find_one(self.services, update.case_id)
        if row is None:
            return Refused("request_unknown", "no such request")
        # Everybody may know of the request; only whose grants reach it write into it.
        there = await self.services.keys.actor_at(api_key, UPDATE_SCOPE, row.case)
        if there is None:
            return Refused("request_elsewhere", "the grants of the key do not reach it")
        return await take_update(self.services, update, row.case, there)
