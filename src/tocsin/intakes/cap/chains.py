"""Which message belongs to which: updates that name only the last, and alerts that run out."""

from __future__ import annotations

import heapq
from collections import OrderedDict
from dataclasses import replace
from typing import Final

from tocsin.intakes.cap.parse import alarms, chain_of, device_of
from tocsin.intakes.cap.reading import Alert, Reference
from tocsin.kernel.shared import Instant
from tocsin.runtime.alarm_ports import IncomingAlarm

CHAINS_MAX: Final = 20_000
"""Messages that are remembered; the oldest are forgotten, and an update of such a one is known by
the earliest message that it names itself."""


class Chains:
    """Remembers under which device each message is known, and when it runs out. After a restart it
    begins anew: feeds are read again, and messages that were posted run out only by a cancel."""

    def __init__(self) -> None:
        self._roots: OrderedDict[str, str] = OrderedDict()
        self._ends: dict[str, tuple[Instant, IncomingAlarm]] = {}
        self._kinds: dict[str, str] = {}
        self._due: list[tuple[Instant, str]] = []

    def read(self, alert: Alert) -> tuple[IncomingAlarm, ...]:
        """What a message raises and clears, by the chains that are known. What was raised under
        another event ends under that one: a cancel may name none, a watch may become a warning."""
        made: list[IncomingAlarm] = []
        for each in alarms(alert, self._root):
            known = self._kinds.get(each.device, each.kind)
            if each.signal == "raised":
                made.append(each)
                if known != each.kind:
                    made.append(replace(each, kind=known, signal="cleared", key=f"was-{each.key}"))
            else:
                made.append(replace(each, kind=known) if each.signal == "cleared" else each)
        return tuple(made)

    def keep(self, alert: Alert) -> None:
        """A message whose alarms are on disk."""
        made = self.read(alert)
        if not made:
            return
        device = chain_of(alert, self._root)[0]
        self._roots[device_of(alert.sender, alert.identifier)] = device
        if made[0].signal == "raised":
            self._kinds[device] = made[0].kind
        while len(self._roots) > CHAINS_MAX:
            gone, _ = self._roots.popitem(last=False)
            self._ends.pop(gone, None)
            self._kinds.pop(gone, None)
        for each in made:
            self._ends.pop(each.device, None)
        ends = [info.expires for info in alert.infos if info.expires is not None]
        if made[0].signal == "raised" and ends:
            self._ends[device] = (max(ends), made[0])
            heapq.heappush(self._due, (max(ends), device))

    def run_out(self, now: Instant) -> list[tuple[str, IncomingAlarm]]:
        """The devices whose alerts have run out, with the alarm that says so."""
        found: list[tuple[str, IncomingAlarm]] = []
        while self._due and self._due[0][0] <= now:
            at, device = heapq.heappop(self._due)
            held = self._ends.get(device)
            if held is not None and held[0] == at:  # not updated meanwhile
                raised = held[1]
                over = IncomingAlarm(
                    raised.source, device, raised.kind, "cleared", key=f"over-{raised.key}", at=at,
                    is_drill=raised.is_drill,
                )  # fmt: skip
                found.append((device, over))
        return found

    def over(self, device: str) -> None:
        """That an alert ran out is on disk."""
        self._ends.pop(device, None)

    def again(self, device: str, at: Instant) -> None:
        """It could not be kept: it is looked at again next time."""
        heapq.heappush(self._due, (at, device))

    def _root(self, reference: Reference) -> str:
        name = device_of(reference.sender, reference.identifier)
        return self._roots.get(name, name)
