"""Whether what is pressed once a week was pressed: the answer of each device to its last test."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, Literal, get_args

from tocsin.kernel.assets.state import Asset
from tocsin.kernel.shared import Instant

TestAnswer = Literal["answered", "waiting", "no_answer", "not_tested", "out_of_service"]
"""`answered`: within the days. `waiting`: it is on test now and was not pressed yet. `no_answer`:
it was put on test within the days and nothing came. `not_tested`: nobody tried."""
TEST_ANSWERS: Final[tuple[TestAnswer, ...]] = get_args(TestAnswer)
BAD: Final[tuple[TestAnswer, ...]] = ("no_answer", "not_tested")
"""What somebody has to go and see to."""


def answer_of(asset: Asset, days: int, now: Instant) -> TestAnswer:
    """How a device stands that is to be tested every so many days.

    What came after it was last put on test counts for that test; an answer without one (a press in
    a drill) counts as well. Nothing that is older than the days counts.
    """
    if asset.status == "out_of_service":
        return "out_of_service"
    since = now - timedelta(days=days)
    asked, told = asset.test_asked_at, asset.last_tested_at
    is_asked = asked is not None and asked > since
    if asked is not None and is_asked and (told is None or told < asked):
        return "waiting" if asset.is_on_test(now) else "no_answer"
    return "answered" if told is not None and told > since else "not_tested"


__all__ = ["BAD", "TEST_ANSWERS", "TestAnswer", "answer_of"]
