"""The people and the things of a town in which every operation has something to be done to.

A `Stage` speaks to a running node over HTTP alone, so it serves a process of its own as well as
a test. Things are made when they are first asked for; what an operation uses up is made anew.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from urllib.request import Request, urlopen

from PIL import Image

from tests.browser.town import PASSWORD, Staff
from tocsin.web.permissions import CASE_ROLES

AGENCY = "lighting@county"
FIRE = "fire-rescue@county"
SECRET = "a secret of the tests of every operation"
INTAKES = f"""
[[signed-json.sender]]
name = "school"
secret = "{SECRET}"
"""
CODE = "blue 4471"
_numbers = count(1)


def photo() -> str:
    """A small picture, as the API takes it."""
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "grey").save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


PHOTO = photo()


@dataclass
class Known:
    """What the test tells the process that asks: where the node is, and who is there already."""

    origin: str
    admin: dict[str, Any]
    cookie: str
    dead_errands: list[str] = field(default_factory=list[str])

    def written(self) -> str:
        return json.dumps(vars(self))

    @classmethod
    def read(cls, text: str) -> Known:
        return cls(**json.loads(text))


class Stage:
    """The town. `known.admin` is the first administrator, signed in."""

    def __init__(self, known: Known) -> None:
        self.known = known
        self.origin = known.origin
        self.admin = Staff(self.origin, "root", known.admin, known.cookie)
        self.nobody = Staff(self.origin, "nobody")
        # The first security administrator needs nobody's consent; from then on it takes two.
        self.guard = self.person("guard", {"role": "security_administrator", "area": "county"})
        self.all = self.person("all", *_everything(AGENCY))
        self.other = self.person("other", *_everything(FIRE))
        self.audit = self._auditor()
        self._dead = iter(known.dead_errands)

    # -- people

    def account(self, login: str, *grants: dict[str, Any]) -> dict[str, Any]:
        """A new account: its id, its version, and the one-time link."""
        body = {"login": login, "name": login.title(), "language": "en", "grants": list(grants)}
        return self.admin.must("POST", "/api/accounts", body)

    def person(self, login: str, *grants: dict[str, Any]) -> Staff:
        """Somebody new who is signed in."""
        made = self.account(login, *grants)
        staff = Staff(self.origin, login)
        token = made["link"].partition("#")[2]
        staff.enter("/api/password", {"token": token, "password": PASSWORD})
        return staff

    def passer_by(self, *roles: str) -> Staff:
        """Somebody whom nobody misses: for what ends sessions or changes passwords."""
        grants = [{"role": role, "area": "county"} for role in roles or ("dispatcher",)]
        return self.person(fresh("passer-by"), *grants)

    def _auditor(self) -> Staff:
        made = self.account("audit", {"role": "audit_administrator", "area": "county"})
        staff = Staff(self.origin, "audit")
        token = made["link"].partition("#")[2]
        staff.enter("/api/password", {"token": token, "password": PASSWORD})
        self.guard.must("POST", f"/api/proposals/{made['proposal']}/grant")
        staff.enter("/api/login", {"login": "audit", "password": PASSWORD})  # a new right
        return staff

    # -- cases

    def report(self, case_type: str = "street-light-out", **more: Any) -> dict[str, Any]:
        """The receipt of a report that is like no other."""
        text = f"Reported to be worked with, {fresh('report')}"
        body = {
            "source": "phone",
            "case_type": case_type,
            "text": text,
            "place": place(),
            "contact": {"name": "A. Resident", "phone": "+358 40 0000000"},
            "language": "en",
            "consent": True,
            **more,
        }
        return self.all.must("POST", "/api/reports", body)

    def photographed(self) -> str:
        """A case whose report came with a photo, and whose reporter agreed."""
        report = {"source": "phone", "case_type": "street-light-out", "text": fresh("seen"),
                  "place": place(), "language": "en", "consent": True}  # fmt: skip
        edge = "edge-of-a-part"
        head = f"--{edge}\r\nContent-Disposition: form-data; name="
        body = f'{head}"report"\r\n\r\n{json.dumps(report)}\r\n{head}"photos"; filename="1.png"\r\n'
        sent = body.encode() + b"Content-Type: image/png\r\n\r\n" + base64.b64decode(PHOTO)
        headers = {"Cookie": self.all.cookie, "X-CSRF-Token": self.all.me["csrf"],
                   "Content-Type": f"multipart/form-data; boundary={edge}"}  # fmt: skip
        url = f"{self.origin}/api/reports/upload"
        asked = Request(url, sent + f"\r\n--{edge}--\r\n".encode(), headers, method="POST")
        with urlopen(asked, timeout=60) as answer:
            return str(json.loads(answer.read())["case_id"])

    def case(self, until: str = "received", case_type: str = "street-light-out") -> str:
        """A case in the state `until`."""
        made = str(self.report(case_type)["case_id"])
        steps = ("accepted", "filed", "dispatched", "in_work", "claimed_done", "verified")
        if until == "received":
            return made
        for step in steps[: steps.index(until) + 1]:
            self._walk(made, step)
        return made

    def _walk(self, case: str, step: str) -> None:
        match step:
            case "accepted":
                self.act(case, "accept")
            case "filed":
                self.act(case, "file")
            case "dispatched":
                self.act(case, "dispatch", {"reason": "routine"})
            case "in_work":
                self.act(case, "start-task", {"task": self.task(case)})
            case "claimed_done":
                body = {"task": self.task(case), "photos": [PHOTO]}
                self.act(case, "claim-task-done", body)
            case _:
                seen = {"disposition": "repaired", "photos": [PHOTO]}
                self.act(case, "verify", seen, self.other)

    def act(self, case: str, verb: str, body: Any = None, by: Staff | None = None) -> Any:
        return (by or self.all).must("POST", f"/api/cases/{case}/{verb}", body or {})

    def shown(self, case: str) -> Any:
        return self.all.must("GET", f"/api/cases/{case}")

    def task(self, case: str) -> str:
        return self.shown(case)["tasks"][0]["id"]

    def fire(self) -> str:
        """A burning house, dispatched."""
        return str(self.report("building-fire", dispatch_now=True)["case_id"])

    # -- units, devices, alarms

    def unit(self, on_duty: bool = True) -> str:
        body = {"name": fresh("E"), "agency": FIRE, "area": "county", "kind": "engine",
                "post": place(), "crew_size": 4}  # fmt: skip
        made = self.admin.must("POST", "/api/units", body)["id"]
        if on_duty:
            self.all.must("POST", f"/api/units/{made}/start-duty", {})
        return made

    def sent(self) -> tuple[str, str]:
        """A unit on a case, and the case."""
        unit, case = self.unit(), self.fire()
        body = {"case": case, "reason": "nearest"}
        self.all.must("POST", f"/api/units/{unit}/send", body)
        return unit, case

    def asset(self, kind: str = "smoke-detector", **more: Any) -> str:
        body = {"name": fresh("Hall"), "kind": kind, "area": "county", "place": place(), **more}
        return self.admin.must("POST", "/api/assets", body)["id"]

    def button(self) -> tuple[str, str, str]:
        """A site, its button and the button's address on the wire."""
        site, address = self.asset("panel"), f"school/{fresh('gate')}"
        wires = [{"source": "signed-json", "address": address}]
        return site, self.asset("button", gateway=site, wires=wires), address

    def press(self, address: str, kind: str = "panic", **more: Any) -> None:
        """One alarm over the signed intake, as a device sends it."""
        told = {"device": address.partition("/")[2], "kind": kind, "key": fresh("key"), **more}
        body, stamp = json.dumps(told).encode(), str(int(time.time()))
        mark = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        headers = {"X-Tocsin-Timestamp": stamp, "X-Tocsin-Signature": f"sha256={mark}"}
        address = f"{self.origin}/intakes/signed/school"
        with urlopen(Request(address, body, headers, method="POST"), timeout=60) as answer:
            assert answer.status == 204, answer.status

    def alarm(self, kind: str = "panic") -> tuple[str, str, str]:
        """An open alarm, its site, and its device."""
        site, button, address = self.button()
        self.press(address, kind)
        listed = self.all.must("GET", f"/api/alarms?asset={button}")["alarms"]
        return listed[0]["id"], site, button

    def dead_errand(self) -> str:
        return next(self._dead)


def _everything(agency: str) -> list[dict[str, Any]]:
    return [
        {"role": role, "area": "county", "agency": agency if role == "agency_handler" else None}
        for role in CASE_ROLES
    ]


def place() -> dict[str, Any]:
    """Inside the drawn town, and apart from the last ones: nothing is taken for a repeat."""
    number = next(_numbers)
    return {
        "lon": round(24.9008 + number % 17 * 0.0005, 6),
        "lat": round(60.1008 + number // 17 % 17 * 0.0005, 6),
        "datum": "wgs84",
    }


def soon(hours: float) -> str:
    """An instant from now on whose day every reader of the document takes (up to the 28th), and
    which is later than any of fewer `hours`."""
    now = datetime.now(UTC)
    while not now.day == (now + timedelta(days=1)).day - 1 < 28:  # near the end of a month
        now += timedelta(days=1)
    return (now + timedelta(hours=hours)).isoformat()


def fresh(stem: str) -> str:
    """A name that nobody has had in this run."""
    return f"{stem}-{next(_numbers)}"
