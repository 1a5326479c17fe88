"""What is done with one frame: checked, opened, kept by the desk, answered. No sockets here.

The answer to a frame is made after the desk has said that its alarms are on disk; while it cannot,
there is none, and the panel sends again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import structlog

from tocsin.intakes.sia_dc09 import answers
from tocsin.intakes.sia_dc09.accounts import Dc09Settings
from tocsin.intakes.sia_dc09.cipher import BLOCK, decrypt, keys_of
from tocsin.intakes.sia_dc09.frames import Frame
from tocsin.intakes.sia_dc09.message import Content, Header, header
from tocsin.intakes.sia_dc09.parse import (
    SOURCE,
    account_of,
    alarms,
    read_content,
    repeat_key,
    with_prefix,
)
from tocsin.kernel.shared import Actor, ActorId, Instant, Refused
from tocsin.runtime.alarm_ports import AlarmTaker, IncomingAlarm
from tocsin.runtime.ports import Clock, Unavailable

log = structlog.get_logger("tocsin.intakes.sia_dc09")

BY: Final = Actor(ActorId(SOURCE), "integration")
AHEAD_S: Final = 20.0
"""How far a timestamp may be ahead of ours (DC-09, 5.5.1.9)."""
BEHIND_S: Final = 40.0
"""How far it may be behind (DC-09, 5.5.1.9)."""
REPEAT_S: Final = 120.0
"""How long the same number with the same data is the same message. Panels that heard nothing try
again after 5 to 60 s; later it is a new event of a panel that counts anew."""
RUNS_MAX: Final = 20_000
"""Accounts whose count is remembered; the one unheard longest is forgotten first, and its next
message begins another run."""
NUMBERS: Final = 9_999
"""Numbers run from 0001 to 9999 and begin again."""


@dataclass(frozen=True, slots=True)
class Panel:
    """What is known of a panel: the readings of its key, and whether its clock is not looked at."""

    keys: tuple[bytes, ...] = field(repr=False)
    ignore_clock: bool


@dataclass(slots=True)
class Run:
    """One run of a panel's count. `recent` has the messages that may be sent again."""

    session: str
    last: int
    carried: int = 0
    recent: OrderedDict[str, Instant] = field(default_factory=OrderedDict[str, Instant])


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said to one frame."""

    data: bytes | None = None
    """What to send back; None: nothing."""
    alive: IncomingAlarm | None = None
    """A sign of life that is still to be kept: it need not be on disk before the answer goes."""
    is_taken: bool = False
    """Whether the frame was acknowledged: it is from a panel that may speak here."""
    is_known: bool = False
    """Whether that panel is one of the settings, or may be: they name none."""


@dataclass(slots=True)
class Receiver:
    """The receiving side of every panel. `chance(n)` gives n random bytes for padding."""

    settings: Dc09Settings
    desk: AlarmTaker
    clock: Clock
    chance: Callable[[int], bytes]
    counts: dict[str, int] = field(default_factory=dict[str, int])
    _runs: OrderedDict[str, Run] = field(default_factory=OrderedDict[str, Run])
    _runs_begun: int = 0
    _accounts: Mapping[str, Panel] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._accounts = {
            each.account.upper(): Panel(keys_of(each.key), each.ignore_clock)
            for each in self.settings.account
        }

    async def answer(self, frame: Frame) -> Answer:
        """What to send back, once what the frame says is kept."""
        if not frame.is_sound:
            self._count("bad_crc")
            return Answer()
        head = header(frame.body)
        if head is None:
            self._count("unreadable")
            return Answer()
        opened = self._open(head)
        if isinstance(opened, Refused):
            return self._duh(head, head.account, frame, opened)
        key, panel, clear = opened
        read = read_content(head, clear)
        if isinstance(read, Refused):
            return self._duh(head, head.account, frame, read)
        name = head.account or read.account
        if not key:
            panel = self._panel(head.prefix, name)
            refused = self._refused_in_clear(panel)
            if refused is not None:
                return self._duh(head, name, frame, refused)
        if self._is_off_time(read, panel):
            self._count("off_time")
            return Answer(answers.nak(self.clock.now(), frame.is_binary))
        is_known = panel is not None or not self._accounts
        return await self._take(head, read, key, frame, is_known)

    # -- what came

    def _open(self, head: Header) -> tuple[bytes, Panel | None, bytes] | Refused:
        """The key (empty in clear), the account if it is known by now, and the content."""
        if not head.is_encrypted:
            return b"", None, head.content
        panel = self._panel(head.prefix, head.account)
        if panel is None or not panel.keys:
            return Refused("account_unknown", "encrypted, and no key is known for it")
        opened = decrypt(panel.keys, head.content)
        if opened is None:
            return Refused("bad_key", "")
        return opened[0], panel, opened[1]

    def _panel(self, prefix: str | None, account: str) -> Panel | None:
        """What is set for an account, under its prefix first."""
        full = with_prefix(prefix, account)
        return self._accounts.get(full) or self._accounts.get(account.upper())

    def _refused_in_clear(self, panel: Panel | None) -> Refused | None:
        """Who may not speak in clear: a panel with a key, for anybody could clear its alarms."""
        if panel is not None:
            return Refused("not_encrypted", "") if panel.keys else None
        return Refused("account_unknown", "") if self.settings.accounts_only else None

    def _is_off_time(self, read: Content, panel: Panel | None) -> bool:
        if not read.has_stamp or (panel is not None and panel.ignore_clock):
            return False
        if read.stamp is None:
            return True
        ahead = read.stamp - self.clock.now()
        return not -timedelta(seconds=BEHIND_S) <= ahead <= timedelta(seconds=AHEAD_S)

    # -- what is done with it

    async def _take(
        self, head: Header, read: Content, key: bytes, frame: Frame, is_known: bool
    ) -> Answer:
        run = self._run(account_of(head, read), head, read)
        count = run.carried + int(head.sequence)
        found = alarms(head, read, run.session, count, is_proven=bool(key))
        name = head.account or read.account
        alive: IncomingAlarm | None = None
        for incoming in found:
            if not incoming.kind:  # a poll: it need not be on disk to be answered
                alive = incoming
                continue
            try:
                outcome = await self.desk.receive(incoming, BY)
            except Unavailable:
                self._count("unavailable")
                return Answer()
            if isinstance(outcome, Refused):
                return self._duh(head, name, frame, outcome)
        self._count("polls" if alive is not None else "taken")
        if not key:
            return Answer(answers.ack(head, name, frame.is_binary), alive, True, is_known)
        padding = self.chance(2 * BLOCK)
        now = self.clock.now()
        data = answers.encrypted_ack(head, name, key, now, padding, frame.is_binary)
        return Answer(data, alive, True, is_known)

    def _run(self, account: str, head: Header, read: Content) -> Run:
        """The run of the count to which this message belongs.

        A count that goes back, or repeats itself late or with other data, is of a panel that
        began anew: another run, so that its second fire is no repeat of its first.
        """
        now, number = self.clock.now(), int(head.sequence)
        run = self._runs.get(account)
        if not read.events:  # polls do not count
            return run or Run("", number)
        key = repeat_key(head, read)
        if run is not None:
            self._runs.move_to_end(account)
            while run.recent and now - next(iter(run.recent.values())) > timedelta(
                seconds=REPEAT_S
            ):
                run.recent.popitem(last=False)
            if key in run.recent:
                return run
            is_wrapped = run.last > NUMBERS - 100 and number < 100
            if number > run.last or is_wrapped:
                run.carried += NUMBERS if is_wrapped else 0
                run.last = number
                run.recent[key] = now
                return run
        # The first run since this node began has no name: what it had kept before it was ended and
        # comes again unanswered is then known, within the minute the desk allows for that.
        session = ""
        if run is not None:
            self._runs_begun += 1
            session = f"{now:%Y%m%dT%H%M%S.%f}-{self._runs_begun}"
        run = self._runs[account] = Run(session, number)
        run.recent[key] = now
        while len(self._runs) > RUNS_MAX:
            self._runs.popitem(last=False)
        return run

    async def keep_alive(self, alive: IncomingAlarm) -> None:
        """Hands the sign of life of an account to the desk; a lost one is not worth a fault."""
        try:
            await self.desk.receive(alive, BY)
        except Unavailable:
            self._count("unavailable")

    def _duh(self, head: Header, account: str, frame: Frame, why: Refused) -> Answer:
        self._count(why.reason)
        log.warning("dc09_refused", reason=why.reason, kind=head.kind)
        return Answer(answers.duh(head, account, frame.is_binary))

    def _count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1
