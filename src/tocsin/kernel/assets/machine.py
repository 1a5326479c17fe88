"""The machine of an asset as data: which command from which status, and what each event makes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, get_args

from tocsin.kernel import machines
from tocsin.kernel.assets import vocabulary as words
from tocsin.kernel.assets.state import AssetStatus

LIVE: Final[tuple[AssetStatus, ...]] = ("in_service", "on_test", "out_of_service")
THERE: Final[tuple[AssetStatus, ...]] = ("found", *LIVE)


Rule = machines.Rule[AssetStatus, words.Command, words.Event]
Step = machines.Step[AssetStatus, words.Event]

COMMON_REASONS: Final = ("asset_unknown", "asset_not_ready", "not_your_asset")
_DESCRIBING: Final = ("asset_kind_unknown", "asset_wire_taken", "asset_circle", "bad_value")

_RULES: Final = (
    Rule(
        words.AddAsset,
        ("absent", "found"),
        (words.AssetAdded,),
        reasons=("asset_exists", *_DESCRIBING),
    ),
    Rule(words.FindAsset, ("absent",), (words.AssetFound,), repeats=(*THERE, "retired")),
    Rule(words.ChangeAsset, LIVE, (words.AssetChanged,), reasons=_DESCRIBING),
    Rule(
        words.StartAssetTest,
        ("in_service", "on_test"),
        (words.AssetTestStarted,),
        reasons=("test_too_long",),
    ),
    Rule(
        words.EndAssetTest,
        ("on_test",),
        (words.AssetTestEnded,),
        repeats=("in_service", "out_of_service"),
    ),
    Rule(
        words.TakeAssetOutOfService,
        ("in_service", "on_test"),
        (words.AssetTestEnded, words.AssetTakenOut),
        repeats=("out_of_service",),
        reasons=("work_order_needed", "reason_needed"),
    ),
    Rule(
        words.ReturnAssetToService,
        ("out_of_service",),
        (words.AssetReturned,),
        repeats=("in_service", "on_test"),
    ),
    Rule(
        words.PlanAssetWork,
        LIVE,
        (words.AssetWorkPlanned,),
        reasons=("window_invalid", "too_many_windows", "reason_needed"),
    ),
    Rule(
        words.ShelveAssetKind,
        THERE,
        (words.AssetKindShelved,),
        reasons=("shelf_not_allowed", "shelf_too_long", "reason_needed"),
    ),
    Rule(words.UnshelveAssetKind, THERE, (words.AssetKindUnshelved,), repeats=("retired",)),
    Rule(words.RecordAssetTest, LIVE, (words.AssetTested,), repeats=("absent", "found", "retired")),
    Rule(
        words.StartAssetDrill,
        LIVE,
        (words.AssetDrillStarted,),
        reasons=("drill_too_long", "drill_other", "reason_needed"),
    ),
    Rule(words.EndAssetDrill, THERE, (words.AssetDrillEnded,), repeats=("retired",)),
    Rule(words.RetireAsset, THERE, (words.AssetRetired,), repeats=("retired",)),
    Rule(
        words.WakeAsset,
        THERE,
        (words.AssetTestEnded, words.AssetKindUnshelved, words.AssetDrillEnded),
        repeats=("absent", "retired"),
    ),
)

_STEPS: Final = (
    Step(words.AssetAdded, "in_service"),
    Step(words.AssetFound, "found"),
    Step(words.AssetChanged),
    Step(words.AssetTestStarted, "on_test"),
    Step(words.AssetTestEnded, "in_service"),
    Step(words.AssetTested),
    Step(words.AssetTakenOut, "out_of_service"),
    Step(words.AssetReturned, "in_service"),
    Step(words.AssetWorkPlanned),
    Step(words.AssetKindShelved),
    Step(words.AssetKindUnshelved),
    Step(words.AssetDrillStarted),
    Step(words.AssetDrillEnded),
    Step(words.AssetRetired, "retired"),
)

RULES: Final = {rule.command: rule for rule in _RULES}
STEPS: Final = {step.event: step for step in _STEPS}

Edge = tuple[AssetStatus, str, AssetStatus]


def edges() -> Iterator[Edge]:
    """(from, event, to) wherever an event may change the status."""
    yield from machines.edges_of(RULES, STEPS)


def lint() -> list[str]:
    """Every defect of the tables in words; an empty list means sound."""
    every = tuple(edges())
    return [
        *machines.defects(get_args(AssetStatus), "retired", RULES, STEPS, every),
        *machines.wrong_reasons(RULES, COMMON_REASONS, words.REASONS),
    ]


__all__ = ["COMMON_REASONS", "LIVE", "RULES", "STEPS", "THERE", "edges", "lint"]
