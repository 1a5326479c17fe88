"""The vault: what it opens, what it never opens, and what it leaves behind."""

import os
import stat
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.contracts.conftest import Node
from tests.contracts.seeing import look, permit_for
from tests.contracts.town import DISPATCHER, Town
from tocsin.kernel.shared import Actor, ActorId, CaseId, Refused, SealedRef
from tocsin.runtime.ports import Committed, SealedValue
from tocsin.runtime.sight import KINDS, PERMIT_LIVES, READERS
from tocsin.runtime.sight_ports import Answer, Ask, NotPermitted, Permit, SecondPerson, Wish
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.postgres.vault import PostgresVault
from tocsin.stores.vault import Chance, MasterKeys, Sealer, WrongMasterKey, load_master_keys
from tocsin.web.permissions import PURPOSES

KEYS = MasterKeys({1: os.urandom(32)}, 1)


def value(ref: str, subject: str = "r-1", words: bytes = b"secret") -> SealedValue:
    return SealedValue(SealedRef(ref), CaseId("c-1"), subject, "note", words)


# -- sealing


@given(words=st.binary(max_size=5_000), subject=st.text("ab-1", min_size=1))
def test_what_is_sealed_opens_and_shows_nothing(words: bytes, subject: str) -> None:
    sealer = Sealer(KEYS)
    (key,), (row,) = sealer.seal([value("v", subject, words)], {})
    assert sealer.open(row, key) == words
    assert len(words) < 4 or words not in row.ciphertext


def test_one_data_key_for_each_person_in_a_case() -> None:
    sealer = Sealer(KEYS)
    values = [value("v1"), value("v2"), value("v3", "r-2")]
    keys, rows = sealer.seal(values, {})
    assert [key.subject for key in keys] == ["r-1", "r-2"]
    assert len({row.nonce for row in rows}) == 3
    known = {(key.case_id, key.subject): key for key in keys}
    again, more = sealer.seal([value("v4")], known)
    assert again == [] and sealer.open(more[0], keys[0]) == b"secret"


@pytest.mark.parametrize(
    "change",
    [{"ref": "v9"}, {"case_id": "c-2"}, {"subject": "r-2"}, {"kind": "contact"},
     {"media_type": "text/html"}, {"nonce": b"0" * 12}, {"ciphertext": b"0" * 22}],
)  # fmt: skip
def test_a_row_that_was_moved_or_changed_does_not_open(change: dict[str, Any]) -> None:
    sealer = Sealer(KEYS)
    (key,), (row,) = sealer.seal([value("v")], {})
    with pytest.raises(InvalidTag):
        sealer.open(row._replace(**change), key)


def test_a_key_of_another_person_or_master_does_not_open() -> None:
    (key,), (row,) = Sealer(KEYS).seal([value("v")], {})
    with pytest.raises(WrongMasterKey):
        Sealer(KEYS).open(row, key._replace(subject="r-2"))
    with pytest.raises(WrongMasterKey):
        Sealer(MasterKeys({1: os.urandom(32)}, 1)).open(row, key)
    with pytest.raises(WrongMasterKey):
        Sealer(MasterKeys({2: KEYS.by_id[1]}, 2)).open(row, key)


def test_old_data_keys_open_after_a_rotation() -> None:
    (old,), (row,) = Sealer(KEYS).seal([value("v")], {})
    rotated = Sealer(MasterKeys({**KEYS.by_id, 2: os.urandom(32)}, 2))
    assert rotated.open(row, old) == b"secret"
    (new,), _ = rotated.seal([value("w", "r-2")], {})
    assert (old.master, new.master) == (1, 2)


# -- the key file


