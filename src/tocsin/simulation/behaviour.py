"""What people do about a case: one move for each slot, drawn once, with a human delay.

The same people work in `tocsin sim` (on the engine) and in `tocsin demo` (over HTTP). A move is
said in the words of the API: its verb and the fields of its body.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final

from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import CaseId, Instant
from tocsin.packs.model import Pack
from tocsin.simulation.check_moves import CheckMoves
from tocsin.simulation.desk_moves import DeskMoves
from tocsin.simulation.habits import Habits
from tocsin.simulation.moves import Look, Mind, Move
from tocsin.simulation.situations import situations
from tocsin.simulation.work_moves import WorkMoves

TRIES: Final = 5
"""Refused that often in one situation, people leave it to someone else (who never comes)."""


class Behaviour:
    """Remembers what was already decided about; draws everything from one generator."""

    def __init__(self, pack: Pack, habits: Habits, rng: Random) -> None:
        self.mind = mind = Mind(pack, habits, rng)
        self._known: dict[tuple[CaseId, str], str] = {}
        desk, work, check = DeskMoves(mind), WorkMoves(mind), CheckMoves(mind)
        self._drawers: dict[str, Callable[[Look], Move | None]] = {
            "desk": desk.desk,
            "task": work.task,
            "check": check.check,
            "vote": check.vote,
            "unmerge": desk.unmerge,
            "cancel": desk.cancel,
            "add_task": desk.add_task,
            "hold": work.hold,
            "extend": work.extend,
            "ask": work.ask,
            "answer": check.answer,
            "decide_hold": desk.decide_hold,
            "decide_extension": desk.decide_extension,
            "take_over": desk.take_over,
            "report_up": desk.report_up,
            "urge": desk.urge,
            "answer_urge": work.answer_urge,
            "evaluate": check.evaluate,
            "appeal": work.appeal,
            "decide_appeal": check.decide_appeal,
            "publish": desk.publish,
            "triage": desk.triage,
            "note": desk.note,
        }

    def learn(self, case_id: CaseId, matter: int) -> None:
        """A case was opened about this matter."""
        self.mind.matters[case_id] = matter
        self.mind.firsts.setdefault(matter, case_id)

    def moves(self, case: Case, now: Instant) -> list[Move]:
        """The moves for all slots that ask something new."""
        found: list[Move] = []
        policy = self.mind.pack.policy(case.case_type)
        if policy is None or case.status == "absent":
            return found
        for slot, token in situations(case, policy).items():
            if self._known.get((case.id, slot)) == token:
                continue
            self._known[case.id, slot] = token
            move = self._drawers[slot.partition(":")[0]](Look(case, policy, slot, token, now))
            if move is not None:
                found.append(move)
        return found

    def still_fits(self, case: Case, move: Move) -> bool:
        """Whether the situation of the move is still the same."""
        policy = self.mind.pack.policy(case.case_type)
        return policy is not None and situations(case, policy).get(move.slot) == move.token

    def forget(self, move: Move) -> bool:
        """The move was refused or came to nothing: the slot is decided anew, a few times."""
        key = (move.case_id, move.slot, move.token)
        self.mind.tries[key] = self.mind.tries.get(key, 0) + 1
        if self.mind.tries[key] > TRIES:
            return False
        self._known.pop((move.case_id, move.slot), None)
        return True

    def forget_all(self) -> None:
        """Every slot is decided anew: other habits, or people who come back to work."""
        self._known.clear()
        self.mind.tries.clear()
