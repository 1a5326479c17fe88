"""The closest unit, in the smallest town."""

from datetime import UTC, datetime

import numpy as np

from tocsin.dispatching.policies import POLICIES
from tocsin.dispatching.problem import CallNow, Need, Problem, UnitNow
from tocsin.kernel.shared import CaseId, UnitId

AT = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)


def test_the_nearer_engine_goes_and_the_stale_one_is_behind() -> None:
    problem = Problem(
        AT,
        (
            UnitNow(UnitId("E2"), "engine", ("engine",)),
            UnitNow(UnitId("E1"), "engine", ("engine",)),
            UnitNow(UnitId("E3"), "engine", ("engine",), position_age_s=900.0),
            UnitNow(UnitId("A1"), "ambulance", ("ambulance",)),
        ),
        (CallNow(CaseId("c1"), "building-fire", (Need("engine"),), target_s=240.0),),
        np.array([[190.0], [260.0], [30.0], [10.0]]),
    )
    advice = POLICIES["closest"](problem).of(CaseId("c1"))
    assert [(each.unit, each.time_s, each.standing) for each in advice.ranked] == [
        ("E2", 190.0, "sound"),
        ("E1", 260.0, "sound"),
        ("E3", 30.0, "stale"),
    ]
    assert [each.unit for each in advice.sent] == ["E2"]
