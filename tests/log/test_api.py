"""The checkpoint is for everybody, proofs for those who may, and the health says how it stands."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator

import pytest

from tests.log.conftest import Sealed
from tests.web.house import Node, grant
from tests.web.house import node as make_node
from tocsin_verify import merkle, notes


@pytest.fixture
async def node(sealed: Sealed) -> AsyncIterator[Node]:
    async with make_node() as made:
        made.services.log = sealed.log
        yield made


async def test_anybody_can_fetch_the_checkpoint_and_staff_the_proofs(
    sealed: Sealed, node: Node
) -> None:
    stranger = node.client()
    assert (await stranger.get("/api/log/checkpoint")).status_code == 404, "there is none yet"
    await sealed.some_cases(3)
    await sealed.log.catch_up()
    older = await stranger.get("/api/log/checkpoint")
    assert older.status_code == 200 and older.headers["content-type"].startswith("text/plain")
    await sealed.some_cases(4, "more")
    await sealed.log.catch_up()
    keys = [notes.key_of(sealed.keys.public[0])]
    _, old, old_root = notes.checkpoint(older.text, keys)
    answer = await stranger.get("/api/log/checkpoint")
    _, size, root = notes.checkpoint(answer.text, keys)
    assert (old, size) == (9, 21)

    assert (await stranger.get("/api/log/proof", params={"index": 0})).status_code == 401
    crew = await node.staff("crew", grant("agency_handler"))
    assert (await crew.get("/api/log/proof", params={"index": 0})).status_code == 403
    auditor = await node.staff("ada", grant("administrator"))
    for index in range(size):
        told = (await auditor.get("/api/log/proof", params={"index": index})).json()
        proof = [base64.b64decode(each) for each in told["hashes"]]
        (leaf,) = sealed.log.hashes(index, 1)
        assert merkle.is_included(index, told["size"], leaf, proof, root)
    told = (await auditor.get("/api/log/proof", params={"old": old, "size": size})).json()
    proof = [base64.b64decode(each) for each in told["hashes"]]
    assert merkle.is_consistent(old, size, old_root, root, proof)
    by_number = (await auditor.get("/api/log/proof", params={"seq": 2})).json()
    assert by_number["index"] == await sealed.log.index_of(2)
    tile = (await auditor.get("/api/log/tiles/0/0")).content
    assert tile == b"".join(sealed.log.hashes(0, size))


@pytest.mark.parametrize(
    "asked", [{}, {"index": 21}, {"old": 22}, {"index": 0, "size": 22}, {"seq": 10**9},
              {"index": 5, "size": 5}, {"old": 6, "size": 5}],
)  # fmt: skip
async def test_what_is_not_there_is_said_so(
    sealed: Sealed, node: Node, asked: dict[str, int]
) -> None:
    await sealed.some_cases(7)
    await sealed.log.catch_up()
    auditor = await node.staff("ada", grant("supervisor"))
    answer = await auditor.get("/api/log/proof", params=asked)
    assert (answer.status_code, answer.json()["reason"]) == (404, "log_proof_unknown")
    assert (await auditor.get("/api/log/tiles/3/0")).status_code == 404
    assert (await auditor.get("/api/log/proof", params={"index": -1})).status_code == 422


async def test_the_health_says_how_the_log_stands(sealed: Sealed, node: Node) -> None:
    beat = node.services.heartbeat
    beat.woke_at = beat.ran_at = node.clock.now()
    client = node.client()
    told = (await client.get("/health/ready")).json()
    assert (told["state"], told["log"], told["troubles"]) == ("ok", "ok", [])
    sealed.log._current_at -= 31
    answer = await client.get("/health/ready")
    assert answer.status_code == 200 and answer.json()["log"] == "lags", "the node goes on"
    sealed.log.broken = "somebody was here"
    assert (await client.get("/health/ready")).json()["log"] == "rewritten"
    metrics = (await client.get("/metrics")).text
    assert "tocsin_log_rewritten 1.0" in metrics
    node.services.log = None
    assert (await client.get("/health/ready")).json()["log"] == "off"
