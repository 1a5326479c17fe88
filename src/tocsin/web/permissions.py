"""The one policy table: who may do what, where. Every check of the web rim comes from here.

`RULES` has one row for each operation (the `operation_id` of its route); a route without a row
does not start. `admit` decides what can be said before anything is read, `reach` what depends on
where a case lies and which agencies have a part in it. Both are pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from tocsin.kernel.shared import Actor, ActorId, ActorKind, AgencyId, AreaId, Refused
from tocsin.runtime.accounts import ROLES, Grant, KeyScope, Role
from tocsin.runtime.onlooking import NO_AREA, NOBODY, Onlooker
from tocsin.runtime.sight_ports import Need

Scope = Literal["open", "account", "role", "county", "place", "case", "unit", "device"]
"""open: nobody signs in · account: anyone signed in · role: a listed role anywhere · county: a
listed role over a whole county · place: a listed role over the place in question, for whichever
agency · case: a listed role that reaches the case in question · unit: a listed role that reaches
the home area and the agency of the unit in question · device: a listed role that reaches the
areas, the owner or the keeper of the asset or alarm in question."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: an account with its session, or an API key."""

    id: ActorId
    kind: ActorKind
    grants: tuple[Grant, ...]
    scopes: frozenset[KeyScope] = frozenset()
    language: str = "en"
    session: str | None = None
    csrf: str | None = None
    is_renewal_due: bool = False
    """The account has rights that this session's token does not carry yet."""
    is_fresh: bool = False
    """Signed in just now, so that the ways in may be changed."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row. `key` is the scope with which an API key may do it, None for never."""

    operation: str
    scope: Scope
    roles: frozenset[Role] = frozenset()
    key: KeyScope | None = None
    writes: bool = False
    limited: bool = False
    """Anonymous calls of it count against the address."""


CT: Final[Role] = "call_taker"
D: Final[Role] = "dispatcher"
G: Final[Role] = "grid_worker"
H: Final[Role] = "agency_handler"
V: Final[Role] = "verifier"
S: Final[Role] = "supervisor"
E: Final[Role] = "evaluator"
AR: Final[Role] = "arbiter"
AD: Final[Role] = "administrator"
SA: Final[Role] = "security_administrator"
AU: Final[Role] = "audit_administrator"
CASE_ROLES: Final[tuple[Role, ...]] = (CT, D, G, H, V, S, E, AR)
"""All who work with cases. Administrators keep the accounts, auditors look at who looked; neither
reads a case."""

VERBS: Final[Mapping[str, tuple[Role, ...]]] = {
    "accept": (CT, D, G, S),
    "refuse": (CT, D, S),
    "file": (CT, D, S),
    "dispatch": (CT, D, S),
    "triage": (CT, D, S),
    "void": (D, S),
    "add_task": (D, S),
    "cancel_task": (D, S),
    "acknowledge_task": (H, G, D, S),
    "assign_task": (H, D, S),
    "start_task": (H, G, D, S),
    "claim_task_done": (H, G, D, S),
    "return_task": (H, D, S),
    "arbitrate": (AR,),
    "verify": (V, G, S),
    "fail_check": (V, G, S),
    "ask_reporter": (CT, D, G, H, V, S),
    "answer_question": (CT, D, G, H, S),
    "withdraw_question": (CT, D, G, H, V, S),
    "request_hold": (H, S),
    "decide_hold": (D, S),
    "end_hold": (H, D, S),
    "request_extension": (H, S),
    "decide_extension": (D, S),
    "reopen": (D, V, S),
    "give_feedback": (CT, D, S),
    "set_consent": (CT, D, S),
    "publish": (D, S),
    "add_note": CASE_ROLES,
    "correct_place": (CT, D, G, S),
    "evaluate": (E,),
    "appeal_evaluation": (H, S),
    "decide_appeal": (E, S),
    "report_up": (G, D, S),
    "hand_down": (D, S),
    "take_over": (G, D, S),
    "decline_ownership": (G, D, S),
    "urge": (D, S),
    "answer_urge": (H, D, G, S),
    "merge": (CT, D, S),
    "unmerge": (CT, D, S),
    "split": (D, S),
    "attach_report": (CT, D, G, S),
}
"""Who may send which command to a case they reach; the kernel has the last word on each."""

UNIT_VERBS: Final[Mapping[str, tuple[Role, ...]]] = {
    "start_duty": (H, G, D, S),
    "end_duty": (H, G, D, S),
    "report_status": (H, G, D, S),
    "send": (D, S),
    "stack": (D, S),
    "recall": (D, S),
    "redispatch": (D, S),
    "move": (D, S),
}
"""Who may ask what of a unit they reach. Cases that they name must be in reach as well."""

