"""The kernel in the loop: what a unit of a run is, only `kernel/units` says.

Every change of a unit's status here is a stamped command that the kernel decides and events that it
folds, with the virtual clock's instant: the machine of statuses, one case at a time, duty and
breaks are the live node's own rules, not copies. A refusal is a bug of whoever asked, and stops the
run.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from tocsin.kernel.shared import (
    SYSTEM,
    AgencyId,
    AreaId,
    CaseId,
    Instant,
    Refused,
    Stamped,
    UnitId,
)
from tocsin.kernel.units import vocabulary as words
from tocsin.kernel.units.decide import decide
from tocsin.kernel.units.evolve import EVOLVERS
from tocsin.kernel.units.react import react
from tocsin.kernel.units.state import Unit, UnitFacts, UnitKind
from tocsin.simulation.dispatch.fleet import SimFleet

EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""The instant 0 of a run."""
AGENCY: Final = AgencyId("fleet")
REASON: Final = "simulated"

_EN_ROUTE: Final = words.ReportStatus("en_route")
_ON_SCENE: Final = words.ReportStatus("on_scene")
_TRANSPORTING: Final = words.ReportStatus("transporting")
_CLEAR: Final = words.ReportStatus("clear")
_AVAILABLE: Final = words.ReportStatus("available")
_RETURNING: Final = words.ReportStatus("returning")
_RESTING: Final = words.ReportStatus("out_of_service")
_START: Final = words.StartDuty()
_END: Final = words.EndDuty("shift is over")


class RefusedByKernel(AssertionError):
    """A run asked for what the rules do not allow. `reason` is the kernel's."""

    def __init__(self, unit: UnitId, refused: Refused) -> None:
        self.reason = refused.reason
        super().__init__(f"{unit}: {refused.reason}: {refused.detail}")


def instant(now_s: float) -> Instant:
    """The instant of a second on a run's clock."""
    return EPOCH + timedelta(seconds=now_s)


def case_id(call: int) -> CaseId:
    """The case of a run's call."""
    return CaseId(f"{call:09d}")


class Crews:
    """Every unit's state by number, and the commands their crews and the dispatchers give.

    `alerts` counts what the errands of a live node would have told crews.
    """

    def __init__(self, fleet: SimFleet) -> None:
        self.alerts: int = 0
        self.commands: int = 0
        kinds = tuple(UnitKind(kind) for kind in sorted({unit.kind for unit in fleet.units}))
        self._facts = UnitFacts(kinds)
        self.units: list[Unit] = []
        for number, unit in enumerate(fleet.units):
            self.units.append(Unit(UnitId(unit.id)))
            added = words.AddUnit(unit.id, AGENCY, (AreaId("town"),), unit.kind)
            self.give(number, added, 0.0)
            self.start_duty(number, 0.0)

    def give(self, number: int, body: words.Command, now_s: float) -> None:
        """Decide and fold one command. Raises RefusedByKernel."""
        unit = self.units[number]
        self.commands += 1
        command = Stamped(body, EPOCH + timedelta(seconds=now_s), SYSTEM, "", self._facts)
        answer = decide(unit, command)
        if isinstance(answer, Refused):
            raise RefusedByKernel(unit.id, answer)
        self.fold(number, answer)

    def fold(self, number: int, events: Sequence[words.Event]) -> None:
        """What was decided happens."""
        unit = self.units[number]
        for event in events:
            before, unit = unit, EVOLVERS[type(event)](unit, event)
            self.alerts += len(react(before, event, unit))
        self.units[number] = unit

    def is_free(self, number: int) -> bool:
        """Whether the kernel lets the unit be sent."""
        return self.units[number].is_free

    def send(self, number: int, call: int, now_s: float) -> None:
        """A dispatcher sends it."""
        self.give(number, words.SendUnit(case_id(call), REASON), now_s)

    def recall(self, number: int, call: int, now_s: float) -> None:
        """A dispatcher takes it off a call; it is clear then."""
        self.give(number, words.RecallUnit(case_id(call), REASON), now_s)

    def rolls(self, number: int, now_s: float) -> None:
        """Its wheels roll."""
        self.give(number, _EN_ROUTE, now_s)

    def arrives(self, number: int, now_s: float) -> None:
        """It is on scene."""
        self.give(number, _ON_SCENE, now_s)

    def carries(self, number: int, now_s: float) -> None:
        """It leaves with somebody."""
        self.give(number, _TRANSPORTING, now_s)

    def clears(self, number: int, now_s: float) -> None:
        """Its part is done."""
        self.give(number, _CLEAR, now_s)

    def is_home(self, number: int, now_s: float) -> None:
        """It stands at its post."""
        self.give(number, _AVAILABLE, now_s)

    def moves(self, number: int, now_s: float) -> None:
        """It leaves its post for another, free to be sent."""
        self.give(number, _RETURNING, now_s)

    def rests(self, number: int, now_s: float) -> None:
        """A break: on duty, and not to be sent."""
        self.give(number, _RESTING, now_s)

    def start_duty(self, number: int, now_s: float) -> None:
        """The crew signs on."""
        self.give(number, _START, now_s)

    def end_duty(self, number: int, now_s: float) -> None:
        """The crew signs off; the kernel refuses it on a case."""
        self.give(number, _END, now_s)
