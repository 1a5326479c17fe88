"""What every store promises."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from msgspec.structs import replace as with_

from tests.contracts.conftest import Node
from tests.contracts.seeing import look
from tests.contracts.town import AREAS, PLACE, START
from tocsin.kernel.cases.evolve import fold
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import AgencyId, AreaId, CaseId, Place, Refused, ReportId
from tocsin.runtime.ports import BoardRow, CaseQuery, Committed, Message
from tocsin.runtime.verify import verify
from tocsin.stores.querying import BadCursor


async def done(node: Node, order: Any) -> Committed:
    outcome = await node.store.commit(order)
    assert isinstance(outcome, Committed), outcome
    return outcome


async def opened(node: Node, **how: Any) -> CaseId:
    order = node.town.opening(**how)
    await done(node, order)
    return order.target


def ids(rows: Sequence[BoardRow]) -> list[CaseId]:
    return [row.case.id for row in rows]


async def nothing_written(node: Node, before: int) -> bool:
    return await node.store.last_seq() == before


# -- commit


async def test_an_opened_case_is_on_board_journal_errands_vault_and_receipts(node: Node) -> None:
    order = node.town.opening()
    committed = await done(node, order)
    assert committed.versions == {order.target: 1}
    assert committed.answer == {"case": order.target}
    assert not committed.repeated

    row = await node.store.case(order.target)
    assert row == BoardRow(committed.cases[order.target], 1, START)
    (entry,) = await node.store.journal(order.target)
    assert (entry.version, entry.at, entry.by) == (1, START, order.by)
    assert entry.command == order.command
    assert entry.events == committed.events[order.target]
    assert fold(Case(order.target), entry.events) == committed.cases[order.target]

    (code_hash, report), *_ = order.receipts
    assert await node.store.receipt(code_hash) == (order.target, report)
    assert await node.store.receipt(b"another") is None
    refs = [value.ref for value in order.sealed]
    found = await look(node.vault, refs, order.target, by=order.by)
    assert found == {value.ref: (value.value, value.media_type) for value in order.sealed}
    assert (await verify(node.store)).is_clean  # pyright: ignore[reportArgumentType]


async def test_an_unknown_case_is_none(node: Node) -> None:
    assert await node.store.case(CaseId("nobody")) is None
    assert await node.store.case(CaseId("nul\0nul")) is None
    assert await node.store.journal(CaseId("nobody")) in ([], ())


async def test_versions_count_journal_entries(node: Node) -> None:
    case_id = await opened(node)
    node.town.wait(60)
    committed = await done(node, node.town.accepting(case_id))
    assert committed.versions == {case_id: 2}
    row = await node.store.case(case_id)
    assert row is not None and row.case.status == "accepted"
    assert row.updated_at == node.town.at
    assert [entry.version for entry in await node.store.journal(case_id)] == [1, 2]


async def test_nothing_to_do_writes_nothing(node: Node) -> None:
    case_id = await opened(node)
    await done(node, node.town.accepting(case_id))
    before = await node.store.last_seq()
    again = await done(node, node.town.accepting(case_id))
    assert again.versions == {case_id: 2} and again.events == {case_id: ()}
    assert await nothing_written(node, before)


async def test_a_refusal_writes_nothing(node: Node) -> None:
    case_id = await opened(node)
    await done(node, node.town.refusing(case_id))
    before = await node.store.last_seq()
    row = await node.store.case(case_id)
    order = with_(node.town.accepting(case_id), key="k1", sealed=node.town.opening().sealed)
    assert await node.store.commit(order) == Refused("not_from_here", "from received only")
    assert await nothing_written(node, before)
    assert await node.store.case(case_id) == row
    refs = [value.ref for value in order.sealed]
    assert await look(node.vault, refs, order.target, by=order.by) == {}
    # The key was not taken: the same key may be used for what is allowed.
    later = with_(node.town.opening(), key="k1")
    assert not (await done(node, later)).repeated


async def test_a_repeated_key_changes_nothing_and_gets_the_first_answer(node: Node) -> None:
    first = node.town.opening(key="same", fingerprint="f", answer={"token": "t1", "n": 1})
    await done(node, first)
    before = await node.store.last_seq()
    second = node.town.opening(key="same", fingerprint="f", answer={"token": "t2"})
    repeated = await done(node, second)
    assert repeated.repeated and repeated.answer == {"token": "t1", "n": 1}
    assert await nothing_written(node, before)
    assert await node.store.case(second.target) is None


async def test_a_key_with_another_request_is_refused(node: Node) -> None:
    await done(node, node.town.opening(key="same", fingerprint="one"))
    outcome = await node.store.commit(node.town.opening(key="same", fingerprint="two"))
    assert isinstance(outcome, Refused) and outcome.reason == "key_reused"


async def test_a_key_is_kept_when_there_was_nothing_to_do(node: Node) -> None:
    case_id = await opened(node)
    await done(node, node.town.accepting(case_id))
    await done(node, node.town.accepting(case_id, key="k", answer={"ok": True}))
    repeated = await done(node, node.town.accepting(case_id, key="k", answer={"ok": False}))
    assert repeated.repeated and repeated.answer == {"ok": True}


async def test_a_stale_version_is_refused(node: Node) -> None:
    case_id = await opened(node)
    await done(node, node.town.accepting(case_id, expected_version=1))
    outcome = await node.store.commit(node.town.noting(case_id, expected_version=1))
    assert isinstance(outcome, Refused) and outcome.reason == "stale_version"


async def test_an_id_that_is_taken_is_refused(node: Node) -> None:
    case_id = await opened(node)
    outcome = await node.store.commit(node.town.opening(case_id))
    assert isinstance(outcome, Refused) and outcome.reason == "already_exists"
    row = await node.store.case(case_id)
    assert row is not None and row.version == 1


async def test_a_plan_that_fails_writes_nothing_and_is_counted(node: Node) -> None:
    def broken(_: Any) -> Any:
        raise AssertionError("our bug")

    case_id = await opened(node)
    before = await node.store.last_seq()
    with pytest.raises(AssertionError, match="our bug"):
        await node.store.commit(with_(node.town.accepting(case_id), plan=broken))
    assert await nothing_written(node, before)
    assert node.store.faults == 1  # pyright: ignore[reportAttributeAccessIssue]
    await done(node, node.town.accepting(case_id))


async def test_a_merge_touches_both_cases_in_one_entry_each(node: Node) -> None:
    one, two = await opened(node), await opened(node)
    committed = await done(node, node.town.merging(one, two))
    assert committed.versions == {one: 2, two: 2}
    assert committed.cases[two].status == "merged"
    assert committed.cases[one].links.absorbed == (two,)
    assert [entry.seq for entry in await node.store.tail(2, 10)] == [3, 4]


async def test_notes_of_one_person_share_a_data_key(node: Node) -> None:
    case_id = await opened(node)
    orders = [node.town.noting(case_id, f"note {n}") for n in range(3)]
    for order in orders:
        await done(node, order)
    refs = [order.sealed[0].ref for order in orders]
    found = await look(node.vault, refs, case_id, by=orders[0].by)
    assert [value for value, _ in found.values()] == [b"note 0", b"note 1", b"note 2"]


# -- lists


async def test_lists_page_through_everything_once(node: Node) -> None:
    for number in range(17):
        due = None if number % 5 == 0 else 3600.0 * (number % 4 + 1)
        await opened(node, due_s=due)
        node.town.wait(60)
    for order in ("due", "opened", "updated"):
        query = CaseQuery(open_only=True, order=order, limit=5)
        seen: list[CaseId] = []
        pages = 0
        while True:
            page = await node.store.cases(query)
            seen += ids(page.rows)
            pages += 1
            if page.next is None:
                break
            query = replace(query, after=page.next)
        assert pages == 4 and len(seen) == len(set(seen)) == 17
        assert await node.store.count(query) == 17


async def test_due_runs_up_and_cases_without_a_clock_come_last(node: Node) -> None:
    never = await opened(node, due_s=None)
    late = await opened(node, due_s=7200)
    soon = await opened(node, due_s=3600)
    page = await node.store.cases(CaseQuery(open_only=True))
    assert ids(page.rows) == [soon, late, never]
    node.town.wait(1)
    newest = await opened(node)
    page = await node.store.cases(CaseQuery(order="opened", limit=1))
    assert ids(page.rows) == [newest]


async def test_every_condition_of_a_list_holds(node: Node) -> None:
    other = AREAS._replace(village=AreaId("village-2"), cell=AreaId("cell-2"))
    fire = await opened(node, case_type="fire", agencies=("brigade", "police"), due_s=600)
    node.town.wait(3600)
    away = await opened(node, areas=other)
    shown = await opened(node)
    await done(node, node.town.publishing(shown))
    closed = await opened(node)
    node.town.wait(3600)
    await done(node, node.town.refusing(closed))
    hour = timedelta(hours=1)
    for query, expected in (
        (CaseQuery(tier="village", area=AreaId("village-2")), {away}),
        (CaseQuery(area=AreaId("cell-2")), {away}),
        (CaseQuery(tier="town", area=AREAS.town), {fire, away, shown, closed}),
        (CaseQuery(tier="cell", area=AREAS.village), set[CaseId]()),
        (CaseQuery(open_only=True), {fire, away, shown}),
        (CaseQuery(statuses=("refused",)), {closed}),
        (CaseQuery(statuses=("refused",), open_only=True), set[CaseId]()),
        (CaseQuery(statuses=("refused", "received")), {away, shown, closed}),
        (CaseQuery(statuses=("dispatched", "received")), {fire, away, shown}),
        (CaseQuery(agencies=(AREAS.town, "police")), {fire}),  # type: ignore[arg-type]
        (CaseQuery(case_types=("fire",)), {fire}),
        (CaseQuery(case_types=("fire", "lighting"), open_only=True), {fire, away, shown}),
        (CaseQuery(priorities=(3,)), {fire, away, shown, closed}),
        (CaseQuery(priorities=(1,)), set[CaseId]()),
        (CaseQuery(ids=(fire, CaseId("nobody"))), {fire}),
        (CaseQuery(opened_from=START + hour), {away, shown, closed}),
        (CaseQuery(opened_to=START + hour), {fire}),
        (CaseQuery(updated_from=START + 2 * hour), {closed}),
        (CaseQuery(updated_to=START + hour), {fire}),
        (CaseQuery(due_before=START + hour), {fire}),
        (CaseQuery(published_only=True), {shown}),
        (
            CaseQuery(tier="town", area=AREAS.town, statuses=("received",), open_only=True),
            {away, shown},
        ),
    ):
        for order in ("due", "opened", "updated"):
            page = await node.store.cases(replace(query, order=order))
            assert set(ids(page.rows)) == expected, (query, order)
        assert await node.store.count(query) == len(expected), query


@pytest.mark.parametrize("cursor", ["", "%", "aGVsbG8", "fA", "MjAyNi0wMS0wMXxhCg", "x" * 300])
async def test_a_forged_cursor_is_refused(node: Node, cursor: str) -> None:
    with pytest.raises(BadCursor):
        await node.store.cases(CaseQuery(after=cursor))


async def test_near_finds_open_and_just_closed_cases_nearest_first(node: Node) -> None:
    def north(metres: float) -> Place:
        return Place(PLACE.lon, PLACE.lat + metres / 111_195.0)

    far = await opened(node, place=north(320))
    here = await opened(node)
    close = await opened(node, place=north(-90))
    gone = await opened(node, place=north(150))
    await done(node, node.town.refusing(gone))
    since = node.town.at
    node.town.wait(60)
    just = await opened(node, place=north(200))
    await done(node, node.town.refusing(just))
    assert ids(await node.store.near(PLACE, 300, since, 10)) == [here, close, just]
    assert ids(await node.store.near(PLACE, 1000, since, 2)) == [here, close]
    assert ids(await node.store.near(PLACE, 330, since, 10))[-1] == far
    assert await node.store.near(Place(0.0, 0.0), 1000, since, 10) == []


# -- journal


async def test_the_journal_is_read_in_order_and_whole(node: Node) -> None:
    cases = [await opened(node) for _ in range(5)]
    for case_id in cases:
        await done(node, node.town.accepting(case_id))
    everything = [entry async for entry in node.store.entries()]
    assert len(everything) == 10 == len(await node.store.tail(0, 100))
    assert all(one.seq < two.seq for one, two in pairwise(everything))
    assert everything[-1].seq == await node.store.last_seq()
    middle = everything[3].seq
    assert [entry async for entry in node.store.entries(middle)] == everything[4:]
    assert list(await node.store.tail(middle, 2)) == everything[4:6]


async def test_a_span_of_the_journal_is_read_by_time(node: Node) -> None:
    cases = list[CaseId]()
    for _ in range(6):
        cases.append(await opened(node))
        node.town.wait(60)
    everything = [entry async for entry in node.store.entries()]
    first, last = START + timedelta(minutes=1), START + timedelta(minutes=4)
    assert list(await node.store.between(first, last, 100)) == everything[1:4]
    assert list(await node.store.between(first, last, 2)) == everything[1:3]
    rest = await node.store.between(first, last, 100, everything[1].seq)
    assert list(rest) == everything[2:4]
    assert list(await node.store.between(last, last, 100)) == []
    assert list(await node.store.between(START, START + timedelta(days=1), 100)) == everything


# -- timers and errands


async def test_waking_is_earliest_first(node: Node) -> None:
    late = await opened(node, due_s=72_000)
    soon = await opened(node, due_s=36_000)
    await opened(node, due_s=None)
    assert await node.store.oldest_wake() == START + timedelta(seconds=1800)
    assert await node.store.waking(START + timedelta(seconds=1799), 10) == []
    assert await node.store.waking(START + timedelta(seconds=1800), 10) == [soon]
    assert await node.store.waking(START + timedelta(days=1), 10) == [soon, late]
    assert await node.store.waking(START + timedelta(days=1), 1) == [soon]


async def test_an_errand_is_leased_failed_buried_and_revived(node: Node) -> None:
    case_id = await opened(node, agencies=("brigade", "police"))
    now = node.town.at
    taken = await node.store.take_errands(now, 30, 10)
    assert taken, "agencies and reporter must be told"
    due = taken[0]
    assert due.case_id == case_id and due.attempts == 0 and due.created_at == now
    assert await node.store.take_errands(now, 30, 10) == []
    for other in taken[1:]:
        await node.store.finish_errand(other.key, now)

    again = await node.store.take_errands(node.town.wait(31), 30, 10)
    assert [(errand.key, errand.attempts) for errand in again] == [(due.key, 1)]
    await node.store.fail_errand(due.key, "no route", node.town.at + timedelta(seconds=5))
    assert await node.store.take_errands(node.town.wait(4), 30, 10) == []
    assert len(await node.store.take_errands(node.town.wait(2), 30, 10)) == 1

    await node.store.fail_errand(due.key, "no route at all", None)
    assert await node.store.take_errands(node.town.wait(3600), 30, 10) == []
    ((dead, error),) = await node.store.dead_letters(10)
    assert (dead.key, dead.errand, error) == (due.key, due.errand, "no route at all")
    assert await node.store.revive_errand(due.key, node.town.at)
    assert not await node.store.revive_errand(due.key, node.town.at)
    (revived,) = await node.store.take_errands(node.town.at, 30, 10)
    assert revived.key == due.key and revived.attempts == 0
    await node.store.finish_errand(due.key, node.town.at)
    await node.store.finish_errand(due.key, node.town.at)
    assert await node.store.take_errands(node.town.wait(3600), 30, 10) == []


# -- messages


async def test_messages_are_delivered_once_into_threads_and_inboxes(node: Node) -> None:
    case_id = await opened(node)
    report = ReportId("r-1")
    at = node.town.at
    for number in range(5):
        audience = f"agency:{number % 2}"
        message = Message(f"m{number}", case_id, at, audience, "opened")
        await node.store.deliver(message)
        await node.store.deliver(replace(message, template="changed"))
    await node.store.deliver(Message("t1", case_id, at, "", "received", report))
    await node.store.deliver(Message("t2", case_id, at, "", "accepted", report))
    assert [message.key for message in await node.store.thread(report)] == ["t1", "t2"]
    other = await opened(node)
    await node.store.deliver(Message("o1", other, at, "agency:0@other", "opened"))
    told = await node.store.told(case_id)
    assert [message.key for message in told] == ["m0", "m1", "m2", "m3", "m4", "t1", "t2"]
    assert [message.key for message in await node.store.told(other)] == ["o1"]
    inbox = await node.store.inbox(("agency:0",), None, 2)
    assert [(message.key, message.template) for message in inbox] == [
        ("m4", "opened"),
        ("m2", "opened"),
    ]
    rest = await node.store.inbox(("agency:0",), "m2", 2)
    assert [message.key for message in rest] == ["m0"]
    assert len(await node.store.inbox(("agency:0", "agency:1"), None, 10)) == 5
    assert await node.store.inbox(("nobody",), None, 10) == []
    assert await node.store.inbox((), None, 10) == []


async def test_the_list_of_an_agency_follows_its_tasks(node: Node) -> None:
    both = await opened(node, agencies=("brigade", "police"), due_s=100_000)
    mine = [await opened(node, agencies=("brigade",), due_s=1000.0 * (n + 1)) for n in range(7)]
    await opened(node, agencies=("police",), areas=AREAS._replace(village=AreaId("village-2")))
    brigade, police = AgencyId("brigade"), AgencyId("police")
    query = CaseQuery(agencies=(brigade,), open_only=True, limit=3)
    seen: list[CaseId] = []
    while True:
        page = await node.store.cases(query)
        seen += ids(page.rows)
        if page.next is None:
            break
        query = replace(query, after=page.next)
    assert seen == [*mine, both]
    either = CaseQuery(agencies=(police, brigade), open_only=True)
    assert len(ids((await node.store.cases(either)).rows)) == 9
    here = replace(
        either, tier="village", area=AREAS.village, due_before=START + timedelta(hours=1)
    )
    assert set(ids((await node.store.cases(here)).rows)) == set(mine)
    anywhere = replace(either, area=AREAS.village, case_types=("lighting",), priorities=(3,))
    assert set(ids((await node.store.cases(anywhere)).rows)) == {both, *mine}

    await done(node, node.town.cancelling(both, "brigade"))
    await done(node, node.town.refusing(mine[0]))
    listed = CaseQuery(agencies=(brigade,), open_only=True)
    assert ids((await node.store.cases(listed)).rows) == mine[1:]
    assert await node.store.count(listed) == 6
    gone = CaseQuery(agencies=(brigade,), statuses=("refused",), order="updated")
    assert ids((await node.store.cases(gone)).rows) == [mine[0]]
    assert (await verify(node.store)).is_clean  # pyright: ignore[reportArgumentType]
