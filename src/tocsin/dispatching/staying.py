"""When a busy unit will be free: the median of what is left, given how long it is at it already.

A stay is taken as log-normal with the median and the 90th percentile that a town gives it. Let S be
the share of stays longer than t. Of those that have lasted `elapsed_s`, half are over at t with
S(t) = S(elapsed) / 2, so the median of what is left is

    exp(mu + sigma * z(1 - S(elapsed) / 2)) - elapsed
    with mu = ln median, sigma = ln(p90 / median) / z(0.9)

and z the quantile of the standard normal distribution. A scene that has lasted long is likely to
last: what is left grows again, as it does in logs of scenes, and no unit is promised for "now".
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, isfinite, log
from statistics import NormalDist
from typing import Final

from tocsin.dispatching.eta import Z90
from tocsin.dispatching.problem import UnitStatus
from tocsin.packs.stays import Stay, stay_of

NORMAL: Final = NormalDist()
BEYOND: Final = 1e-3
"""A stay that fewer than one in a thousand outlast is another matter (a crew forgot its button):
then nobody says when it ends."""
USUAL_SHARE: Final = 50
"""Percent of calls from which on a stage is counted: the middle one of them has it."""


def remaining_s(stay: Stay, elapsed_s: float) -> float | None:
    """The median of the seconds that are left of a stay; None where it lasts beyond all measure.
    Without spread (the 90th percentile is the median) it ends at its median; after that nobody can
    say."""
    sigma = log(stay.p90_s / stay.median_s) / Z90
    if sigma == 0.0:
        return stay.median_s - elapsed_s if elapsed_s < stay.median_s else None
    if elapsed_s <= 0.0:
        return float(stay.median_s)
    mu = log(stay.median_s)
    outlast = 1.0 - NORMAL.cdf((log(elapsed_s) - mu) / sigma)
    if outlast < BEYOND:
        return None
    return max(0.0, exp(mu + sigma * NORMAL.inv_cdf(1.0 - outlast / 2.0)) - elapsed_s)


def free_in_s(
    stays: Sequence[Stay],
    kind: str,
    status: UnitStatus,
    elapsed_s: float,
    way_s: float | None,
) -> float | None:
    """Whole seconds until a unit is clear of its case; None while nobody can say.

    The median of what is left of its stage, then the medians of the stages that follow as a rule:
    turnout, the way (`way_s`, where it is known), scene, transport. A sum of medians, which is a
    little less than the median of the sum.
    """
    scene, transport = (stay_of(stays, kind, stage) for stage in ("on_scene", "transporting"))
    after_s = 0.0
    if transport is not None and transport.share >= USUAL_SHARE:
        after_s = float(transport.median_s)
    left_s: float | None = None
    if status == "transporting" and transport is not None:
        left_s = remaining_s(transport, elapsed_s)
    elif status == "on_scene" and scene is not None:
        rest_s = remaining_s(scene, elapsed_s)
        left_s = None if rest_s is None else rest_s + after_s
    elif status in ("dispatched", "en_route") and scene is not None:
        turnout = stay_of(stays, kind, "turnout")
        before_s: float | None = 0.0
        if status == "dispatched" and turnout is not None:
            before_s = remaining_s(turnout, elapsed_s)
        if before_s is not None and way_s is not None and isfinite(way_s):
            left_s = before_s + way_s + scene.median_s + after_s
    return None if left_s is None else float(round(left_s))
