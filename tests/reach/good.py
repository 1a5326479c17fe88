"""One request that an operation carries out, and the table of who makes one for which operation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from tests.browser.town import Staff
from tests.reach.stage import Stage
from tocsin.web.permissions import CASE_ROLES, RULES

REFERENCES: Final = frozenset(
    {
        "task", "to", "report", "duplicate", "urge", "case", "case_id", "from_case", "to_case",
        "unit", "duty", "site", "area", "agency", "lead", "gateway", "owner", "keeper", "purpose",
        "case_type", "kind", "key", "token", "old", "login", "credential", "subject", "issuer",
        "version", "code", "work_order", "place", "post", "grants", "points", "route", "children",
        "reason", "status", "starts_at", "ends_at", "policy",
    }
)  # fmt: skip
"""Members of bodies that name something of the town: what is drawn at random names nothing."""


@dataclass
class Good:
    """A request that must be answered 2xx, by whom, once."""

    who: Staff
    path: dict[str, Any] = field(default_factory=dict[str, Any])
    body: Any = None
    query: dict[str, Any] = field(default_factory=dict[str, Any])
    cookies: dict[str, str] = field(default_factory=dict[str, str])
    media_type: str = "application/json"


Recipe = Callable[[Stage], Good]
RECIPES: Final[dict[str, Recipe]] = {}
READ_ONLY: Final[set[str]] = set()
"""Operations whose subject is as good after them as before: it is made once."""


def recipe(*operations: str) -> Callable[[Recipe], Recipe]:
    """Registers how the subject of these operations is made."""

    def register(made: Recipe) -> Recipe:
        for operation in operations:
            assert operation not in RECIPES, operation
            RECIPES[operation] = made
        return made

    return register


def person_for(stage: Stage, operation: str) -> Staff:
    """Somebody of the town who may."""
    rule = RULES[operation]
    if rule.scope == "open":
        return stage.nobody
    if not rule.roles or rule.roles & set(CASE_ROLES) and rule.scope != "county":
        return stage.all
    for role, staff in (
        ("administrator", stage.admin),
        ("security_administrator", stage.guard),
        ("audit_administrator", stage.audit),
    ):
        if role in rule.roles:
            return staff
    return stage.all


def good_for(stage: Stage, operation: str) -> Good:
    """A request that this operation must carry out."""
    made = RECIPES.get(operation)
    return made(stage) if made is not None else Good(person_for(stage, operation))
