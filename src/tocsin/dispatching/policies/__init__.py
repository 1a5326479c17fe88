"""Policies: pure functions from a snapshot to a recommendation, found by name.

Whoever adds one adds its line here; the shared property tests then find it by themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from tocsin.dispatching.policies.closest import closest
from tocsin.dispatching.policies.coverage import Weights, coverage
from tocsin.dispatching.problem import Problem
from tocsin.dispatching.recommendation import Recommendation

Policy = Callable[[Problem], Recommendation]

POLICIES: Mapping[str, Policy] = MappingProxyType({"closest": closest, "coverage": coverage})


def repeated(
    problem: Problem, policy: str, parameters: Mapping[str, float], *, is_exact: bool
) -> Recommendation:
    """The answer of a policy by name with kept parameters. KeyError for an unknown policy."""
    if policy == "coverage":
        return coverage(problem, Weights(**parameters), is_exact=is_exact)
    return _WITHOUT_PARAMETERS[policy](problem, is_exact=is_exact)


_WITHOUT_PARAMETERS: Mapping[str, Callable[..., Recommendation]] = {"closest": closest}

__all__ = ["POLICIES", "Policy", "repeated"]