def test_the_key_file_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "vault.key"
    keys = load_master_keys(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_master_keys(path) == keys and keys.current == 1
    assert os.listdir(tmp_path) == ["vault.key"]
    assert keys.by_id[1].hex() not in repr(keys) and repr(keys.by_id[1]) not in repr(keys)


@pytest.mark.parametrize("text", ["", "# only words\n", "1 short\n", "x " + "A" * 44, "1\xff"])
def test_a_damaged_key_file_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "vault.key"
    path.write_bytes(text.encode("latin-1"))
    path.chmod(0o600)
    with pytest.raises(WrongMasterKey) as caught:
        load_master_keys(path)
    assert "short" not in str(caught.value) and "AAAA" not in str(caught.value)


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vault.key"
    load_master_keys(path)
    path.chmod(0o640)
    with pytest.raises(WrongMasterKey, match="chmod 600"):
        load_master_keys(path)


def test_a_missing_key_is_not_replaced_where_it_is_needed(tmp_path: Path) -> None:
    with pytest.raises(WrongMasterKey, match="missing"):
        load_master_keys(tmp_path / "vault.key", may_create=False)


# -- in the database


async def test_unknown_refs_are_left_out(node: Node) -> None:
    order = node.town.opening()
    await node.store.commit(order)
    refs = [order.sealed[0].ref, SealedRef("nobody"), order.sealed[0].ref]
    permit = await permit_for(node.vault, order.target, by=DISPATCHER)
    found = await node.vault.read(refs, [permit], by=DISPATCHER)
    assert found == {refs[0]: (b"A lamp is out", "text/plain; charset=utf-8")}


async def test_who_was_allowed_to_read_a_value_is_told_oldest_first(node: Node) -> None:
    first, second = node.town.opening(), node.town.opening()
    for order in (first, second):
        await node.store.commit(order)
    ref, other = first.sealed[0].ref, second.sealed[0].ref
    began = node.town.at
    one = await permit_for(node.vault, first.target, by=DISPATCHER)
    await node.vault.read([ref], [one], by=DISPATCHER)
    node.town.wait(60)
    two = await permit_for(node.vault, second.target, by=DISPATCHER)
    await node.vault.read([other], [two], by=DISPATCHER)
    node.town.wait(60)
    three = await permit_for(node.vault, first.target, by=DISPATCHER, purpose="supervision")
    await node.vault.read([ref], [three], by=DISPATCHER)
    found = await node.vault.readings([ref])
    assert [(each.at, each.by, each.kind, each.purpose) for each in found] == [
        (began, DISPATCHER.id, "staff", "handling"),
        (node.town.at, DISPATCHER.id, "staff", "supervision"),
    ]
    assert all(each.refs == (ref,) and each.fields == ("description",) for each in found)
    assert list(await node.vault.readings([])) == []
    records = await node.vault.opened(None, 10)
    assert [(each.case_id, each.purpose) for each in records] == [
        (first.target, "supervision"),
        (second.target, "handling"),
        (first.target, "handling"),
    ]
    assert len(await node.vault.opened(records[0].id, 10)) == 2


async def test_a_permit_opens_its_own_case_kind_actor_and_hour_only(node: Node) -> None:
    order, other = node.town.opening(), node.town.opening()
    for each in (order, other):
        await node.store.commit(each)
    words, contact = (each.ref for each in order.sealed)
    permit = await permit_for(node.vault, order.target, by=DISPATCHER)
    stranger = Actor(ActorId("staff-2"), "staff", ("dispatcher",))
    for refs, permits, by in (
        ([contact], [permit], DISPATCHER),
        ([words, contact], [permit], DISPATCHER),
        ([other.sealed[0].ref], [permit], DISPATCHER),
        ([words], [permit], stranger),
        ([words], [], DISPATCHER),
        ([words], [permit + 999], DISPATCHER),
    ):
        with pytest.raises(NotPermitted):
            await node.vault.read(refs, permits, by=by)
    assert list(await node.vault.opened(None, 10)) == [], "a refusal leaves no record of a reading"
    assert await permit_for(node.vault, order.target, by=DISPATCHER) == permit, "it still holds"
    node.town.wait(PERMIT_LIVES.total_seconds())
    with pytest.raises(NotPermitted):
        await node.vault.read([words], [permit], by=DISPATCHER)
    again = await permit_for(node.vault, order.target, by=DISPATCHER)
    assert again != permit and await node.vault.read([words], [again], by=DISPATCHER)
    await node.vault.give_back(again, by=DISPATCHER)
    with pytest.raises(NotPermitted):
        await node.vault.read([words], [again], by=DISPATCHER)


async def test_a_part_shows_the_words_of_the_case_it_was_split_off(node: Node) -> None:
    order = node.town.opening()
    await node.store.commit(order)
    part = CaseId("part")
    wish = Wish(part, (part, order.target), "test")
    found = await node.vault.permit([wish], by=DISPATCHER, purpose="handling")
    assert not isinstance(found, SecondPerson)
    assert await node.vault.read([order.sealed[0].ref], [found[0].id], by=DISPATCHER)


async def test_the_public_leaves_one_record_a_field_and_permit(node: Node) -> None:
    order = node.town.opening()
    await node.store.commit(order)
    public = Actor(ActorId("public"), "integration")
    permit = await permit_for(node.vault, order.target, by=public, purpose="publication")
    for _ in range(3):
        assert await node.vault.read([order.sealed[0].ref], [permit], by=public)
    assert len(await node.vault.readings([order.sealed[0].ref])) == 1
    assert list(await node.vault.opened(None, 10)) == [], "auditors look at persons"


async def test_many_cases_within_the_hour_need_a_second_person(node: Node) -> None:
    async def wish(number: int, **more: bool) -> tuple[Permit, ...] | SecondPerson:
        case_id = CaseId(f"c{number}")
        return await node.vault.permit(
            [Wish(case_id, (case_id,), **more)],
            by=DISPATCHER,
            purpose="handling",
            cases_an_hour=3,
        )

    for number in (1, 2, 3, 1):
        assert not isinstance(await wish(number), SecondPerson)
    assert await wish(4) == SecondPerson(("broad",))
    assert not isinstance(await wish(5, is_urgent=True), SecondPerson), "nobody waits in a storm"
    case_id = CaseId("c6")
    await node.vault.permit([Wish(case_id, (case_id,))], by=DISPATCHER, purpose="likeness")
    node.town.wait(3_601)
    for number in (4, 6, 7):
        assert not isinstance(await wish(number), SecondPerson), "what machines compare is none"


async def test_a_second_person_decides_once_and_is_never_the_asker(node: Node) -> None:
    order = node.town.opening()
    await node.store.commit(order)
    contact = order.sealed[1].ref
    case_id, boss = order.target, Actor(ActorId("boss"), "staff", ("supervisor",))
    wish = Wish(case_id, (case_id,), "dispatcher", needs=("contact",))

    async def tries() -> tuple[Permit, ...] | SecondPerson:
        return await node.vault.permit([wish], by=DISPATCHER, purpose="contact_reporter")

    async def decides(ask: int, by: Actor, answer: Answer = "approved") -> Ask | Refused:
        return await node.vault.decide(ask, by=by, role="supervisor", answer=answer, reason="x")

    assert await tries() == SecondPerson(("contact",))
    asked = await node.vault.ask(
        wish, by=DISPATCHER, purpose="contact_reporter", reason="needed_now"
    )
    again = await node.vault.ask(
        wish, by=DISPATCHER, purpose="contact_reporter", reason="needed_now"
    )
    assert again.id == asked.id and [each.id for each in await node.vault.asks(9)] == [asked.id]
    assert await decides(asked.id, DISPATCHER) == Refused(
        "second_is_asker", "another person decides"
    )
    assert await decides(99, boss) == Refused("ask_unknown", "")
    assert await tries() == SecondPerson(("contact",))
    said = await decides(asked.id, boss)
    assert not isinstance(said, Refused) and said.second == boss.id and said.permit is not None
    assert await decides(asked.id, boss, "denied") == Refused("ask_over", "")
    found = await tries()
    assert not isinstance(found, SecondPerson) and found[0].id == said.permit
    opened = await node.vault.read([contact], [said.permit], by=DISPATCHER)
    assert opened[contact][0] == b"+358 40 1234567"
    assert (await node.vault.readings([contact]))[0].second == boss.id
    await node.vault.give_back(said.permit, by=boss)
    assert await tries() == SecondPerson(("contact",))
    assert list(await node.vault.asks(9)) == []
    late = await node.vault.ask(
        wish, by=DISPATCHER, purpose="contact_reporter", reason="needed_now"
    )
    node.town.wait(3_600)
    assert await decides(late.id, boss) == Refused("ask_over", "")


async def test_the_list_of_purposes_is_the_database_s(
    postgres_store: PostgresStore, fresh_database: str
) -> None:
    connection = await asyncpg.connect(fresh_database)
    rows = await connection.fetch("SELECT code, kinds, reader FROM vault.purposes")
    await connection.close()
    assert {row[0]: frozenset(row[1]) for row in rows} == KINDS
    assert {row[0]: row[2] for row in rows} == READERS
    assert all(role_purpose in KINDS for role_purpose in PURPOSES)


async def test_the_record_stays_when_the_reading_fails(
    postgres_store: PostgresStore, fresh_database: str, master_keys: MasterKeys
) -> None:
    town = Town()
    order = town.opening()
    await postgres_store.commit(order)
    connection = await asyncpg.connect(fresh_database)
    await connection.execute("UPDATE vault.values SET kind = 'note'")
    vault = PostgresVault(postgres_store.readers, master_keys, town)
    permit = await permit_for(vault, order.target, by=DISPATCHER)
    with pytest.raises(InvalidTag):
        await vault.read([order.sealed[0].ref], [permit], by=DISPATCHER)
    assert await connection.fetchval("SELECT count(*) FROM vault.openings") == 1
    await connection.close()
    with pytest.raises(ValueError, match="purpose"):
        await vault.permit([], by=DISPATCHER, purpose=" ")


async def test_an_erased_person_is_gone_and_the_others_stay(
    postgres_store: PostgresStore, fresh_database: str, master_keys: MasterKeys
) -> None:
    town = Town()
    order = town.opening()
    note = town.noting(order.target)
    for each in (order, note):
        assert isinstance(await postgres_store.commit(each), Committed)
    before = await postgres_store.case(order.target)
    vault = PostgresVault(postgres_store.readers, master_keys, town)
    subject = order.sealed[0].subject
    erased = await vault.erase(order.target, subject, by=DISPATCHER, reason="asked")
    assert erased == 2
    refs = [value.ref for each in (order, note) for value in each.sealed]
    found = await look(vault, refs, order.target, by=DISPATCHER)
    assert list(found) == [note.sealed[0].ref]
    assert await postgres_store.case(order.target) == before
    connection = await asyncpg.connect(fresh_database)
    rows = await connection.fetch('SELECT actor, case_id, subject, "values" FROM vault.erasures')
    keys = await connection.fetchval("SELECT count(*) FROM vault.keys")
    await connection.close()
    assert [tuple(row) for row in rows] == [("staff-1", order.target, subject, 2)]
    assert keys == 1
    assert await vault.erase(order.target, subject, by=DISPATCHER, reason="again") == 0


async def test_another_master_key_refuses_to_start(
    postgres_store: PostgresStore, fresh_database: str, master_keys: MasterKeys
) -> None:
    stranger = MasterKeys({1: os.urandom(32)}, 1)
    with pytest.raises(WrongMasterKey, match="another database"):
        await PostgresStore(fresh_database, stranger).open()
    with pytest.raises(WrongMasterKey, match=r"restore vault\.key"):
        await PostgresStore(fresh_database, MasterKeys({2: os.urandom(32)}, 2)).open()
    rotated = MasterKeys({**master_keys.by_id, 2: os.urandom(32)}, 2)
    store = PostgresStore(fresh_database, rotated)
    await store.open()
    await store.close()


async def test_values_of_a_refused_order_are_not_kept(node: Node) -> None:
    order = node.town.opening()
    await node.store.commit(order)
    again = replace(node.town.opening(order.target), sealed=(value("new"),))
    await node.store.commit(again)
    assert await look(node.vault, [SealedRef("new")], order.target, by=DISPATCHER) == {}


def test_chance_is_never_given_twice() -> None:
    chance = Chance()
    given = [chance.take(size) for size in (32, 12, 12) * 200]
    assert [len(each) for each in given] == [32, 12, 12] * 200
    assert len(set(given)) == len(given)
    assert len(chance.take(10_000)) == 10_000


def test_the_orders_of_a_transaction_may_share_their_chance() -> None:
    sealer, chance = Sealer(KEYS), Chance()
    made = [sealer.seal([value("one")], {}, chance) for _ in range(40)]
    assert all(sealer.open(rows[0], keys[0]) == b"secret" for keys, rows in made)
    nonces = {rows[0].nonce for _, rows in made} | {keys[0].wrapped_key[:12] for keys, _ in made}
    assert len(nonces) == 80
