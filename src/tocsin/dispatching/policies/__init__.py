"""Policies: pure functions from a snapshot to a recommendation, found by name.

Whoever adds one adds its line here; the shared property tests then find it by themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from tocsin.dispatching.policies.closest import closest
from tocsin.dispatching.policies.coverage import coverage
from tocsin.dispatching.problem import Problem
from tocsin.dispatching.recommendation import Recommendation

Policy = Callable[[Problem], Recommendation]

POLICIES: Mapping[str, Policy] = MappingProxyType({"closest": closest, "coverage": coverage})

__all__ = ["POLICIES", "Policy"]
