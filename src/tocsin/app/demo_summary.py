"""The reckoning at the end of a demo: what was acknowledged is found, what was missed is escalated.

Everything is read through the API, as the town's people would.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, cast

import msgspec

from tocsin.analytics.measures import stage_times
from tocsin.analytics.story import Story, tell
from tocsin.app.demo_town import PAGE, DemoTown
from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import CaseId, Instant
from tocsin.runtime.codec import EVENTS
from tocsin.simulation.promises import Promises

READERS: Final = 8
"""Questions asked side by side at the end."""
PROBLEMS_SHOWN: Final = 10

Item = TypeVar("Item")


@dataclass(slots=True)
class Reckoning:
    """The figures of one demo, and everything that broke a promise."""

    lost: list[str] = field(default_factory=list[str])
    wrong: list[str] = field(default_factory=list[str])
    figures: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def is_good(self) -> bool:
        return not self.lost and not self.wrong


async def reckon(town: DemoTown, until: Instant) -> Reckoning:
    """Find every acknowledged report by its receipt and on the board; follow every promise of
    every case on the journal, up to `until`."""
    found = Reckoning()
    cases = await _all_cases(town)
    await _find_reports(town, cases, found)
    stories: list[Story] = []
    totals = {"escalated": 0, "missed": 0, "merged": 0, "verified": 0, "reopened": 0, "entries": 0}

    async def follow(case_id: CaseId) -> None:
        entries = await _journal(town, case_id)
        if entries is None:
            found.wrong.append(f"case {case_id}: its journal cannot be read")
            return
        promises = Promises()
        story = Story(case_id)
        for events in entries:
            totals["entries"] += 1
            story = tell(story, events)
            for event in events:
                promises.follow(event)
                totals["reopened"] += isinstance(event, words.CaseReopened)
        promises.finish(until)
        totals["missed"] += promises.due
        totals["escalated"] += promises.escalated
        found.wrong += [f"case {case_id}, {key}: {what}" for key, what in promises.broken]
        stories.append(story)

    await _each(sorted(cases), follow)
    totals["merged"] = sum(case.status == "merged" for case in cases.values())
    totals["verified"] = sum(case.status == "verified" for case in cases.values())
    if totals["missed"] != totals["escalated"]:
        found.wrong.append(f"{totals['missed']} missed, {totals['escalated']} escalated")
    found.figures = {
        "reports": len(town.receipts),
        "cases": len(cases),
        "open": sum(case.is_open for case in cases.values()),
        **totals,
        "stages": {
            each.stage: {"cases": each.cases, "median_s": each.median_s, "p90_s": each.p90_s}
            for each in stage_times(sorted(stories, key=lambda story: story.case_id))
        },
        "refused_reports": town.counts.refused_reports,
        "refused": town.counts.refused.total(),
        "requests": town.client.requests,
        "refusals": dict(sorted(town.counts.refused.items())),
        "lost": len(found.lost),
    }
    return found


async def _each(items: Sequence[Item], action: Callable[[Item], Awaitable[None]]) -> None:
    """`action` for every item, a few side by side."""
    waiting = iter(items)

    async def work() -> None:
        for item in waiting:
            await action(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(READERS):
            group.create_task(work())


async def _all_cases(town: DemoTown) -> dict[CaseId, Case]:
    """The whole board, page by page, each case seen in its last state."""
    person = await town.staff.get("supervisor", town.staff.county, None, 1)
    after = ""
    while True:
        path = f"/api/cases?order=opened&limit={PAGE}{after}"
        answer = await town.client.ask("GET", path, headers=person.headers)
        assert answer.is_ok, f"the list of cases answers {answer.status}"
        page = answer.json()
        for shown in page["cases"]:
            town.see(shown)
        if not page["next"]:
            return {case_id: case for case_id, (_, case) in town.board.items()}
        after = f"&after={page['next']}"


async def _find_reports(town: DemoTown, cases: Mapping[CaseId, Case], found: Reckoning) -> None:
    """Each receipt opens, and its report is in its case."""

    async def look(number: int) -> None:
        held = receipts[number]
        address = f"100.{64 + number // 65_025 % 64}.{number // 255 % 255}.{number % 255}"
        answer = await town.client.ask(
            "GET", f"/api/receipts/{held.code}", headers={"x-forwarded-for": address}
        )
        if not answer.is_ok:
            what = f"its receipt answers {answer.status}"
            found.lost.append(f"report {held.telling.number} {held.report_id}: {what}")
            return
        if held.case_id is None:
            return
        case = cases.get(held.case_id)
        if case is None or all(each.id != held.report_id for each in case.reports):
            found.lost.append(f"report {held.report_id}: not on the board")

    receipts = town.receipts
    await _each(range(len(receipts)), look)


async def _journal(town: DemoTown, case_id: CaseId) -> list[tuple[words.Event, ...]] | None:
    person = await town.staff.get("supervisor", town.staff.county, None, 1)
    answer = await town.client.ask("GET", f"/api/cases/{case_id}/journal", headers=person.headers)
    if not answer.is_ok:
        return None
    return [tuple(_event(shown) for shown in entry["events"]) for entry in answer.json()["entries"]]


def _event(shown: Mapping[str, Any]) -> words.Event:
    fields = {name: value for name, value in shown.items() if name != "event"}
    named = cast(type[words.Event], EVENTS[str(shown["event"])])
    return msgspec.convert(fields, named)
