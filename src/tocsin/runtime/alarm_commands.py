"""What people, clocks and other alarms do with an alarm that is there; and the book of devices."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, Final

import structlog

from tocsin.kernel.alarms import vocabulary as words
from tocsin.kernel.alarms.decide import REPEAT_S
from tocsin.kernel.alarms.state import Alarm
from tocsin.kernel.assets import vocabulary as asset_words
from tocsin.kernel.cases.vocabulary import VoidCase
from tocsin.kernel.shared import SYSTEM, Actor, AlarmId, CaseId, Refused
from tocsin.packs.model import Pack
from tocsin.runtime.alarm_opening import Openings, Prepared
from tocsin.runtime.alarm_ports import IncomingAlarm
from tocsin.runtime.device_book import DeviceBook
from tocsin.runtime.engine import Engine
from tocsin.runtime.onlooking import as_node
from tocsin.runtime.ports import AlarmQuery, AlarmRow, Committed, Unavailable
from tocsin.runtime.reception import Reception
from tocsin.runtime.site_codes import SiteCodes

log = structlog.get_logger("tocsin.alarms")

WAKE_BATCH: Final = 500
"""Alarms and assets woken at once: two group commits."""
BOOK_MAX: Final = 5_000
"""Open alarms read at a time when the book is made."""
MATES_MAX: Final = 50
"""Alarms of a site that are told at once that another confirms them."""
TRIES: Final = 3
"""How often an alarm is taken back anew that came to another case meanwhile."""
WAKE_EVERY_S: Final = 0.25
"""How late an on-delay or the end of a test may speak."""


class AlarmCommands:
    """The desk without its door: the book, commands, and what wakes."""

    def __init__(self, engine: Engine, pack: Pack, reception: Reception) -> None:
        self.engine = engine
        self.pack = pack
        self.book = DeviceBook()
        self.codes = SiteCodes(engine.store)
        self.openings = Openings(pack, reception, engine.ids)
        self.is_loaded = False
        self._loading = asyncio.Lock()
        self._telling: dict[tuple[str, str], asyncio.Task[None]] = {}
        """Looks for mates that have not begun yet, by site and kind."""

    async def load(self) -> None:
        """Reads the book; the first message does it, too."""
        async with self._loading:
            if self.is_loaded:
                return
            await self.reload()
            self.is_loaded = True

    async def reload(self) -> None:
        """The book anew from the store."""
        store = self.engine.store
        with as_node():  # the book is the node's, whoever was first to need it
            await self.book.load(store)
            await self.engine.chaos.pause("desk.book")
            after: AlarmId | None = None
            while rows := await store.alarms(
                AlarmQuery(open_only=True, newest_first=False, after=after, limit=BOOK_MAX)
            ):
                for row in rows:
                    self.book.learn_alarm(row.alarm)
                after = rows[-1].alarm.id

    def learn(self, committed: Committed) -> None:
        """What a commit changed of devices; also for those made elsewhere on this node."""
        if committed.asset is not None:
            self.book.learn(committed.asset.asset)
        for row in committed.alarms.values():
            self.book.learn_alarm(row.alarm)

    # -- commands ---

    async def tell_mates(self, outcome: Committed) -> None:
        """A second device of the site confirms the first: what waited for that hears of it."""
        row = outcome.alarms.get(outcome.alarm) if outcome.alarm is not None else None
        if row is None or outcome.seen_before or row.alarm.about is None:
            return
        alarm, about = row.alarm, row.alarm.about
        policy = self.pack.alarm_policies.get(about.kind)
        is_news = any(each.evidence == "second_sensor" for each in alarm.evidence)
        if policy is None or not is_news or row.version > 1:
            return
        # One look for all that were committed together: of eight hundred behind a dead gateway each
        # would read all the others. Who comes after it has begun makes another.
        point = about.site, about.kind
        look = self._telling.get(point)
        if look is None:
            told = self._tell_site(*point, policy.confirmed_level)
            look = self._telling[point] = asyncio.create_task(told)
        await asyncio.shield(look)

    async def _tell_site(self, site: str, kind: str, level: int) -> None:
        """Confirms what is open there and is not confirmed; what just came has been already."""
        await asyncio.sleep(0)
        del self._telling[site, kind]
        with as_node():  # a rule asks what else is open at the site
            mates = await self.engine.store.alarms(
                AlarmQuery(open_only=True, kinds=(kind,), site=site, limit=BOOK_MAX)
            )
        below = [each for each in mates if each.alarm.level < level]
        for mate in below[:MATES_MAX]:
            await self.command(mate, words.VerifyAlarm(level, "second_sensor"), by=SYSTEM)

    async def command(
        self, row: AlarmRow, command: words.Command, *, by: Actor, **how: Any
    ) -> Committed | Refused:
        """One command on an alarm that is there, with the case it may open by it."""
        alarm = row.alarm
        prepared = Prepared()
        is_declared = isinstance(command, words.DeclareAlarmReal)
        if alarm.about is not None and (is_declared or (alarm.case is None and not alarm.is_drill)):
            prepared = self._prepare_for(alarm)
        outcome = await self.engine.handle_alarm(
            alarm,
            command,
            by=by,
            opening=prepared.opening,
            unplaced=prepared.unplaced,
            case=alarm.case if isinstance(command, words.CancelAlarm) else None,
            **how,
        )
        if isinstance(outcome, Committed):
            self.learn(outcome)
            if is_declared and alarm.case is not None:
                await self._leave_drill_case(alarm.case)
        return outcome

    async def _leave_drill_case(self, case: CaseId) -> None:
        """The case of a drill whose last alarm turned real has nothing left to be practised."""
        others = AlarmQuery(open_only=True, case=case, limit=1)
        with as_node():  # whether the drill has another alarm, wherever it is
            is_left = bool(await self.engine.store.alarms(others))
        if not is_left:
            await self.engine.handle(case, VoidCase("turned_real"), by=SYSTEM)

    # -- taking back ---

    async def take_back(
        self, row: AlarmRow, code: str, *, by: Actor, **how: Any
    ) -> Committed | Refused:
        """Takes an alarm back with the code of its site. A wrong code is noted and cancels
        nothing; whether it was right is seen from the alarm afterwards."""
        about = row.alarm.about
        if about is None:
            return Refused("alarm_unknown", "there is no alarm with this id")
        is_right = await self.codes.fits(self.book.sites_of(about.asset), code)
        return await self._with_its_case(row, words.CancelAlarm(is_right), by, **how)

    async def take_back_below(self, incoming: IncomingAlarm, *, by: Actor) -> str:
        """What a panel's user takes back: each open alarm of a kind that the code means hears of
        it, of whatever speaks under the address it names. What the panel itself reported without
        an area hears it only in doubt where an area is named. The last of them, "" for none."""
        kinds = self.pack.panel_cancels(incoming.source, incoming.kind)
        if not kinds:
            return ""
        query = AlarmQuery(open_only=True, kinds=kinds, newest_first=False, limit=BOOK_MAX)
        told = ""
        with as_node():  # which alarms the panel means, by its address
            rows = await self.engine.store.alarms(query)
        for row in rows:
            asset = row.alarm.about.asset if row.alarm.about is not None else None
            if asset is None:
                continue
            is_meant = self.book.is_below(asset, incoming.source, incoming.device)
            if not is_meant and self.book.wires.get((incoming.source, incoming.sender)) != asset:
                continue
            is_sure = is_meant and incoming.vouched == "proven"
            command = words.CancelAlarm(is_sure, by_panel=True)
            outcome = await self._with_its_case(row, command, by)
            if isinstance(outcome, Committed):
                told = row.alarm.id
        return told

    async def _with_its_case(
        self, row: AlarmRow, command: words.CancelAlarm, by: Actor, **how: Any
    ) -> Committed | Refused:
        """A command on an alarm and the case it has come to by then."""
        outcome: Committed | Refused = Refused("stale_version", "")
        for _ in range(TRIES):
            outcome = await self.command(row, command, by=by, **how)
            if not (isinstance(outcome, Refused) and outcome.reason == "stale_version"):
                break
            with as_node():  # the command is decided anew; what it may was asked before
                row = await self.engine.store.alarm(row.alarm.id) or row
        return outcome

    def _prepare_for(self, alarm: Alarm) -> Prepared:
        about = alarm.about
        assert about is not None, "an alarm that is there is about something"
        policy = self.engine.policies.alarm_policy(about.kind, about.pack_version)
        if policy is None:
            return Prepared()
        known = self.book.assets.get(about.asset)
        place = about.place or (known.about.place if known is not None else None)
        text = alarm.signal.text if alarm.signal is not None else None
        now = self.engine.clock.now()
        return self.openings.prepare(policy, place, text, now, is_silent=about.is_silent)

    # -- clocks ------------------------------------------------------------------------

    async def wake_due(self) -> int:
        """Lets the clocks of alarms and assets speak. Returns how many did."""
        if not self.is_loaded:
            await self.load()
        store = self.engine.store
        chaos = self.engine.chaos
        size = chaos.fewer("desk.batch", WAKE_BATCH)
        due = await store.devices_waking(self.engine.clock.now(), size)
        await chaos.pause("desk.due")
        alarms = [alarm for _, alarm in due if alarm is not None]
        rows = {
            row.alarm.id: row
            for row in await store.alarms(AlarmQuery(ids=tuple(alarms), limit=len(alarms)))
        } if alarms else {}  # fmt: skip
        for row in rows.values():
            await self._end_drill_case(row.alarm)
        outcomes = await asyncio.gather(
            *(
                self.command(rows[alarm], words.WakeAlarm(), by=SYSTEM)
                if alarm is not None
                else self.engine.handle_asset(asset, asset_words.WakeAsset(), by=SYSTEM)
                for asset, alarm in due
                if alarm is None or alarm in rows
            ),
            return_exceptions=True,
        )
        woken = 0
        for outcome in outcomes:
            if isinstance(outcome, Committed):
                self.learn(outcome)
                woken += 1
            elif isinstance(outcome, Unavailable):
                raise outcome
            else:
                log.error("alarm_wake_failed", what=str(outcome))
        return woken

    async def _end_drill_case(self, alarm: Alarm) -> None:
        """The case of a drill ends with it: before its alarm is told, so that it is not missed."""
        until = alarm.standing_until
        is_over = until is not None and until <= self.engine.clock.now()
        if alarm.about is not None and alarm.about.is_drill and is_over and alarm.case is not None:
            # Whatever it says: void already, or held by what people made of it, who then end it.
            await self.engine.handle(alarm.case, VoidCase("drill_over"), by=SYSTEM)

    async def tidy(self) -> None:
        """Forgets messages that can be no repeat any more."""
        before = self.engine.clock.now() - timedelta(seconds=2 * REPEAT_S)
        await self.engine.store.forget_seen(before)
