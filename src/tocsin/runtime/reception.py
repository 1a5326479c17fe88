"""Where every report comes in, whichever way it came: checked, placed, sealed, opened, answered.

Intakes parse bytes into an `IncomingReport`; nothing behind this door knows the channel.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, TypedDict

import msgspec

from tocsin.geography.areas import Atlas, Outside
from tocsin.kernel.cases.policy import CaseFacts
from tocsin.kernel.cases.state import Report
from tocsin.kernel.cases.vocabulary import AttachReport, OpenCase, Route
from tocsin.kernel.shared import (
    Actor,
    AreaPath,
    CaseId,
    Instant,
    Place,
    Refused,
    ReportId,
    SealedRef,
)
from tocsin.packs.model import Pack
from tocsin.runtime.engine import Engine
from tocsin.runtime.ports import Committed, SealedKind, SealedValue
from tocsin.runtime.synthetic_ports import FAR_OFF, NO_AGENCY, NOWHERE, PREFIX

TEXT_LIMIT: Final = 10_000
"""Characters of a description: three printed pages; more is an attachment, not a report."""
LINE_LIMIT: Final = 500
"""Characters of a contact field, an address or one form answer."""
ANSWERS_LIMIT: Final = 100
"""Form answers of one report, all values counted."""
MEDIA_LIMIT: Final = 5
"""Photos of one report."""
FUTURE_TOLERANCE: Final = timedelta(minutes=5)
"""How far a sender's clock may run ahead."""
PAST_LIMIT: Final = timedelta(days=30)
"""Older observations are history, brought in by `tocsin import`."""
CODE_LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Letters of a tracking code: none that is mistaken for another on paper or by phone."""
CODE_LENGTH: Final = 12
"""30 letters to the 12th is 5 * 10^17: not to be guessed at any rate a node answers."""

REASONS: Final = (
    "case_type_unknown",
    "place_missing",
    "outside",
    "bad_place",
    "text_missing",
    "too_long",
    "bad_text",
    "bad_time",
    "too_many",
    "answer_invalid",
    "no_route",
)


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo that was already re-encoded without EXIF. `digest` is the sha256 of `data`."""

    data: bytes
    media_type: str
    digest: str


def each_once(photos: Iterable[Photo]) -> tuple[Photo, ...]:
    """The photos in order, the same picture once: what is sealed is known by its content."""
    return tuple({photo.digest: photo for photo in photos}.values())


@dataclass(frozen=True, slots=True)
class IncomingReport:
    """One message from one source, parsed. Personal parts are sealed before they are kept.

    `place` is WGS84 (converted by the intake where its source declares another datum); None with
    an `address` opens the case at the county's desk, marked as not located. `key` makes the
    same message harmless when sent again; None lets the reception derive one from the content,
    good for `REPEAT_WINDOW_S`.
    """

    source: str
    case_type: str
    text: str
    place: Place | None = None
    address: str = ""
    contact: Mapping[str, str] = field(default_factory=dict[str, str])
    answers: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    media_url: str = ""
    photos: tuple[Photo, ...] = ()
    language: str = "en"
    consent: bool = False
    seen_at: Instant | None = None
    key: str | None = None
    dispatch_now: bool = False
    """The sender is trusted to send an emergency at once (a call taker, an alarm panel)."""
    is_synthetic: bool = False
    """The node's own, see `synthetic_ports`: of nobody, nowhere, to nobody."""


@dataclass(frozen=True, slots=True)
class Received:
    """The receipt: a repeat of the same report gets the same one."""

    case_id: CaseId
    report_id: ReportId
    code: str
    case_type: str
    promised_at: Instant | None
    repeated: bool


class _Once(TypedDict):
    key: str
    earlier_keys: tuple[str, ...]
    fingerprint: str
    receipts: tuple[tuple[bytes, ReportId], ...]
    answer: dict[str, str]


REPEAT_WINDOW_S: Final = 600
"""Without a key of the sender, the same content within this time is the same report (and, as
time is counted in windows of this length, sometimes within twice that time)."""


