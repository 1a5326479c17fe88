"""What a town's day leaves behind, each text of it hostile: a case worked from end to end, devices
and their alarms looked after, units and accounts changed, and all that is asked by words."""

from __future__ import annotations

import base64
import io
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, urlencode

from PIL import Image

from tests.browser.payloads import PAYLOADS, packed
from tests.browser.school import school
from tests.browser.town import HOME, Town

PACK = Path("packs")
SHORT = next(each for each in PAYLOADS if 20 < len(each) <= 40)
NAMELIKE = "${hit()}"
"""Has the form of a name of something."""


def hostile_pack(folder: Path) -> Path:
    """The county's pack, in which every agency, group and pothole is called by payloads."""
    made = folder / "packs" / "county"
    shutil.copytree(PACK, folder / "packs")
    turn = iter(PAYLOADS * 4)
    for file, key in ((made / "pack.toml", "name"), (made / "types" / "pothole.toml", "title")):
        lines = file.read_text("utf-8").splitlines()
        told = [f"{key} = {_both(turn)}" if each.startswith(f"{key} = {{") else each
                for each in lines]  # fmt: skip
        assert told != lines
        file.write_text("\n".join(told) + "\n", "utf-8")
    return made


def _both(turn: Iterator[str]) -> str:
    """A text in both languages, as TOML has it."""
    texts = [next(turn).replace("\\", "\\\\").replace('"', '\\"') for _ in range(2)]
    return f'{{ en = "{texts[0]}", zh-CN = "{texts[1]}" }}'