ALARM_VERBS: Final[Mapping[str, tuple[Role, ...]]] = {
    "acknowledge": (CT, D, G, H, S),
    "shelve": (CT, D, G, H, S),
    "unshelve": (CT, D, G, H, S),
    "reset": (D, H, S),
    "verify": (CT, D, G, S),
    "cancel": (CT, D, S),
    "declare_real": (CT, D, G, H, S),
}
"""Who may ask what of an alarm they reach. How long each role may shelve is in the pack."""

ASSET_VERBS: Final[Mapping[str, tuple[Role, ...]]] = {
    "start_test": (D, H, S),
    "end_test": (D, H, S),
    "take_out": (D, H, S),
    "return": (D, H, S),
    "plan_work": (D, H, S),
    "work_order": (D, G, H, S),
}
"""Who may ask what of an asset they reach."""

PURPOSES: Final[Mapping[str, tuple[Role, ...]]] = {
    "handling": (CT, D, G, H),
    "contact_reporter": (CT, D, G, H),
    "verification": (V, G, S),
    "duplicate_check": (CT, D, S),
    "supervision": (S,),
    "arbitration": (AR,),
    "evaluation": (E,),
    "redaction": (D, S),
}
"""For what sealed values may be opened, and by whom. The purpose is kept with the permit."""

SECONDS: Final[Mapping[Need, tuple[Role, ...]]] = {
    "broad": (S, D),
    "sensitive": (S,),
    "contact": (S,),
    "closed": (S, D),
    "break_glass": (S, D),
}
"""Who may be the second person, by why one is needed. Never the asker: the database sees to it."""


def _ways_in(row: Callable[..., Rule], write: Callable[..., Rule]) -> Iterable[Rule]:
    """Signing in, one's own account, and what the three administrators do, each their own."""
    # No allowance of the anonymous: signing in has its own, which spare whom the town knows.
    for name in ("session.login", "passkey.question", "passkey.sign_in", "sign_on.begin"):
        yield Rule(name, "open", writes=True)
    for name in ("session.first", "session.password"):
        yield write(name, "open")
    yield row("sign_in.ways", "open")
    yield Rule("sign_on.return", "open", limited=True)
    for name in ("session.show", "session.list", "passkey.list", "identity.list"):
        yield row(name, "account")
    for name in ("session.logout", "session.end", "session.end_others", "session.renew"):
        yield write(name, "account")
    yield write("account.password", "account")
    for name in ("passkey.wish", "passkey.add", "passkey.rename", "passkey.remove"):
        yield write(name, "account")
    for name in ("identity.begin", "identity.remove"):
        yield write(name, "account")
    for name in ("account.list", "account.show", "account.changes", "key.list", "proposal.list"):
        yield row(name, "county", (AD, SA, AU))
    yield row("account.ways", "county", (AD, SA, AU))
    for name in ("account.create", "account.change", "account.link", "key.create"):
        yield write(name, "county", (AD,))
    yield write("account.identify", "county", (AD,))
    # To take away a way in, a session or a key is safe in either hand.
    for name in ("account.end_sessions", "key.revoke", "account.unidentify"):
        yield write(name, "county", (AD, SA))
    for name in ("proposal.grant", "proposal.decline"):
        yield write(name, "county", (AD, SA))
    yield row("slowed.list", "county", (SA,))
    for name in ("slowed.forget", "account.end_passkey"):
        yield write(name, "county", (SA,))


