"""A town in which every text that people and machines may send is hostile."""

from __future__ import annotations

import csv
import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.request import Request, urlopen

from tests.browser.everyday import Everyday
from tests.browser.fleet import agency_of
from tests.browser.payloads import FORMULAS, PAYLOADS, packed
from tests.browser.school import School
from tests.browser.text_fields import Ledger
from tests.browser.town import Town

UNIT_NAME_MAX = 40
UNITS = [each for each in PAYLOADS if len(each) <= UNIT_NAME_MAX][::3]
"""A name holds one of them, and the way out of where it stands turns with the third."""
ALARMS = 3
CONTACT = {"consent": True, "language": "en"}


class Poisoned:
    """Puts them in: names of units, devices, sites and accounts; reports, notes, questions, contact
    data and addresses; words and zones of alarms, reasons of drills."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.ledger = Ledger(town.admin.must("GET", "/api/openapi.json"))
        with self.ledger.listening():
            self._fill(town)
            self.day = Everyday(town)
        self._import()

    def _import(self) -> None:
        """A table of devices, as a file."""
        out, place = io.StringIO(), (self.town.county, 24.942, 60.172)
        table = csv.writer(out)
        table.writerow(("id", "name", "kind", "area", "lon", "lat"))
        table.writerows(("", name, "panel", *place) for name in (*packed(100, " "), *FORMULAS))
        admin = self.town.admin
        headers = {"Cookie": admin.cookie, "X-CSRF-Token": admin.me["csrf"],
                   "Content-Type": "text/csv"}  # fmt: skip
        url = f"{self.town.origin}/api/assets.csv"
        with urlopen(Request(url, out.getvalue().encode(), headers, method="POST")) as answer:
            self.ledger.heard("POST", url, out.getvalue(), answer.status)

    def _fill(self, town: Town) -> None:
        self.desk = town.person("dispatcher")
        self.chief = town.person("supervisor")
        self.agency = agency_of(town, "fire-rescue")
        town.person("agency_handler", agency=self.agency)
        self.texts, lines, whys = (list(packed(limit)) for limit in (9_000, 490, 190))
        names = list(packed(100, " "))
        receipts = [self._report(self.texts[0], line) for line in lines]
        self.case, self.code = str(receipts[0]["case_id"]), str(receipts[0]["code"])
        self.asked = str(receipts[1]["code"])
        self._talk(receipts)
        with ThreadPoolExecutor(3) as hands:
            list(hands.map(self._unit, UNITS))
            self.devices = list(hands.map(self._device, (*names, *FORMULAS)))
            list(hands.map(self._account, range(len(names)), names))
        self.schools = [self._school(why, self.texts[0]) for why in whys[:ALARMS]]
        for school, why in zip(self.schools, whys[ALARMS:], strict=False):
            self.chief.must("POST", "/api/drills", {"site": school.site, "for_s": 1_800,
                                                    "reason": why})  # fmt: skip

    def _report(self, text: str, line: str) -> Any:
        contact = {"name": line, "phone": line[:400], "email": line[:400]}
        taker = self.town.person("call_taker")
        return taker.report("pothole", text, contact=contact, address=line, **CONTACT)

    def _talk(self, receipts: list[Any]) -> None:
        for each in receipts:
            self.desk.act(each["case_id"], "publish", {"publish": True})
        for text in self.texts:
            self.desk.act(self.case, "add_note", {"text": text})
            for each in receipts[:2]:
                asked = {"report": each["report_id"], "text": text}
                self.desk.act(each["case_id"], "ask_reporter", asked)

    def _unit(self, name: str) -> None:
        body = {"name": name, "agency": self.agency, "area": self.town.county, "kind": "engine"}
        body |= {"post": {"lon": 24.94, "lat": 60.17, "datum": "wgs84"}}
        made = self.town.admin.must("POST", "/api/units", body)["id"]
        if len(name) % 3 == 0:
            self.desk.must("POST", f"/api/units/{made}/start-duty", {})

    def _device(self, name: str) -> str:
        body = {"name": name, "kind": "panel", "area": self.town.county, "keeper": name}
        body |= {"model": name, "documents": [name], "place": {"lon": 24.941, "lat": 60.171}}
        return self.town.admin.must("POST", "/api/assets", body)["id"]

    def _account(self, number: int, name: str) -> None:
        grants = [{"role": "dispatcher", "area": self.town.county, "agency": None}]
        body = {"login": f"p{number}.x", "name": name, "language": "en", "grants": grants}
        self.town.admin.must("POST", "/api/accounts", body)

    def _school(self, why: str, text: str) -> School:
        found = School(self.town, why[:100])
        found.site = found.add(why[:100], "panel")
        wires = [{"source": "signed-json", "address": f"school/{found.name}/B"}]
        found.buttons["B"] = found.add(why[:110], "button", gateway=found.site, wires=wires)
        found.press("B", "panic", text=text[:4_000], zone=why[:60])
        return found
