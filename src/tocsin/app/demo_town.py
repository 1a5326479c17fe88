"""The town of the demo: residents and staff who act through the public interfaces only."""

from __future__ import annotations

import asyncio
import base64
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import msgspec
from PIL import Image

from tocsin.app.demo_agenda import Action, RealAgenda, TownTime
from tocsin.app.demo_client import Client, Person, Staff, Unreachable
from tocsin.app.demo_wire import multipart
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import AreaId, CaseId, Instant, Place, ReportId
from tocsin.packs.model import Pack
from tocsin.simulation.arrivals import Arrivals, Spot, Telling
from tocsin.simulation.behaviour import Behaviour
from tocsin.simulation.moves import Move

CODE: Final = re.compile(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}")
TOKEN: Final = re.compile(r"<token>([^<]+)</token>")
REQUEST_ID: Final = re.compile(r"<service_request_id>([^<]+)</service_request_id>")
LOOK_EVERY_S: Final = 1.0
"""Real seconds between two looks at what changed on the board."""
PAGE: Final = 200
LOOK_BACK: Final = timedelta(seconds=1.5)
"""Real time by which a look begins before the last change that was seen: changes are stamped
when they are decided and shown when they are on disk."""
FOLLOW_UP: Final = 0.04
CURIOUS: Final = 0.1
"""Share of the residents who look up how it stands."""


@dataclass(slots=True)
class Receipt:
    """What a resident holds: the tracking code, and which case and report it is about (None where
    the matter is confidential: then the code is all there is)."""

    code: str
    case_id: CaseId | None
    report_id: ReportId
    telling: Telling


@dataclass(slots=True)
class Counts:
    """What the town did and what it was told."""

    sent: int = 0
    refused_reports: int = 0
    commands: int = 0
    refused: Counter[str] = field(default_factory=Counter[str])