def _rows() -> Iterable[Rule]:
    def row(
        operation: str, scope: Scope, roles: Sequence[Role] = (), key: KeyScope | None = None
    ) -> Rule:
        return Rule(operation, scope, frozenset(roles), key)

    def write(
        operation: str, scope: Scope, roles: Sequence[Role] = (), key: KeyScope | None = None
    ) -> Rule:
        return Rule(operation, scope, frozenset(roles), key, writes=True, limited=scope == "open")

    for name in ("openapi", "health.live", "health.ready", "metrics", "problem.show"):
        yield row(name, "open")
    yield Rule("receipt.show", "open", limited=True)
    for verb in ("feedback", "answer", "consent"):
        yield write(f"receipt.{verb}", "open")
    yield from _ways_in(row, write)
    for name in ("pack.show", "pack.case_types", "pack.case_type", "area.tree", "area.geojson",
                 "agency.list", "words.list"):  # fmt: skip
        yield row(name, "account", key="cases:read")
    yield row("pack.guess", "role", (CT, D, G, S), "reports:write")
    yield row("place.search", "role", (CT, D, G, S), "reports:write")
    # A crew is told where it goes as people would say it.
    yield row("place.near", "role", (CT, D, G, H, S), "reports:write")
    yield row("pack.explain", "role", (CT, D, G, S), "cases:read")
    yield write("report.create", "place", (CT, D, G), "reports:write")
    yield write("report.upload", "place", (CT, D, G), "reports:write")
    for name in ("case.list", "case.count", "board.list", "live"):
        yield row(name, "role", CASE_ROLES, "cases:read")
    yield row("history.show", "role", (D, S, E), "cases:read")
    yield row("case.likely", "role", (CT, D, G, S))
    yield row("task.list", "role", (H, S), "cases:read")
    for name in ("coverage.show", "ring.show", "dispatch.moves", "road.changes"):
        yield row(name, "role", (D, S), "cases:read")
    for name in ("road.change", "road.take_back"):
        yield write(name, "role", (D, S))
    yield row("case.advice", "case", (D, S), "cases:read")
    for name in ("case.show", "case.journal", "case.why", "case.story"):
        yield row(name, "case", CASE_ROLES, "cases:read")
    yield row("case.actions", "case", CASE_ROLES)
    yield row("case.colleagues", "case", CASE_ROLES)
    yield write("case.presence", "case", CASE_ROLES)
    yield row("case.duplicates", "case", (CT, D, S), "cases:read")
    yield Rule("case.open_sealed", "case", frozenset(CASE_ROLES), "sealed:read", writes=True)
    yield Rule("case.thread", "case", frozenset(CASE_ROLES), "cases:read")
    for verb, roles in VERBS.items():
        yield write(f"case.{verb}", "case", roles, "cases:write")
    yield row("unit.show", "unit", (*CASE_ROLES, AD), "cases:read")
    yield row("unit.alerts", "unit", (H, G, D, S), "cases:read")
    for verb, roles in UNIT_VERBS.items():
        yield write(f"unit.{verb}", "unit", roles, "cases:write")
    for name in ("roster.plan", "roster.drop"):
        yield write(name, "unit", (H, D, S, AD))
    for name in ("unit.list", "roster.show", "alarm.list", "asset.list", "asset.export",
                 "asset.health"):  # fmt: skip
        yield row(name, "role", (*CASE_ROLES, AD), "cases:read")
    for name in ("alarm.scorecard", "alarm.behind", "alarm.nights", "alarm.table"):
        yield row(name, "role", (D, S, E), "measures:read")
    yield row("alarm.sources", "role", (D, S, E), "measures:read")
    for name in ("alarm.show", "asset.show", "asset.upkeep", "asset.label"):
        yield row(name, "device", (*CASE_ROLES, AD), "cases:read")
    for verb, roles in ALARM_VERBS.items():
        yield write(f"alarm.{verb}", "device", roles, "cases:write")
    for verb, roles in ASSET_VERBS.items():
        yield write(f"asset.{verb}", "device", roles, "cases:write")
    yield row("asset.history", "device", (*CASE_ROLES, AD), "cases:read")
    yield write("asset.code", "device", (S, AD))
    for name in ("drill.list", "button_test.report", "button_test.export"):
        yield row(name, "role", (*CASE_ROLES, AD), "cases:read")
    for name in ("drill.start", "drill.end"):
        yield write(name, "device", (D, S))
    for name in ("asset.create", "asset.change", "asset.import", "asset.retire"):
        yield write(name, "county", (AD,))
    for name in ("unit.create", "unit.change", "unit.key", "unit.end_key"):
        yield write(name, "county", (AD,))
    for name in ("measure.list", "measure.cases"):
        yield row(name, "role", (D, S, E), "measures:read")
    yield row("inbox.list", "role", (*CASE_ROLES, AU), "cases:read")
    yield row("sight.broken", "account")
    yield row("sight.asks", "role", (*CASE_ROLES, AU))
    yield write("case.ask_sight", "case", CASE_ROLES)
    for name in ("sight.break_glass", "sight.open", "sight.end"):
        yield write(name, "role", CASE_ROLES)
    for name in ("sight.approve", "sight.deny"):
        yield write(name, "role", (D, S))
    yield row("sight.records", "county", (AU,))
    # Who publishes also says what is published; at the case, only its lead agency.
    yield row("redaction.list", "role", (D, S))
    for name in ("redaction.open", "redaction.decide", "redaction.photo"):
        yield write(name, "case", (D, S))
    yield row("hold.list", "case", (D, S, AU))
    yield row("hold.index", "role", (S, AU))  # who places or answers holds
    yield write("hold.place", "case", (S,))
    for name in ("hold.confirm", "hold.deny", "hold.end"):
        yield write(name, "case", (S, AU))
    yield row("errand.dead", "county", (AD, S))
    yield write("errand.revive", "county", (AD,))
    yield Rule("log.checkpoint", "open", limited=True)
    for name in ("log.proof", "log.tile"):
        yield row(name, "role", (S, AD, AU), "cases:read")


