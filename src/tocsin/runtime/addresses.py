"""Who "the dispatchers" or "the tier above" are for one case: directory addresses of audiences.

An address is `role:<role>@<area>` or `agency:<agency>` or `agency_supervisor:<agency>`. Messages
are kept under addresses, never under persons, so that whoever is on duty reads them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from tocsin.geography.areas import Atlas
from tocsin.kernel.cases.react import Tell
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import TIERS, AgencyId, AreaId


def addresses(case: Case, tell: Tell) -> tuple[str, ...]:
    """The addresses of an audience. A case that has no agency yet tells the dispatchers instead
    of nobody: an escalation must reach someone."""
    assert case.areas is not None and case.ownership is not None, "a case lies somewhere"
    county = case.areas.county
    agency = tell.agency or case.lead
    owner = case.ownership.area
    dispatchers = f"role:dispatcher@{county}"
    match tell.audience:
        case "call_takers":
            return (f"role:call_taker@{county}",)
        case "dispatchers":
            return (dispatchers,)
        case "agency":
            return (f"agency:{agency}",) if agency else (dispatchers,)
        case "agency_supervisor":
            return (f"agency_supervisor:{agency}",) if agency else (f"role:supervisor@{county}",)
        case "owner":
            return (f"role:grid_worker@{owner}", f"role:dispatcher@{owner}")
        case "owner_supervisor":
            return (f"role:supervisor@{owner}",)
        case "tier_above":
            above = max(0, TIERS.index(case.ownership.tier) - 1)
            return (f"role:supervisor@{case.areas[above]}",)
        case "county_supervisor":
            return (f"role:supervisor@{county}",)
        case "verifiers":
            return tuple(f"role:verifier@{area}" for area in case.areas)
        case "evaluators":
            return (f"role:evaluator@{county}",)
        case "auditors":
            return (f"role:audit_administrator@{county}",)
        case "reporters":
            return tuple(f"report:{report.id}" for report in case.reports)
        case _:
            assert_never(tell.audience)


def audiences_of(
    roles: Iterable[str], areas: Iterable[AreaId], agency: AgencyId | None, atlas: Atlas
) -> tuple[str, ...]:
    """Every address that a member of staff reads: the roles over each area of the scope and all
    that lies below it, and the agency's own."""
    held = tuple(roles)
    reach: set[AreaId] = set()
    waiting = list(areas)
    while waiting:
        area = waiting.pop()
        if area not in reach:
            reach.add(area)
            waiting.extend(atlas.children(area))
    found = {f"role:{role}@{area}" for role in held for area in reach}
    if agency is not None:
        found.add(f"agency:{agency}")
        if "supervisor" in held:
            found.add(f"agency_supervisor:{agency}")
    return tuple(sorted(found))
