"""A person's word on published words: which text it is about, and what goes when words go. Each on
the store in memory and on PostgreSQL. And legal holds, which both keep as well."""

from __future__ import annotations

from datetime import timedelta

import asyncpg
import pytest

from tests.contracts.conftest import Node
from tests.contracts.seeing import permit_for
from tests.contracts.town import DISPATCHER
from tocsin.kernel.shared import Actor, ActorId, CaseId, SealedRef
from tocsin.runtime.ports import SealedValue
from tocsin.runtime.redactions import gapped, marks_of, merged, public_text
from tocsin.runtime.retention import UNCONFIRMED_HOLDS, HoldStanding, SamePerson
from tocsin.runtime.sight_ports import NotPermitted

OTHER = Actor(ActorId("otto"), "staff", ("supervisor",))
FIRST, SECOND = SealedRef("words-1"), SealedRef("words-2")


async def told(node: Node) -> CaseId:
    """A case with two texts of two people."""
    case = node.town.new_id()
    values = [
        SealedValue(ref, case, subject, "description", words.encode())
        for ref, subject, words in (
            (FIRST, "r-1", "Dark. Call Ada"),
            (SECOND, "r-2", "Dark. Call Ben"),
        )
    ]
    await node.store.commit(node.town.opening(case, sealed=tuple(values)))
    return case


async def version(node: Node, ref: SealedRef) -> str:
    return (await node.redactions.versions([ref]))[ref]


async def test_the_last_word_on_this_text_counts(node: Node) -> None:
    case = await told(node)
    store, first = node.redactions, await version(node, FIRST)
    assert await store.decided({case: FIRST}) == {}, "nobody has spoken"
    edited = await store.decide(
        *(case, FIRST, first, "edited", "Dark. […]"), by=DISPATCHER, role="dispatcher"
    )
    assert edited is not None and edited.value is not None
    assert await store.decided({case: FIRST}) == {case: edited}
    held = await store.decide(case, FIRST, first, "held", None, by=OTHER, role="supervisor")
    assert held is not None and held.value is None
    again = await store.decide(
        *(case, FIRST, first, "accepted", "Dark. Call […]"), by=OTHER, role="supervisor"
    )
    assert await store.decided({case: FIRST}) == {case: again}

    permit = await permit_for(node.vault, case, by=OTHER, purpose="publication")
    assert again is not None and again.value is not None
    opened = await node.vault.read([again.value], [permit], by=OTHER)
    assert opened[again.value][0].decode() == "Dark. Call […]"
    handling = await permit_for(node.vault, case, by=OTHER)
    with pytest.raises(NotPermitted):
        await node.vault.read([again.value], [handling], by=OTHER)


async def test_a_word_on_another_text_is_none(node: Node) -> None:
    """Another person's words, another case, or words that came in the place of those."""
    case = await told(node)
    store, first = node.redactions, await version(node, FIRST)
    await store.decide(case, FIRST, first, "accepted", "Dark", by=OTHER, role="supervisor")
    assert await store.decided({case: SECOND}) == {}
    assert await store.decided({CaseId("another"): FIRST}) == {}
    wrong = await store.decide(case, SECOND, first, "held", None, by=OTHER, role="supervisor")
    gone = await store.decide(
        *(case, SealedRef("none"), first, "held", None), by=OTHER, role="supervisor"
    )
    assert (wrong, gone) == (None, None)
    assert await store.decided({case: SECOND}) == {}, "nothing was written"


async def test_the_decided_text_goes_with_the_words_it_was_made_from(node: Node) -> None:
    case = await told(node)
    store, first = node.redactions, await version(node, FIRST)
    made = await store.decide(case, FIRST, first, "edited", "Dark", by=OTHER, role="supervisor")
    assert made is not None and made.value is not None
    assert await node.vault.erase(case, "r-1", by=OTHER, reason="request") == 2
    assert await store.decided({case: FIRST}) == {} and await store.versions([FIRST]) == {}
    assert await store.versions([made.value]) == {}
    assert (await store.decide(case, FIRST, first, "held", None, by=OTHER, role="s")) is None


async def test_new_bytes_under_an_old_name_have_no_word(node: Node, fresh_database: str) -> None:
    """As a restored or a repaired database may have it: the reference is the same, the text not."""
    case = await told(node)
    store, first = node.redactions, await version(node, FIRST)
    await store.decide(case, FIRST, first, "accepted", "Dark", by=OTHER, role="supervisor")
    if hasattr(node.vault, "put"):
        words = SealedValue(FIRST, case, "r-1", "description", b"Call Eve")
        node.vault._values[FIRST] = words  # type: ignore[attr-defined]
    else:
        connection = await asyncpg.connect(fresh_database)
        await connection.execute("SELECT set_config('tocsin.keeping', 'on', false)")
        done = await connection.execute(
            "UPDATE vault.values SET ciphertext = ciphertext || '\\x00' WHERE ref = $1", FIRST
        )
        await connection.close()
        assert done == "UPDATE 1"
    assert await version(node, FIRST) != first
    assert await store.decided({case: FIRST}) == {}
    late = await store.decide(case, FIRST, first, "held", None, by=OTHER, role="supervisor")
    assert late is None


