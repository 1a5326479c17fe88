"""Every rule about what may happen next to an asset, entered here by the command's type."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from tocsin.kernel.assets import vocabulary as words
from tocsin.kernel.assets.evolve import evolve
from tocsin.kernel.assets.machine import RULES
from tocsin.kernel.assets.state import About, Asset, AssetFacts, Drill
from tocsin.kernel.shared import Actor, Refused, Stamped

TEST_MAX_S: Final = 8 * 3_600
"""A working day: a test that nobody ended must not leave a house without its alarm overnight."""
DRILL_MAX_S: Final = 4 * 3_600
"""Longer than an exercise of a school takes. It ends by itself: what comes after it is real."""
WINDOWS_MAX: Final = 20
"""Planned works of one asset that are still to come."""
WINDOW_MAX_S: Final = 30 * 86_400
"""Longer than this it is out of service, with a work order."""
NAME_MAX: Final = 120
"""Characters of a name and of every other word about an asset."""
WIRES_MAX: Final = 16
"""Addresses under which one asset speaks."""
DOCUMENTS_MAX: Final = 20
"""Addresses of documents of one asset."""

Command = Stamped[words.Command, AssetFacts]
Events = tuple[words.Event, ...]


def decide(asset: Asset, command: Command) -> Events | Refused:
    """What follows of a command on one asset: events, `()` for nothing to do, or a refusal that
    changes nothing. `asset.status` is "absent" for an id that is not taken.

    Shelves are limited by `alarms.decide`, which knows the kind; see `kernel/alarming.py`.
    """
    body = command.body
    refused = _permitted(asset, command.by, body)
    if refused is not None:
        return refused
    if asset.status in RULES[type(body)].repeats:
        return ()
    return _DECIDERS[type(body)](asset, body, command)


def _permitted(asset: Asset, by: Actor, body: words.Command) -> Refused | None:
    rule = RULES[type(body)]
    if by.kind == "reporter":
        return Refused("not_your_asset", "reporters have no part in assets")
    if asset.status in (*rule.sources, *rule.repeats):
        return None
    if asset.status == "absent":
        return Refused("asset_unknown", "there is no asset with this id")
    if isinstance(body, words.AddAsset):
        return Refused("asset_exists", "this id is taken")
    allowed = ", ".join(rule.sources)
    return Refused("asset_not_ready", f"the asset is {asset.status}; allowed from: {allowed}")


# -- what it is ------------------------------------------------------------------------


def _unfit(asset: Asset, about: About, facts: AssetFacts) -> Refused | None:
    if about.kind not in facts.kinds:
        return Refused("asset_kind_unknown", f"the pack knows: {', '.join(facts.kinds)}")
    if asset.id in (about.power, about.gateway):
        return Refused("asset_circle", "an asset does not hang on itself")
    said = (about.name, about.owner, about.keeper, about.model, *about.documents)
    if not about.name.strip() or any(len(each) > NAME_MAX for each in said):
        return Refused("bad_value", f"a name has 1 to {NAME_MAX} characters")
    if not about.areas:
        return Refused("bad_value", "an asset lies somewhere")
    if len(about.wires) > WIRES_MAX or len(set(about.wires)) != len(about.wires):
        return Refused("bad_value", f"at most {WIRES_MAX} addresses, each once")
    if len(about.documents) > DOCUMENTS_MAX:
        return Refused("bad_value", f"at most {DOCUMENTS_MAX} documents")
    return None


def _add(asset: Asset, body: words.AddAsset, command: Command) -> Events | Refused:
    refused = _unfit(asset, body.about, command.facts)
    return refused or (words.AssetAdded(command.at, command.by.id, body.about),)


def _find(asset: Asset, body: words.FindAsset, command: Command) -> Events:
    about = About(
        body.address[:NAME_MAX],
        "unknown",
        place=body.place,
        gateway=body.gateway,
        wires=((body.source, body.address),),
    )
    return (words.AssetFound(command.at, command.by.id, about),)


def _change(asset: Asset, body: words.ChangeAsset, command: Command) -> Events | Refused:
    refused = _unfit(asset, body.about, command.facts)
    if refused is not None:
        return refused
    event = words.AssetChanged(command.at, command.by.id, body.about)
    return () if evolve(asset, event) == asset else (event,)


def _retire(asset: Asset, body: words.RetireAsset, command: Command) -> Events:
    return (words.AssetRetired(command.at, command.by.id),)


# -- test, repair, planned work --------------------------------------------------------


def _start_test(asset: Asset, body: words.StartAssetTest, command: Command) -> Events | Refused:
    if not 0 < body.for_s <= TEST_MAX_S:
        return Refused("test_too_long", f"a test ends after at most {TEST_MAX_S // 3_600} hours")
    until = command.at + timedelta(seconds=body.for_s)
    return (words.AssetTestStarted(command.at, command.by.id, until),)


def _end_test(asset: Asset, body: words.EndAssetTest, command: Command) -> Events:
    return (words.AssetTestEnded(command.at, command.by.id, "ended"),)


def _take_out(
    asset: Asset, body: words.TakeAssetOutOfService, command: Command
) -> Events | Refused:
    if not body.work_order.strip():
        return Refused("work_order_needed", "name the work order that brings it back")
    if not body.reason.strip():
        return Refused("reason_needed", "say why")
    out = words.AssetTakenOut(command.at, command.by.id, body.work_order.strip(), body.reason)
    if asset.status == "on_test":
        return (words.AssetTestEnded(command.at, command.by.id, "out_of_service"), out)
    return (out,)


def _return(asset: Asset, body: words.ReturnAssetToService, command: Command) -> Events:
    return (words.AssetReturned(command.at, command.by.id),)


def _plan(asset: Asset, body: words.PlanAssetWork, command: Command) -> Events | Refused:
    length_s = (body.ends_at - body.starts_at).total_seconds()
    if not 0 < length_s <= WINDOW_MAX_S or body.ends_at <= command.at:
        return Refused("window_invalid", "it ends after it starts, after now and within 30 days")
    if not body.reason.strip():
        return Refused("reason_needed", "say why")
    if sum(each.ends_at > command.at for each in asset.windows) >= WINDOWS_MAX:
        return Refused("too_many_windows", f"at most {WINDOWS_MAX} works are planned at once")
    known = {(each.starts_at, each.ends_at) for each in asset.windows}
    if (body.starts_at, body.ends_at) in known:
        return ()
    return (
        words.AssetWorkPlanned(
            command.at, command.by.id, body.starts_at, body.ends_at, body.reason
        ),
    )


def _shelve(asset: Asset, body: words.ShelveAssetKind, command: Command) -> Events | Refused:
    if not body.reason.strip():
        return Refused("reason_needed", "say why")
    until = command.at + timedelta(seconds=body.for_s)
    return (words.AssetKindShelved(command.at, command.by.id, body.kind, until, body.reason),)


def _unshelve(asset: Asset, body: words.UnshelveAssetKind, command: Command) -> Events:
    if all(each.kind != body.kind for each in asset.shelves):
        return ()
    return (words.AssetKindUnshelved(command.at, command.by.id, body.kind, "ended"),)


def _tested(asset: Asset, body: words.RecordAssetTest, command: Command) -> Events:
    return (words.AssetTested(command.at, command.by.id),)


def _start_drill(asset: Asset, body: words.StartAssetDrill, command: Command) -> Events | Refused:
    if not 0 < body.for_s <= DRILL_MAX_S:
        return Refused("drill_too_long", f"an exercise ends after {DRILL_MAX_S // 3_600} hours")
    if not body.reason.strip():
        return Refused("reason_needed", "say why")
    running = asset.drill_at(command.at)
    if running is not None and running.id == body.drill:
        return ()
    if running is not None:
        return Refused("drill_other", f"exercise {running.id} covers it until it ends")
    until = command.at + timedelta(seconds=body.for_s)
    drill = Drill(body.drill, body.scope, until, body.reason, command.by.id)
    return (words.AssetDrillStarted(command.at, command.by.id, drill),)


def _end_drill(asset: Asset, body: words.EndAssetDrill, command: Command) -> Events:
    if asset.drill is None or asset.drill.id != body.drill:
        return ()
    return (words.AssetDrillEnded(command.at, command.by.id, body.drill, "ended"),)


def _wake(asset: Asset, body: words.WakeAsset, command: Command) -> Events:
    at, who = command.at, command.by.id
    found: list[words.Event] = []
    if asset.status == "on_test" and not asset.is_on_test(at):
        found.append(words.AssetTestEnded(at, who, "time_over"))
    if asset.drill is not None and asset.drill_at(at) is None:
        found.append(words.AssetDrillEnded(at, who, asset.drill.id, "time_over"))
    found += [
        words.AssetKindUnshelved(at, who, each.kind, "time_over")
        for each in asset.shelves
        if each.until <= at
    ]
    return tuple(found)


_DECIDERS: Final[dict[type[words.Command], Callable[[Asset, Any, Command], Events | Refused]]] = {
    words.AddAsset: _add,
    words.FindAsset: _find,
    words.ChangeAsset: _change,
    words.StartAssetDrill: _start_drill,
    words.EndAssetDrill: _end_drill,
    words.RetireAsset: _retire,
    words.StartAssetTest: _start_test,
    words.EndAssetTest: _end_test,
    words.TakeAssetOutOfService: _take_out,
    words.ReturnAssetToService: _return,
    words.PlanAssetWork: _plan,
    words.ShelveAssetKind: _shelve,
    words.UnshelveAssetKind: _unshelve,
    words.RecordAssetTest: _tested,
    words.WakeAsset: _wake,
}
