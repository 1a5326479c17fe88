"""What must hold after any run, whatever went wrong in it. Each checker looks from outside.

They trust the journal's order and the ledger of what people were told, and nothing else; none of
them asks the code that it checks. `tests/simulation` plants a bug for each and sees it found.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Final

import msgspec

from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.cases.react import Tell
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import Actor, ActorId, CaseId, Instant
from tocsin.packs.model import Pack
from tocsin.runtime.addresses import addresses
from tocsin.runtime.codec import encode_case, encode_command, encode_events
from tocsin.runtime.ports import CaseQuery, JournalEntry, Message
from tocsin.runtime.reception import Reception
from tocsin.runtime.verify import verify
from tocsin.simulation.promises import Promises
from tocsin.simulation.town import MARK, Ledger
from tocsin.stores.memory import MemoryStore, MemoryVault

CHECKER: Final = Actor(ActorId("checker"), "system")
MISSED: Final = "deadline_missed"


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken promise: which checker, where, and what in words without personal data."""

    checker: str
    where: str
    what: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything a checker may look at."""

    ledger: Ledger
    store: MemoryStore
    vault: MemoryVault
    pack: Pack
    reception: Reception
    journal: Sequence[JournalEntry]
    messages: Sequence[Message]
    """Every message that was delivered, to staff and to reporters."""
    logs: Sequence[bytes]
    now: Instant
    late_max_s: float
    """How long the runner may have stood still, by the faults that were drawn."""


Checker = Callable[[Evidence], Awaitable[list[Finding]]]


async def accepted_reports_kept(seen: Evidence) -> list[Finding]:
    """Every report that was acknowledged is found by its receipt, in a case, with its words."""
    found: list[Finding] = []
    for sent in seen.ledger.sent.values():
        for receipt in sent.receipts:
            where = f"{sent.key} {receipt.case_id}"
            known = await seen.store.receipt(seen.reception.code_hash(receipt.code))
            if known != (receipt.case_id, receipt.report_id):
                found.append(Finding("accepted_reports_kept", where, "its receipt is not known"))
                continue
            row = await seen.store.case(receipt.case_id)
            reports = row.case.reports if row is not None else ()
            report = next((each for each in reports if each.id == receipt.report_id), None)
            if report is None or report.description is None:
                found.append(Finding("accepted_reports_kept", where, "the report is not there"))
                continue
            opened = await seen.vault.open((report.description,), by=CHECKER, purpose="check")
            value = opened.get(report.description, (b"{}", ""))[0]
            if msgspec.json.decode(value).get("text") != sent.text:
                found.append(Finding("accepted_reports_kept", where, "its words are not there"))
    return found


async def repeats_are_one(seen: Evidence) -> list[Finding]:
    """The same report sent again is one report with one receipt."""
    found: list[Finding] = []
    # Split children begin with the parent's words: the same reference, counted once.
    journalled = {
        event.report.description
        for entry in seen.journal
        for event in entry.events
        if isinstance(event, words.CaseOpened | words.ReportAttached)
        and event.report.description is not None
    }
    texts: Counter[str] = Counter()
    for ref in sorted(journalled):
        opened = await seen.vault.open((ref,), by=CHECKER, purpose="check")
        for value, _ in opened.values():
            texts[msgspec.json.decode(value)["text"]] += 1
    for sent in seen.ledger.sent.values():
        answers = {(each.case_id, each.report_id, each.code) for each in sent.receipts}
        if len(answers) > 1:
            found.append(Finding("repeats_are_one", sent.key, f"{len(answers)} receipts"))
        if texts[sent.text] > 1:
            times = texts[sent.text]
            found.append(Finding("repeats_are_one", sent.key, f"it was opened {times} times"))
    return found


async def misses_escalated_once(seen: Evidence) -> list[Finding]:
    """Every deadline that passed was missed on the journal exactly once, and every miss reached
    each of its audiences exactly once."""
    cases: dict[CaseId, Promises] = {}
    for entry in seen.journal:
        promises = cases.setdefault(entry.case_id, Promises())
        for event in entry.events:
            promises.follow(event)
    found: list[Finding] = []
    for case_id, promises in cases.items():
        promises.finish(seen.now)
        found += [
            Finding("misses_escalated_once", f"{case_id} {key}", what)
            for key, what in promises.broken
        ]
    return found + await _told(seen)


async def _told(seen: Evidence) -> list[Finding]:
    """The misses of the journal beside the messages that arrived, entry by entry: the key of a
    message begins with the case and the version whose errand it was."""
    owed: Counter[str] = Counter()
    for entry in seen.journal:
        for event in entry.events:
            if isinstance(event, words.DeadlineMissed):
                row = await seen.store.case(entry.case_id)
                assert row is not None, "a case with a journal is on the board"
                for audience in event.tell:
                    # How many reporters there are may change until they are told.
                    if audience != "reporters":
                        tell = Tell(audience, MISSED, agency=event.agency)
                        owed[f"{entry.case_id}:{entry.version}"] += len(addresses(row.case, tell))
    came: Counter[str] = Counter()
    keys: set[str] = set()
    found: list[Finding] = []
    for message in seen.messages:
        if message.key in keys:
            found.append(Finding("misses_escalated_once", message.key, "delivered twice"))
        keys.add(message.key)
        if message.template == MISSED and not message.audience.startswith("report:"):
            came[":".join(message.key.split(":")[:2])] += 1
    for where in sorted(owed.keys() | came.keys()):
        if owed[where] != came[where]:
            what = f"{came[where]} messages of misses for {owed[where]} owed"
            found.append(Finding("misses_escalated_once", where, what))
    return found


async def clocks_speak_in_time(seen: Evidence) -> list[Finding]:
    """Clocks speak by themselves: a miss or a rung is on the journal soon after its instant, and
    not only because somebody happened to touch the case later."""
    found: list[Finding] = []
    merged: dict[CaseId, Instant] = {}
    for entry in seen.journal:
        for event in entry.events:
            if isinstance(event, words.CaseUnmerged):
                merged[entry.case_id] = entry.at
            if not isinstance(event, words.DeadlineMissed | words.ClockEscalated):
                continue
            # What came due while the case was merged away speaks when it is back.
            since = max(event.at, merged.get(entry.case_id, event.at))
            if (entry.at - since).total_seconds() > seen.late_max_s:
                where = f"{entry.case_id} {event.key}"
                found.append(Finding("clocks_speak_in_time", where, "spoke late"))
    return found


async def nobody_verifies_own_claim(seen: Evidence) -> list[Finding]:
    """Where the pack asks for four eyes, whoever claimed did not verify."""
    found: list[Finding] = []
    claimants: dict[CaseId, set[ActorId]] = defaultdict(set)
    types: dict[CaseId, str] = {}
    for entry in seen.journal:
        for event in entry.events:
            match event:
                case words.CaseOpened() | words.CaseTriaged():
                    types[entry.case_id] = event.case_type
                case words.TaskClaimedDone():
                    claimants[entry.case_id].add(event.by)
                case words.CheckFailed() | words.CaseReopened():
                    claimants[entry.case_id].clear()
                case words.CaseVerified() if event.by in claimants[entry.case_id]:
                    policy = seen.pack.policy(types[entry.case_id])
                    if policy is None or policy.verification.four_eyes:
                        what = "verified by a claimant"
                        found.append(Finding("nobody_verifies_own_claim", entry.case_id, what))
                case _:
                    pass
    return found


async def board_tells_the_journal(seen: Evidence) -> list[Finding]:
    """Folding the journal gives the board."""
    report = await verify(seen.store)
    return [Finding("board_tells_the_journal", each.case_id, each.what) for each in report.shown]


async def nothing_sealed_outside(seen: Evidence) -> list[Finding]:
    """No sealed word in journal, board, messages or logs."""
    found: list[Finding] = []
    mark = MARK.encode()
    for where, data in _exposed(seen):
        if mark in data:
            found.append(Finding("nothing_sealed_outside", where, "a sealed value"))
    async for row in _rows(seen.store):
        if mark in encode_case(row):
            found.append(Finding("nothing_sealed_outside", row.id, "a sealed value on the board"))
    return found


def _exposed(seen: Evidence) -> Iterator[tuple[str, bytes]]:
    for entry in seen.journal:
        yield f"journal {entry.seq}", encode_command(entry.command) + encode_events(entry.events)
        yield f"journal {entry.seq} by", entry.by.id.encode()
    for message in seen.messages:
        shown = [str(getattr(message, each.name)) for each in fields(Message)]
        yield f"message {message.case_id}", " ".join(shown).encode()
    for number, line in enumerate(seen.logs):
        yield f"log line {number}", line


async def _rows(store: MemoryStore) -> AsyncIterator[Case]:
    async for audit in store.audit():
        if audit.row is not None:
            yield audit.row.case


async def everything_ends(seen: Evidence) -> list[Finding]:
    """After the faults stopped and everyone worked on: no open case, no dead errand, no clock
    that should have spoken."""
    found: list[Finding] = []
    page = await seen.store.cases(CaseQuery(open_only=True, limit=1_000))
    for row in page.rows:
        found.append(Finding("everything_ends", row.case.id, f"still {row.case.status}"))
    for dead, _ in await seen.store.dead_letters(100):
        found.append(Finding("everything_ends", dead.case_id, "an errand is dead"))
    oldest = await seen.store.oldest_wake()
    if oldest is not None and oldest < seen.now:
        found.append(Finding("everything_ends", "", "a clock has not spoken"))
    return found


SAFETY: Final[tuple[Checker, ...]] = (
    accepted_reports_kept,
    repeats_are_one,
    misses_escalated_once,
    clocks_speak_in_time,
    nobody_verifies_own_claim,
    board_tells_the_journal,
    nothing_sealed_outside,
)
LIVENESS: Final[tuple[Checker, ...]] = (everything_ends,)


async def examine(seen: Evidence) -> list[Finding]:
    """Everything that every checker finds."""
    found: list[Finding] = []
    for checker in SAFETY + LIVENESS:
        found += await checker(seen)
    return found