async def test_a_photo_is_shown_after_a_word_on_it_and_on_no_other(node: Node) -> None:
    case, pictures = node.town.new_id(), (SealedRef("photo-1"), SealedRef("photo-2"))
    values = tuple(SealedValue(ref, case, "r-1", "media", ref.encode()) for ref in pictures)
    await node.store.commit(node.town.opening(case, sealed=values))
    store, first = node.redactions, (case, pictures[0])
    versions = await store.versions(pictures)
    pieces = [(case, ref) for ref in pictures]
    assert await store.last_on(pieces) == {}, "nobody has looked"
    by = {"by": OTHER, "role": "supervisor"}
    wrong = await store.judge_photo(*first, versions[pictures[1]], is_released=True, **by)
    assert wrong is None and await store.last_on(pieces) == {}
    out = await store.judge_photo(*first, versions[pictures[0]], is_released=True, **by)
    assert out is not None and (out.decision, out.value) == ("accepted", pictures[0])
    assert await store.last_on(pieces) == {first: out}
    assert await store.last_on([(CaseId("another"), pictures[0])]) == {}
    back = await store.judge_photo(*first, versions[pictures[0]], is_released=False, **by)
    assert back is not None and back.decision == "held"
    assert await store.last_on(pieces) == {first: back}
    permit = await permit_for(node.vault, case, by=OTHER, purpose="redaction")
    opened = await node.vault.read([pictures[0]], [permit], by=OTHER)
    assert opened[pictures[0]][0] == b"photo-1"
    await node.vault.erase(case, "r-1", by=OTHER, reason="request")
    assert await store.last_on(pieces) == {}


async def test_holds_are_kept_the_same_way_by_both_stores(node: Node) -> None:
    case, until = await told(node), node.town.now() + timedelta(days=30)
    hold = await node.holds.ask(case, "court", until, by=DISPATCHER)
    with pytest.raises(SamePerson):
        await node.holds.answer(hold.id, "confirmed", by=DISPATCHER)
    assert await node.holds.answer(hold.id, "ended", by=OTHER) is None, "not confirmed yet"
    assert await node.holds.answer(99, "confirmed", by=OTHER) is None
    said = await node.holds.answer(hold.id, "confirmed", by=OTHER)
    assert said is not None and said.answer == "confirmed"
    assert await node.holds.answer(hold.id, "denied", by=OTHER) is None
    assert [each.answer for each in await node.holds.of([case])] == ["confirmed"]
    assert await node.holds.of([CaseId("another")]) == []


async def test_the_index_of_holds_is_the_same_in_both_stores(node: Node) -> None:
    until = node.town.now() + timedelta(days=30)
    cases = [node.town.new_id() for _ in range(5)]
    waits, stands, denied, ended = [
        await node.holds.ask(each, "audit", until, by=DISPATCHER) for each in cases[:4]
    ]
    soon = node.town.now() + timedelta(seconds=1)
    over = await node.holds.ask(cases[4], "audit", soon, by=DISPATCHER)
    node.town.wait(1)
    await node.holds.answer(stands.id, "confirmed", by=OTHER)
    await node.holds.answer(denied.id, "denied", by=OTHER)
    await node.holds.answer(ended.id, "confirmed", by=OTHER)
    await node.holds.answer(ended.id, "ended", by=OTHER)

    async def ids(standing: HoldStanding, after: int | None = None, limit: int = 9) -> list[int]:
        found = await node.holds.listed(standing, after, limit)
        assert all(each.standing(node.town.now()) == standing for each in found)
        return [each.id for each in found]

    assert await ids("waiting") == [waits.id] and await ids("standing") == [stands.id]
    assert await ids("released") == [over.id, ended.id, denied.id], "the newest first"
    assert await ids("released", limit=2) == [over.id, ended.id]
    assert await ids("released", after=ended.id) == [denied.id]
    late = await node.holds.ask(node.town.new_id(), "audit", until, by=DISPATCHER)
    assert await ids("waiting") == [waits.id, late.id], "the oldest first"
    assert await ids("waiting", after=waits.id) == [late.id]
    node.town.at += UNCONFIRMED_HOLDS
    assert await ids("waiting") == [] and await ids("standing") == [stands.id]
    assert set(await ids("released")) == {waits.id, denied.id, ended.id, over.id, late.id}
    node.town.at += timedelta(days=30)
    assert await ids("standing") == []


def test_what_nobody_confirmed_is_never_whole() -> None:
    text = "Dark. +358 40 123 4567"
    assert public_text(text, None, None) == "Dark. […]"
    assert public_text(text, "held", None) is None
    assert public_text(text, "edited", "Dark.") == "Dark."
    assert public_text(text, "edited", None) == "Dark. […]", "the decided text is gone"
    assert public_text(text, None, text) == "Dark. […]", "a text without a word"


def test_gaps_are_characters_of_the_text() -> None:
    text = "灯𠮷坏了 Ada Lovelace"
    assert gapped(text, [(5, 17)]) == "灯𠮷坏了 […]" and gapped(text, []) == text
    assert merged([(3, 5), (1, 3), (7, 9), (8, 10)], 20) == ((1, 5), (7, 10))
    for wrong in ((3, 3), (5, 4), (-1, 2), (10, 21)):
        with pytest.raises(ValueError, match="no such characters"):
            merged([wrong], 20)
    words = "Call ada@example.org or 13812345678"
    assert gapped(words, marks_of(words)) == "Call […] or […]"
