"""What there is to be done with sessions, accounts, keys, proposals, and what is read of a town."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener, urlopen

from tests.browser.town import PASSWORD, Staff
from tests.reach.good import READ_ONLY, Good, person_for, recipe
from tests.reach.stage import Stage, fresh, place
from tests.web.authenticator import Authenticator

CASES = {"role": "dispatcher", "area": "county"}
KEEPER = {"role": "administrator", "area": "county"}
SUBJECT = "248289761001"


@recipe("problem.show")
def problem(stage: Stage) -> Good:
    return Good(stage.nobody, {"reason": "invalid"})


@recipe("pack.case_type")
def case_type(stage: Stage) -> Good:
    return Good(stage.all, {"code": "street-light-out"})


@recipe("pack.guess")
def guess(stage: Stage) -> Good:
    return Good(stage.all, {}, {"text": "The lamp is dark"})


@recipe("pack.explain")
def explain(stage: Stage) -> Good:
    return Good(stage.all, {}, {"case_type": "street-light-out", "place": place()})


@recipe("measure.cases")
def measure_cases(stage: Stage) -> Good:
    shown = stage.all.must("GET", "/api/measures")
    return Good(stage.all, {"code": shown["measures"][0]["code"]})


@recipe("log.proof")
def log_proof(stage: Stage) -> Good:
    return Good(person_for(stage, "log.proof"), query={"index": 0, "size": 1})


@recipe("log.tile")
def log_tile(stage: Stage) -> Good:
    return Good(person_for(stage, "log.tile"), {"level": 0, "number": 0})


READ_ONLY.update(
    {"problem.show", "pack.case_type", "pack.guess", "pack.explain", "measure.cases", "log.proof",
     "log.tile"}
)  # fmt: skip


# -- sessions


@recipe("session.login")
def login(stage: Stage) -> Good:
    stage.passer_by()
    return Good(stage.nobody, {}, {"login": stage.passer_by().login, "password": PASSWORD})


@recipe("session.password")
def password(stage: Stage) -> Good:
    made = stage.account(fresh("new"), CASES)
    return Good(stage.nobody, {}, {"token": made["link"].partition("#")[2], "password": PASSWORD})


@recipe("session.renew", "session.end_others", "session.logout")
def session_ends(stage: Stage) -> Good:
    return Good(stage.passer_by())


@recipe("session.end")
def session_end(stage: Stage) -> Good:
    who = stage.passer_by()
    second = Staff(stage.origin, who.login)
    second.enter("/api/login", {"login": who.login, "password": PASSWORD})
    other = next(s for s in who.must("GET", "/api/sessions")["sessions"] if not s["is_this"])
    return Good(who, {"session_id": other["id"]})


@recipe("account.password")
def account_password(stage: Stage) -> Good:
    return Good(stage.passer_by(), {}, {"old": PASSWORD, "new": "nine patient green herons"})


# -- passkeys


def _with_passkey(stage: Stage) -> tuple[Staff, Authenticator, str]:
    who, key = stage.passer_by(), Authenticator(stage.origin)
    body = {"name": "ring", "credential": key.make(who.must("POST", "/api/account/passkey-wish"))}
    return who, key, who.must("POST", "/api/account/passkeys", body)["passkey"]["id"]


@recipe("passkey.question")
def question(stage: Stage) -> Good:
    return Good(stage.nobody)


@recipe("passkey.wish")
def wish(stage: Stage) -> Good:
    return Good(stage.passer_by())


@recipe("passkey.sign_in")
def sign_in(stage: Stage) -> Good:
    _, key, _ = _with_passkey(stage)
    asked = stage.nobody.must("POST", "/api/passkeys/question")
    return Good(stage.nobody, {}, {"credential": key.sign(asked)})


@recipe("passkey.add")
def add(stage: Stage) -> Good:
    who = stage.passer_by()
    told = who.must("POST", "/api/account/passkey-wish")
    body = {"name": "ring", "credential": Authenticator(stage.origin).make(told)}
    return Good(who, {}, body)


@recipe("passkey.rename")
def rename(stage: Stage) -> Good:
    who, _, key = _with_passkey(stage)
    return Good(who, {"passkey_id": key}, {"name": "telephone"})


@recipe("passkey.remove")
def remove(stage: Stage) -> Good:
    who, _, key = _with_passkey(stage)
    return Good(who, {"passkey_id": key})


@recipe("account.end_passkey")
def end_passkey(stage: Stage) -> Good:
    who, _, key = _with_passkey(stage)
    return Good(stage.guard, {"account_id": who.me["account"], "passkey_id": key})


# -- the town's provider


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:
        return None


def _there(url: str) -> dict[str, str]:
    """What the provider sends the browser back with."""
    try:
        build_opener(_Stay).open(url, timeout=60)
    except Exception as answer:  # a redirect that is not followed
        where: Any = answer
        return dict(parse_qsl(urlsplit(where.headers["location"]).query))
    raise AssertionError("the provider sends nobody back")


@recipe("sign_on.begin")
def begin(stage: Stage) -> Good:
    return Good(stage.nobody)


@recipe("sign_on.return")
def come_back(stage: Stage) -> Good:
    tied = f"/api/accounts/{stage.passer_by().me['account']}/identities"
    stage.admin.ask("POST", tied, {"subject": SUBJECT})  # whoever asks the provider is that one
    path = f"{stage.origin}/api/sign-on"
    with urlopen(Request(path, b"", method="POST"), timeout=60) as answer:
        cookie = str(answer.headers["set-cookie"]).split(";", 1)[0].partition("=")
        url = json.loads(answer.read())["url"]
    return Good(stage.nobody, query=_there(url), cookies={cookie[0]: cookie[2]})


@recipe("identity.begin")
def identity_begin(stage: Stage) -> Good:
    return Good(stage.passer_by())


def _tied(stage: Stage) -> tuple[Staff, dict[str, str]]:
    """Somebody tied to a person of the provider."""
    who, subject = stage.passer_by(), fresh("subject")
    path = f"/api/accounts/{who.me['account']}/identities"
    stage.admin.must("POST", path, {"subject": subject})
    listed = stage.admin.must("GET", f"/api/accounts/{who.me['account']}/ways")["identities"]
    return who, {name: listed[0][name] for name in ("issuer", "subject")}


@recipe("identity.remove")
def identity_remove(stage: Stage) -> Good:
    who, tie = _tied(stage)
    return Good(who, {}, tie)


@recipe("account.identify")
def identify(stage: Stage) -> Good:
    who = stage.passer_by()
    return Good(stage.admin, {"account_id": who.me["account"]}, {"subject": fresh("subject")})


@recipe("account.unidentify")
def unidentify(stage: Stage) -> Good:
    who, tie = _tied(stage)
    return Good(stage.admin, {"account_id": who.me["account"]}, tie)


# -- accounts, keys, proposals


@recipe("account.create")
def account_create(stage: Stage) -> Good:
    return Good(stage.admin, {}, {"login": fresh("new"), "name": "New", "grants": [CASES]})


@recipe("account.show", "account.ways")
def account_show(stage: Stage) -> Good:
    return Good(stage.admin, {"account_id": stage.passer_by().me["account"]})


READ_ONLY.update({"account.show", "account.ways"})


@recipe("account.change")
def account_change(stage: Stage) -> Good:
    made = stage.account(fresh("new"), CASES)["account"]
    body = {"version": made["version"], "name": "Changed"}
    return Good(stage.admin, {"account_id": made["id"]}, body)


@recipe("account.link", "account.end_sessions")
def account_link(stage: Stage) -> Good:
    made = stage.account(fresh("new"), CASES)["account"]
    return Good(stage.admin, {"account_id": made["id"]})


def _key() -> dict[str, Any]:
    grants = [{"role": "call_taker", "area": "county"}]
    return {"name": fresh("sensors"), "scopes": ["reports:write"], "grants": grants}


@recipe("key.create")
def key_create(stage: Stage) -> Good:
    return Good(stage.admin, {}, _key())


@recipe("key.revoke")
def key_revoke(stage: Stage) -> Good:
    made = stage.admin.must("POST", "/api/keys", _key())
    return Good(stage.admin, {"key_id": made["key"]["id"]})


@recipe("proposal.grant", "proposal.decline")
def proposal(stage: Stage) -> Good:
    made = stage.account(fresh("new"), KEEPER)
    return Good(stage.guard, {"proposal_id": made["proposal"]})


@recipe("slowed.forget")
def slowed_forget(stage: Stage) -> Good:
    name = fresh("ghost")
    wrong, stranger = {"login": name, "password": "is not it"}, {"X-Forwarded-For": "10.9.8.7"}
    for _ in range(12):
        stage.nobody.ask("POST", "/api/login", wrong, headers=stranger)
    return Good(stage.guard, {}, {"login": name})


@recipe("errand.revive")
def revive(stage: Stage) -> Good:
    return Good(stage.admin, {}, {"key": stage.dead_errand()})
