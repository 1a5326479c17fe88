"""A decision asks nobody outside: with every socket refused it is the same, to the last byte."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from tests.web.house import Node, grant
from tests.web.road_town import case, lay_roads, unit
from tocsin.kernel.shared import CaseId
from tocsin.runtime.recommending.keeping import (
    ADVICE_KEPT_MAX,
    KEPT_MAX_BYTES,
    Given,
    Shelf,
    kept_defect,
    opened,
    squeezed,
)


def everywhere(areas: object, agencies: object) -> bool:
    return True


class Refused(OSError):
    """Somebody tried to reach the outside."""


async def test_a_recommendation_with_every_socket_refused(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = node.services.advice
    desk.net = lay_roads(tmp_path)
    taker = await node.staff("taker", grant("call_taker"))
    for number, name in enumerate(("E1", "E2", "E3")):
        await unit(node, name, number, number)
    burning = await case(taker, 4, 4, "building-fire")
    row = await node.services.store.case(CaseId(burning))
    assert row is not None
    before = [await desk.advise(row.case, everywhere, each) for each in ("closest", "coverage")]

    def refuse(*_: Any, **__: Any) -> None:
        raise Refused

    for name in ("connect", "connect_ex", "bind", "send", "sendall", "sendto", "recv"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(Refused):
        socket.create_connection(("127.0.0.1", 1))
    # Another desk, so that nothing is answered from what the first one remembers.
    fresh = lay_roads(tmp_path)
    desk.net = fresh
    after = [await desk.advise(row.case, everywhere, each) for each in ("closest", "coverage")]
    monkeypatch.undo()
    assert [each.id for each in after] == [each.id for each in before]
    for each in after:
        given = desk.shelf.get(each.id, row.case.id, node.clock.now())
        assert given is not None
        kept, choice = given.evidence(), given.choice(each.look.fleet[0].unit.id)
        assert kept is not None and kept_defect(kept, choice) is None


def test_the_shelf_is_bounded_and_so_is_what_journals_keep(node_free: Shelf) -> None:
    import os
    from datetime import UTC, datetime

    from tocsin.dispatching.recommendation import Advice

    at = datetime(2026, 3, 3, tzinfo=UTC)
    noise = os.urandom(KEPT_MAX_BYTES)
    for number in range(ADVICE_KEPT_MAX + 5):
        held = squeezed(b"table"), squeezed(b"problem")
        advice = Advice(CaseId("c"), (), (), 0)
        node_free.put(Given(str(number), at, CaseId("c"), "closest", advice, {}, *held))
    assert node_free.get("0", CaseId("c"), at) is None
    newest = node_free.get(str(ADVICE_KEPT_MAX + 4), CaseId("c"), at)
    assert newest is not None
    kept = newest.evidence()
    assert kept is not None and opened(kept.table) == b"table"
    large = Given(
        "x", at, CaseId("c"), "closest", newest.advice, {}, squeezed(noise), squeezed(b"")
    )
    assert large.evidence() is None, "too large for an entry: only how it stood is kept"


@pytest.fixture
def node_free() -> Shelf:
    return Shelf()