def soon(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


def photo() -> str:
    made = io.BytesIO()
    Image.new("RGB", (64, 48), "grey").save(made, "JPEG")
    return base64.b64encode(made.getvalue()).decode()


class Everyday:
    """Fills what `Poisoned` leaves out. `case` was worked to its end, `device` is looked after."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.desk, self.chief = town.person("dispatcher"), town.person("supervisor")
        self.long = next(packed(9_000))
        (self.line, self.name) = (next(packed(limit, " ")) for limit in (190, 110))
        self.case = self._worked()
        self.device = self._looked_after()
        self._alarms()
        self._people_and_units()
        self._asked()

    def _worked(self) -> str:
        taker, long = self.town.person("call_taker"), self.long
        told = taker.report("neighbour-dispute", long, answers={"wish": [self.line]}, consent=True)
        case, report, code = told["case_id"], told["report_id"], told["code"]
        self.desk.act(case, "accept", {"note": long})
        asked = {"report": report, "text": long}
        self.desk.act(case, "ask_reporter", asked)
        self.desk.act(case, "answer_question", {"text": long})
        self.desk.act(case, "ask_reporter", asked)
        self.town.admin.must("POST", f"/api/receipts/{code}/answer", {"text": long})
        for verb, body in (("file", {}), ("dispatch", {"reason": "routine"})):
            self.desk.act(case, verb, body)
        self.desk.act(case, "urge", {"level": 1, "reason": "slow"})
        urge = self.desk.case(case)["urges"][0]["id"]
        self.desk.act(case, "answer_urge", {"urge": urge, "text": long})
        tasks = self.desk.case(case)["tasks"]
        for task in tasks:
            crew = self.town.person("agency_handler", agency=task["agency"])
            for verb in ("acknowledge_task", "start_task"):
                crew.act(case, verb, {"task": task["id"]})
            done = {"task": task["id"], "note": long, "photos": [photo()]}
            crew.act(case, "claim_task_done", done)
        seen = {"disposition": "settled", "photos": [photo()]}
        self.chief.ask("POST", f"/api/cases/{case}/verify", seen)
        said = {"solved": True, "treated_well": True, "comment": long}
        self.desk.ask("POST", f"/api/cases/{case}/give-feedback", {"report": report, **said})
        self.town.admin.ask("POST", f"/api/receipts/{code}/feedback", said)
        return case

    def _looked_after(self) -> str:
        place = {"lon": HOME[0] + 0.003, "lat": HOME[1] + 0.003}
        texts = {"name": self.name, "keeper": self.name, "owner": self.name, "model": self.name}
        body = {"kind": "panel", "area": self.town.county, "place": place, "documents": [self.name]}
        wire = {"source": "signed-json", "address": f"school/{self.line[:180]}"}
        admin, chief = self.town.admin, self.chief
        device = admin.must("POST", "/api/assets", {**texts, **body, "wires": [wire]})["id"]
        changed = {**texts, "documents": [self.name]}
        admin.must("PATCH", f"/api/assets/{device}", changed)
        path = f"/api/assets/{device}"
        chief.must("POST", f"{path}/work-order", {"reason": self.line})
        hours = {"starts_at": soon(1), "ends_at": soon(3)}
        chief.must("POST", f"{path}/plan-work", {"reason": self.line, **hours})
        order = self.town.person("call_taker").report("pothole")["case_id"]
        chief.must("POST", f"{path}/take-out", {"work_order": order, "reason": self.line})
        return device

    def _alarms(self) -> None:
        chief, reason = self.chief, {"reason": self.line}
        bell, button = (school(self.town, "Bell", model=self.name) for _ in range(2))
        for made, kind in ((bell, "smoke"), (button, "intrusion")):
            made.press("Bell", kind)
        chief.must(
            "POST", f"/api/alarms/{bell.alarm('Bell')['id']}/shelve", {"for_s": 600} | reason
        )
        alarm = button.alarm("Bell")["id"]
        chief.ask("POST", f"/api/alarms/{alarm}/cancel", {"code": self.line[:60]})
        chief.ask("POST", f"/api/alarms/{alarm}/reset", reason)
        exercise = school(self.town, "Gate")
        chief.must("POST", "/api/drills", {"site": exercise.site, "for_s": 1_800} | reason)
        exercise.press("Gate", "panic")
        path = f"/api/alarms?which=all&asset={exercise.buttons['Gate']}"
        drilled = chief.must("GET", path)["alarms"][0]["id"]
        chief.must("POST", f"/api/alarms/{drilled}/declare-real", reason)

    def _people_and_units(self) -> None:
        admin, county = self.town.admin, self.town.county
        grants = [{"role": "dispatcher", "area": county, "agency": None}]
        key = {"name": self.name[:100], "scopes": ["cases:read"], "grants": grants}
        admin.must("POST", "/api/keys", key)
        body = {"login": "renamed.x", "name": "Plain", "language": "en", "grants": grants}
        made = admin.must("POST", "/api/accounts", body)
        named = {"name": self.name[:100], "version": made["account"]["version"]}
        admin.must("PATCH", f"/api/accounts/{made['account']['id']}", named)
        admin.ask("POST", "/api/accounts", body | {"login": SHORT})
        about = {"area": county, "kind": "engine", "post": {"lon": HOME[0], "lat": HOME[1]}}
        agency = self.desk.case(self.case)["lead"]
        unit = admin.must("POST", "/api/units", {**about, "name": "Plain", "agency": agency})["id"]
        admin.must("POST", f"/api/units/{unit}/change", {**about, "name": SHORT})
        self.desk.must("POST", f"/api/units/{unit}/start-duty", {})
        said = {"status": NAMELIKE, "case": self.case}
        self.desk.ask("POST", f"/api/units/{unit}/report-status", said)
        handler = self.town.person("agency_handler", agency=agency)
        handler.must("POST", f"/api/units/{unit}/plan-duty",
                     {"starts_at": soon(30), "ends_at": soon(38)})  # fmt: skip

    def _asked(self) -> None:
        """What is looked up, compared or taken back by words, and is not there."""
        admin, desk = self.town.admin, self.desk
        guard = self.town.person("security_administrator")
        place = {"lon": HOME[0], "lat": HOME[1]}
        desk.must("POST", "/api/guess", {"text": self.long})
        told = {"case_type": "neighbour-dispute", "place": place, "answers": {"wish": [self.line]}}
        desk.must("POST", "/api/explain", told)
        desk.must("POST", "/api/likely", {"text": self.long, "place": place})
        desk.must("GET", f"/api/places?{urlencode({'q': self.line[:180]})}")
        desk.ask("GET", f"/api/inbox?{urlencode({'after': self.line})}")
        admin.ask("GET", f"/api/accounts?{urlencode({'after': SHORT})}")
        admin.ask("POST", "/api/errands/revive", {"key": self.line})
        admin.ask("POST", "/api/login", {"login": SHORT, "password": self.line})
        guard.ask("POST", "/api/slowed/forget", {"login": SHORT})
        tie = {"issuer": self.line, "subject": self.line}
        me = admin.me["account"]
        for path in ("/api/account/identities/end", f"/api/accounts/{me}/identities/end"):
            admin.ask("POST", path, tie)
        admin.ask("POST", f"/api/accounts/{me}/identities", {"subject": self.line})
        back = {"state": self.line, "code": self.line, "iss": self.line}
        admin.ask("GET", f"/api/sign-on/return?{urlencode(back, quote_via=quote)}")