RULES: Final[Mapping[str, Rule]] = {rule.operation: rule for rule in _rows()}

Above = Callable[[AreaId], Sequence[AreaId]]
"""The areas an area is part of, up to its county (`Atlas.parents`)."""


def admit(rule: Rule, principal: Principal | None, above: Above) -> Refused | None:
    """What can be refused before a case is known: `sign_in_needed`, `role_missing`,
    `key_scope_missing`. `above` tells a county (nothing above it) from the rest."""
    if rule.scope == "open":
        return None
    if principal is None:
        return Refused("sign_in_needed", "")
    if principal.kind == "integration" and (rule.key is None or rule.key not in principal.scopes):
        needs = rule.key or "a person; no key may do it"
        return Refused("key_scope_missing", f"needs {needs}")
    if rule.scope == "account":
        return None
    held = [grant for grant in principal.grants if grant.role in rule.roles]
    if rule.scope == "county":
        held = [grant for grant in held if grant.agency is None and not above(grant.area)]
    if not held:
        return Refused("role_missing", f"needs one of {', '.join(sorted(rule.roles))}")
    return None


def covers(grant: Grant, areas: Sequence[AreaId], agencies: Iterable[AgencyId]) -> bool:
    """Whether a grant reaches a case that lies in `areas` with these agencies at work."""
    return grant.area in areas and (grant.agency is None or grant.agency in agencies)


def reach(
    rule: Rule, principal: Principal, areas: Sequence[AreaId], agencies: Sequence[AgencyId]
) -> Actor | Refused:
    """The actor as whom the kernel sees the principal at this case: only with the roles whose
    grants reach it. Refused as `outside_scope` when none of the rule's roles does."""
    if rule.scope == "place":
        agencies = tuple(grant.agency for grant in principal.grants if grant.agency is not None)
    near = [grant for grant in principal.grants if covers(grant, areas, agencies)]
    if not any(grant.role in rule.roles for grant in near):
        return Refused("outside_scope", "your roles do not reach it")
    agency = next((grant.agency for grant in near if grant.agency is not None), None)
    roles = tuple(role for role in ROLES if any(grant.role == role for grant in near))
    return Actor(principal.id, principal.kind, roles, agency)


def onlooker_of(rule: Rule, principal: Principal | None, county: AreaId | None = None) -> Onlooker:
    """What the database may show: as `reach` says; with the `county`, also what lies nowhere."""
    if principal is None:
        return NOBODY
    held = [(grant.area, grant.agency) for grant in principal.grants if grant.role in rule.roles]
    held += [(NO_AREA, agency) for area, agency in held if area == county]
    areas = frozenset(area for area, agency in held if agency is None)
    return Onlooker(areas, frozenset((area, each) for area, each in held if each is not None))


def may_open_for(purpose: str, actor: Actor) -> bool:
    """Whether a purpose exists and one of the actor's roles has it."""
    return any(role in PURPOSES.get(purpose, ()) for role in actor.roles)


def role_for(purpose: str, actor: Actor) -> str:
    """The role in which the actor has the purpose; the first one where none of them has."""
    having = [role for role in actor.roles if role in PURPOSES.get(purpose, ())]
    return (having or list(actor.roles) or [""])[0]


def second_role(needs: Sequence[Need], actor: Actor) -> str | None:
    """The role in which the actor may be the second person for all of it, or None."""
    fit = [role for role in actor.roles if all(role in SECONDS[need] for need in needs)]
    return fit[0] if fit else None


__all__ = [
    "ALARM_VERBS",
    "ASSET_VERBS",
    "PURPOSES",
    "RULES",
    "SECONDS",
    "UNIT_VERBS",
    "VERBS",
    "Principal",
    "Rule",
    "admit",
    "covers",
    "onlooker_of",
    "reach",
    "role_for",
    "second_role",
]