class Reception:
    """Turns incoming reports into cases and answers with receipts.

    `code_key` derives tracking codes from report ids, so that no code is stored anywhere.
    """

    def __init__(self, engine: Engine, pack: Pack, atlas: Atlas, code_key: bytes) -> None:
        self.engine = engine
        self.pack = pack
        self.atlas = atlas
        self._code_key = code_key
        west, south, east, north = atlas.bounds
        nearest = atlas.locate((west + east) / 2, (south + north) / 2)
        home = atlas.area(nearest.nearest if isinstance(nearest, Outside) else nearest.cell)
        inside = home.polygon.representative_point()
        self.desk = Place(inside.x, inside.y)
        """Where a report with an address only is put until someone has found its place."""

    def code(self, report_id: ReportId) -> str:
        """The tracking code of a report: pseudonymous, derived, never stored."""
        digest = hmac.digest(self._code_key, report_id.encode(), "sha256")
        number = int.from_bytes(digest[:16])
        letters: list[str] = []
        for _ in range(CODE_LENGTH):
            number, rest = divmod(number, len(CODE_LETTERS))
            letters.append(CODE_LETTERS[rest])
        return "".join(letters)

    @staticmethod
    def code_hash(code: str) -> bytes:
        """What the store knows a code by. Spaces, dashes and case do not matter."""
        plain = "".join(letter for letter in code.upper() if letter in CODE_LETTERS)
        return hashlib.sha256(plain.encode()).digest()

    async def receive(self, incoming: IncomingReport, by: Actor) -> Received | Refused:
        """Open a case for a report, durably. Refusals name one of `REASONS` or the kernel's."""
        case_type = self.pack.case_types.get(incoming.case_type)
        if case_type is None:
            return Refused("case_type_unknown", "no such case type in this pack")
        now = self.engine.clock.now()
        wrong = self._wrong(incoming, now)
        if wrong is not None:
            return wrong
        located = (FAR_OFF, NOWHERE) if incoming.is_synthetic else self._locate(incoming)
        if isinstance(located, Refused):
            return located
        place, areas = located
        policy = self.pack.policy(incoming.case_type)
        assert policy is not None, "a case type of a loaded pack has a policy"
        case_id = CaseId((PREFIX if incoming.is_synthetic else "") + self.engine.ids.new())
        made = self._report(incoming, case_id, ReportId(f"{case_id}-r1"), now)
        if isinstance(made, Refused):
            return made
        report, sealed = made
        route = None
        if incoming.dispatch_now and policy.fast_path:
            choice = self.pack.choose_route(incoming.case_type, areas, now, dict(report.answers))
            if choice is None:
                return Refused("no_route", "no route of the pack matches")
            route = choice.route
        if incoming.is_synthetic:
            route = Route("synthetic", NO_AGENCY)
        await self.engine.chaos.pause("reception.checked")
        outcome = await self.engine.open(
            case_id,
            OpenCase(
                report=report,
                place=place,
                areas=areas,
                owner_tier=case_type.owner_tier if incoming.place is not None else "county",
                route=route,
            ),
            CaseFacts(policy),
            by=by,
            sealed=sealed,
            **self._once(incoming, case_id, report.id, by, now),
        )
        await self.engine.chaos.pause("reception.kept")
        return outcome if isinstance(outcome, Refused) else self._received(incoming, outcome)

    async def attach(
        self, case_id: CaseId, incoming: IncomingReport, by: Actor
    ) -> Received | Refused:
        """Another report of the same matter joins a case, with its own receipt and thread."""
        now = self.engine.clock.now()
        wrong = self._wrong(incoming, now)
        if wrong is not None:
            return wrong
        report_id = ReportId(f"{case_id}-{self.engine.ids.new()[-12:]}")
        made = self._report(incoming, case_id, report_id, now)
        if isinstance(made, Refused):
            return made
        report, sealed = made
        outcome = await self.engine.handle(
            case_id,
            AttachReport(report),
            by=by,
            sealed=sealed,
            **self._once(incoming, case_id, report_id, by, now, into=case_id),
        )
        return outcome if isinstance(outcome, Refused) else self._received(incoming, outcome)

    # -- answers -----------------------------------------------------------------------

    def _once(
        self,
        incoming: IncomingReport,
        case_id: CaseId,
        report_id: ReportId,
        by: Actor,
        now: Instant,
        into: str = "new",
    ) -> _Once:
        """What makes a second sending of the same report harmless, and its receipt findable."""
        fingerprint = _fingerprint(incoming)
        scope = f"{incoming.source}:{by.id}:{into}"
        window = int(now.timestamp()) // REPEAT_WINDOW_S
        keys = [incoming.key] if incoming.key else [f"{fingerprint}:{window - n}" for n in (0, 1)]
        return {
            "key": f"{scope}:{keys[0]}",
            # The window before this one, so that a repeat over its edge is still a repeat.
            "earlier_keys": tuple(f"{scope}:{key}" for key in keys[1:]),
            "fingerprint": fingerprint,
            "receipts": ((self.code_hash(self.code(report_id)), report_id),),
            "answer": {"case_id": case_id, "report_id": report_id},
        }

    def _received(self, incoming: IncomingReport, outcome: Committed) -> Received:
        case_id = CaseId(str(outcome.answer["case_id"]))
        report_id = ReportId(str(outcome.answer["report_id"]))
        case = outcome.cases.get(case_id)
        return Received(
            case_id=case_id,
            report_id=report_id,
            code=self.code(report_id),
            case_type=incoming.case_type,
            promised_at=case.promised_at if case else None,
            repeated=outcome.repeated,
        )

    # -- checks ------------------------------------------------------------------------

    def _wrong(self, incoming: IncomingReport, now: Instant) -> Refused | None:
        values = sum(len(given) for given in incoming.answers.values())
        if values > ANSWERS_LIMIT or len(incoming.photos) > MEDIA_LIMIT:
            return Refused("too_many", f"at most {ANSWERS_LIMIT} answers, {MEDIA_LIMIT} photos")
        if len(incoming.text) > TEXT_LIMIT:
            return Refused("too_long", f"the description has over {TEXT_LIMIT} characters")
        lines = [incoming.address, incoming.media_url, *incoming.contact.values()]
        lines += [value for given in incoming.answers.values() for value in given]
        if any(len(line) > LINE_LIMIT for line in lines):
            return Refused("too_long", f"a field has over {LINE_LIMIT} characters")
        if not all(_is_storable(text) for text in (incoming.text, *lines, *incoming.answers)):
            return Refused("bad_text", "a text holds characters that are not text")
        seen = incoming.seen_at
        if seen is not None and not now - PAST_LIMIT <= seen <= now + FUTURE_TOLERANCE:
            return Refused("bad_time", f"outside {PAST_LIMIT.days} days ago to now")
        return None

    def locate(self, place: Place, language: str = "en") -> AreaPath | Refused:
        """The four areas of a place. Refused as `outside`, naming the nearest known area, or as
        `bad_place`."""
        try:
            found = self.atlas.locate(place.lon, place.lat)
        except ValueError:
            return Refused("bad_place", "longitude -180 to 180, latitude -90 to 90")
        if isinstance(found, Outside):
            name = self.atlas.area(found.nearest).name_in(language)
            return Refused("outside", f"{name}, {found.distance_m:.0f} m away")
        return found

    def _locate(self, incoming: IncomingReport) -> tuple[Place, AreaPath] | Refused:
        place = incoming.place
        if place is None:
            if not incoming.address.strip():
                return Refused("place_missing", "give a place or an address")
            place = self.desk
        found = self.locate(place, incoming.language)
        return found if isinstance(found, Refused) else (place, found)

    def _report(
        self, incoming: IncomingReport, case_id: CaseId, report_id: ReportId, now: Instant
    ) -> tuple[Report, tuple[SealedValue, ...]] | Refused:
        answers = self.pack.check_answers(incoming.case_type, incoming.answers)
        if isinstance(answers, Refused):
            return answers
        sealed: list[SealedValue] = []

        def seal(kind: SealedKind, name: str, value: bytes, media_type: str) -> SealedRef:
            ref = SealedRef(f"{report_id}.{name}")
            sealed.append(SealedValue(ref, case_id, report_id, kind, value, media_type))
            return ref

        words: dict[str, Any] = {"text": incoming.text.replace("\r\n", "\n").replace("\r", "\n")}
        if answers.sealed:
            words["answers"] = dict(answers.sealed)
        if incoming.media_url:
            words["media_url"] = incoming.media_url
        json = "application/json"
        contact = {name: value for name, value in incoming.contact.items() if value}
        report = Report(
            id=report_id,
            at=now,
            source=incoming.source,
            description=seal("description", "description", msgspec.json.encode(words), json),
            contact=seal("contact", "contact", msgspec.json.encode(contact), json)
            if contact
            else None,
            address=seal("address", "address", incoming.address.encode(), "text/plain")
            if incoming.address
            else None,
            media=tuple(
                seal("media", f"photo-{photo.digest[:32]}", photo.data, photo.media_type)
                for photo in each_once(incoming.photos)
            ),
            answers=answers.plain,
            language=incoming.language,
            consent=incoming.consent,
        )
        return report, tuple(sealed)


def _is_storable(text: str) -> bool:
    """No lone surrogates (not text) and no NUL (PostgreSQL cannot hold it)."""
    if text.isascii():
        return "\x00" not in text
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in text


def _fingerprint(incoming: IncomingReport) -> str:
    """The same content gives the same fingerprint, whatever the order of its fields."""
    parts = (
        incoming.case_type,
        incoming.text,
        incoming.place,
        incoming.address,
        sorted(incoming.contact.items()),
        sorted((name, list(given)) for name, given in incoming.answers.items()),
        incoming.media_url,
        [photo.digest for photo in incoming.photos],
    )
    return hashlib.blake2b(msgspec.json.encode(parts), digest_size=16).hexdigest()


__all__ = ["IncomingReport", "Photo", "Received", "Reception"]