class DemoTown:
    """Everybody of the demo, and what they know of the board."""

    def __init__(
        self,
        client: Client,
        staff: Staff,
        clock: TownTime,
        pack: Pack,
        arrivals: Arrivals,
        behaviour: Behaviour,
        rng: Random,
    ) -> None:
        self.client = client
        self.staff = staff
        self.clock = clock
        self.agenda = RealAgenda(clock)
        self.behaviour = behaviour
        self.receipts: list[Receipt] = []
        self._by_report: dict[ReportId, Receipt] = {}
        self.board: dict[CaseId, tuple[int, Case]] = {}
        self.counts = Counts()
        self.posts: Sequence[Place] = ()
        """Places of the town where units wait."""
        self.spots: Sequence[Spot] = ()
        """Places of the town by name."""
        self.is_open = True
        """Residents still report."""
        self.is_working = True
        self.zone = ZoneInfo(pack.zone)
        self.card_types = frozenset(
            each.code for each in pack.case_types.values() if each.run_cards
        )
        self._pack = pack
        self._arrivals = arrivals
        self._rng = rng
        self._seen_until: Instant | None = None
        self._move_count = 0
        self._photo = _photo()

    async def run(self) -> None:
        """Until cancelled: residents report, staff work."""
        self._arrive_next()
        await self.agenda.run()

    async def rest(self) -> None:
        """Nothing new begins; returns when what was under way is done."""
        self.is_working = False
        await self.agenda.rest()

    # -- residents ---------------------------------------------------------------------

    def _arrive_next(self) -> None:
        telling = self._arrivals.next()

        async def arrive() -> None:
            if not self.is_open:
                return
            self._arrive_next()
            await (self._call(telling) if telling.by_phone else self._send(telling))

        self.agenda.at(telling.at, arrive)

    async def _send(self, telling: Telling) -> None:
        """By the resident's own app: Open311, as form or multipart, asking for JSON or XML."""
        ending = "xml" if telling.number % 4 == 0 else "json"
        fields = [
            ("service_code", self._pack.case_types[telling.case_type].service_code),
            ("description", telling.text),
            ("lat", f"{telling.place.lat:.6f}"),
            ("long", f"{telling.place.lon:.6f}"),
            ("address_string", telling.address),
            *telling.contact,
            *((f"attribute[{name}]", value) for name, given in telling.answers for value in given),
        ]
        if telling.consent:
            fields.append(("consent", "true"))
        if telling.has_photo:
            form = multipart(fields, ("media", "photo.png", self._photo, "image/png"))
        else:
            form = "application/x-www-form-urlencoded", urlencode(fields).encode()
        self.counts.sent += 1
        answer = await self.client.ask(
            "POST",
            f"/open311/v2/requests.{ending}",
            headers={**_from(telling.number), "accept-language": telling.language},
            form=form,
            key=f"app-{telling.number}",
        )
        if not answer.is_ok:
            self.counts.refused_reports += 1
            self.counts.refused[f"report:{answer.reason}"] += 1
            return
        text = answer.body.decode()
        code = CODE.search(text)
        assert code is not None, "every receipt has a tracking code"
        case_id = await self._case_of(text, answer.json()[0] if ending == "json" else None)
        self._keep(telling, code.group(), case_id, ReportId(f"{case_id}-r1" if case_id else ""))

    async def _case_of(self, text: str, receipt: Mapping[str, Any] | None) -> CaseId | None:
        """The case a receipt is about. Some services answer with a token that opens it, and
        confidential ones with nothing but the tracking code."""
        if receipt is not None:
            case_id, token = receipt.get("service_request_id"), receipt.get("token")
        else:
            case_id, token = (
                found.group(1) if (found := pattern.search(text)) else None
                for pattern in (REQUEST_ID, TOKEN)
            )
        if case_id is None and token is not None:
            answer = await self.client.ask("GET", f"/open311/v2/tokens/{token}.json")
            case_id = answer.json()[0]["service_request_id"] if answer.is_ok else None
        return CaseId(case_id) if case_id is not None else None

    async def _call(self, telling: Telling) -> None:
        """By telephone: a call taker types it in; an emergency is sent at once."""
        person = await self._someone("call_taker")
        is_emergency = self._pack.case_types[telling.case_type].terms.profile == "emergency"
        contact = dict(telling.contact)
        body: dict[str, Any] = {
            "source": "phone",
            "case_type": telling.case_type,
            "text": telling.text,
            "place": {"lon": telling.place.lon, "lat": telling.place.lat},
            "address": telling.address,
            "answers": {name: list(values) for name, values in telling.answers},
            "language": telling.language,
            "consent": telling.consent,
            "dispatch_now": is_emergency,
        }
        if contact:
            body["contact"] = {"phone": contact["phone"]}
        self.counts.sent += 1
        answer = await self._as(
            person, "POST", "/api/reports", json=body, key=f"call-{telling.number}"
        )
        if answer is None:
            self.counts.refused_reports += 1
            return
        self._keep(telling, answer["code"], answer["case_id"], answer["report_id"])

    def _keep(
        self, telling: Telling, code: str, case_id: CaseId | None, report_id: ReportId
    ) -> None:
        held = Receipt(code, case_id, report_id, telling)
        self.receipts.append(held)
        later = self.clock.now() + timedelta(minutes=self._rng.uniform(5, 60))
        if self._rng.random() < CURIOUS:
            self.agenda.at(later, lambda: self._look_up(held))
        if case_id is None:
            return
        self._by_report[report_id] = held
        self.behaviour.learn(case_id, telling.matter)
        if self._rng.random() < FOLLOW_UP:
            self.agenda.at(later, lambda: self._call_again(held, case_id))

    async def _look_up(self, held: Receipt) -> None:
        await self.client.ask(
            "GET", f"/api/receipts/{held.code}", headers=_from(held.telling.number)
        )

    async def _call_again(self, held: Receipt, case_id: CaseId) -> None:
        """Somebody else calls about the same case: a report of its own, with its own receipt."""
        if not self.is_open:
            return
        telling = held.telling
        body = {
            "source": "phone",
            "case_type": telling.case_type,
            "text": f"{telling.text} ({telling.number})",
            "answers": {name: list(values) for name, values in telling.answers},
            "place": {"lon": telling.place.lon, "lat": telling.place.lat},
            "language": telling.language,
        }
        self.counts.sent += 1
        answer = await self._as(
            await self._someone("call_taker"),
            "POST",
            f"/api/cases/{case_id}/attach-report",
            json=body,
            key=f"again-{telling.number}",
        )
        if answer is None:
            self.counts.refused_reports += 1
            return
        report = ReportId(answer["report_id"])
        self._by_report[report] = Receipt(answer["code"], case_id, report, telling)
        self.receipts.append(self._by_report[report])

    # -- staff -------------------------------------------------------------------------

    async def _someone(self, role: Any, move: Move | None = None) -> Person:
        area, agency = self.staff.county, None
        number = self._rng.randint(1, 2)
        if move is not None:
            agency = move.agency if role == "agency_handler" else None
            _, case = self.board[move.case_id]
            if agency is not None:
                area, number = AreaId(agency.partition("@")[2]), 1
            elif role == "grid_worker" and case.areas is not None:
                area, number = case.areas.town, 1
        return await self.staff.get(role, area, agency, number)

    async def _as(
        self, person: Person, method: str, path: str, *, json: Any = None, key: str | None = None
    ) -> Any:
        """Ask as a member of staff: the JSON of the answer, or None when it was refused."""
        answer = await self.client.ask(method, path, headers=person.headers, json=json, key=key)
        if answer.status == 401:
            await self.staff.sign_in_again(person)
            answer = await self.client.ask(method, path, headers=person.headers, json=json, key=key)
        if answer.is_ok:
            return answer.json()
        self.counts.refused[f"{path.rpartition('/')[2]}:{answer.reason}"] += 1
        return None

    def see(self, shown: Mapping[str, Any]) -> None:
        """A case as the API shows it: remember it, and plan what people will do about it."""
        version = int(shown["version"])
        case_id = CaseId(shown["id"])
        if self.board.get(case_id, (0, None))[0] >= version:
            return
        case = case_of(shown)
        self.board[case_id] = version, case
        if self.is_working:
            for move in self.behaviour.moves(case, self.clock.now()):
                self.agenda.at(move.at, self._doing(move))

    def _doing(self, move: Move) -> Action:
        return lambda: self._do(move)

    async def _do(self, move: Move) -> None:
        _, case = self.board[move.case_id]
        if not self.is_working or not self.behaviour.still_fits(case, move):
            return
        self._move_count += 1
        key = f"move-{self._move_count}"
        if move.role is None:
            await self._by_receipt(move, key)
            return
        if move.verb == "merge" and not await self._is_candidate(move):
            self.behaviour.forget(move)
            self._plan_again(move)
            return
        person = await self._someone(move.role, move)
        path = f"/api/cases/{move.to}/{move.verb.replace('_', '-')}"
        shown = await self._as(person, "POST", path, json=self._body(move), key=key)
        if shown is None:
            if self.behaviour.forget(move):
                await self._refresh(move.case_id)
            return
        self.counts.commands += 1
        self.see(shown)

    def _plan_again(self, move: Move) -> None:
        for each in self.behaviour.moves(self.board[move.case_id][1], self.clock.now()):
            self.agenda.at(each.at, self._doing(each))

    async def _refresh(self, case_id: CaseId) -> None:
        """Look at one case anew after a refusal: someone was quicker."""
        person = await self._someone("supervisor")
        shown = await self._as(person, "GET", f"/api/cases/{case_id}")
        if shown is not None:
            self.board.pop(case_id, None)
            self.see(shown)

    async def _is_candidate(self, move: Move) -> bool:
        """The call taker merges only what the node offers as a likely duplicate."""
        person = await self._someone("call_taker")
        found = await self._as(person, "GET", f"/api/cases/{move.case_id}/duplicates")
        offered = found["candidates"] if found is not None else ()
        return any(each["case_id"] == move.target for each in offered)

    async def _by_receipt(self, move: Move, key: str) -> None:
        """The reporter answers or votes, with nothing but the tracking code."""
        held = self._by_report.get(ReportId(move.fields["report"]))
        if held is None:
            return
        verb = "answer" if move.verb == "answer_question" else "feedback"
        body = {name: value for name, value in self._body(move).items() if name != "report"}
        answer = await self.client.ask(
            "POST",
            f"/api/receipts/{held.code}/{verb}",
            headers=_from(held.telling.number),
            json=body,
            key=key,
        )
        if answer.is_ok:
            self.counts.commands += 1
        else:
            self.counts.refused[f"{verb}:{answer.reason}"] += 1

    def _body(self, move: Move) -> dict[str, Any]:
        body: dict[str, Any] = {}
        for name, value in move.fields.items():
            if value is None:
                continue
            if name == "photos":
                value = [base64.b64encode(self._photo).decode()] * value
            elif isinstance(value, datetime):
                value = value.isoformat()
            body[name] = value
        return body

    # -- looking at the board ----------------------------------------------------------

    async def watch(self) -> None:
        """Until cancelled: what changed on the board, once a second, by one list."""
        while True:
            try:
                await self.look()
            except Unreachable:
                self.agenda.failures += 1
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self, *, everything: bool = False) -> None:
        """Everything that changed since the last look, or the whole board."""
        person = await self._someone("supervisor")
        since = None if everything else self._seen_until
        query = f"/api/cases?order=updated&limit={PAGE}"
        if since is not None:
            query += f"&updated_from={_stamp(since - LOOK_BACK * max(1.0, self.clock.speed))}"
        newest, after = since, ""
        while True:
            page = await self._as(person, "GET", query + after)
            if page is None:
                return
            for shown in page["cases"]:
                updated = datetime.fromisoformat(shown["updated_at"])
                newest = updated if newest is None else max(newest, updated)
                self.see(shown)
            if not page["next"]:
                break
            after = f"&after={page['next']}"
        self._seen_until = newest


def case_of(shown: Mapping[str, Any]) -> Case:
    """The state that a case view shows; what it leaves out keeps its default."""
    fields = dict(shown)
    if fields.get("areas"):
        fields["areas"] = list(fields["areas"].values())
    return msgspec.convert(fields, Case)


def _stamp(instant: Instant) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _from(number: int) -> dict[str, str]:
    """A resident's own address, out of the block for carrier networks (RFC 6598)."""
    return {
        "x-forwarded-for": f"100.{64 + number // 65_025 % 64}.{number // 255 % 255}.{number % 255}"
    }


def _photo() -> bytes:
    """A small grey photo, the same each time."""
    kept = io.BytesIO()
    Image.new("RGB", (48, 36), (120, 120, 120)).save(kept, "PNG")
    return kept.getvalue()
