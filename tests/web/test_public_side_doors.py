"""Tracker, receipts and public pages: no photo and no unreleased word, neither in what they say
nor behind any address that they name, asked again by somebody without a session."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from tests.reach.stage import photo
from tests.web.house import BODY, Node, grant
from tests.web.house import node as make_node
from tests.web.test_redactions import decided, opened
from tests.web.test_sight import said
from tocsin.intakes.open311 import listing, looking
from tocsin.intakes.open311 import routes as open311
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import CaseId
from tocsin.runtime.services import Services
from tocsin.web import receipts
from tocsin.web.public import follow

PHONE = "+358 44 765 4321"
WORDS = f"CANARY-WORDS the lamp is dark, call {PHONE}"
NEVER = ("CANARY-NAME", "CANARY-PHONE", "CANARY-NOTE", PHONE)
"""What nobody releases, wherever it is asked."""
ADDRESS = re.compile(r"(?:https?://[\w.:-]+)?(/[\w.~%-][\w.~%/?=&;,:@+-]*)")
SPOKEN = ("text/html", "application/json", "text/xml", "text/csv", "application/problem+json")
"""What names addresses to people and programs; a style sheet names none of ours."""
ADDRESSES_MAX = 400
PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF", b"GIF8")


@asynccontextmanager
async def whole_node() -> AsyncIterator[Node]:
    """Pages, API and Open311 behind one address."""
    async with make_node() as node:
        node.app.router.routes[:0] = open311(node.services)
        yield node


class Reported:
    """A case whose reporter agreed to publication, with a photo, a contact and a note."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.case = ""
        self.code = ""

    async def make(self) -> None:
        node = self.node
        self.taker = await node.staff("taker", grant("call_taker"))
        self.boss = await node.staff("boss", grant("supervisor"))
        report = {**BODY, "text": WORDS, "consent": True}
        parts = [
            ("report", (None, json.dumps(report), "application/json")),
            ("photos", ("a.png", base64.b64decode(photo()), "image/png")),
        ]
        told = await said(await self.taker.post("/api/reports/upload", files=parts), 201)
        self.case, self.code = told["case_id"], told["code"]
        note = {"text": "CANARY-NOTE"}
        await said(await self.boss.post(f"/api/cases/{self.case}/add-note", json=note))
        await self.published(True)

    async def published(self, is_so: bool) -> None:
        path = f"/api/cases/{self.case}/publish"
        await said(await self.boss.post(path, json={"publish": is_so}))

    async def photo(self, verdict: str) -> None:
        (seen,) = (await opened(self.boss, self.case))["photos"]
        body = {"version": seen["version"], "verdict": verdict}
        path = f"/api/cases/{self.case}/redaction/photos/1"
        await said(await self.boss.post(path, json=body))

    async def words(self, verdict: str) -> None:
        version = (await opened(self.boss, self.case))["version"]
        await decided(self.boss, self.case, version=version, verdict=verdict)

    # -- what the public meets

    async def pages(self) -> list[httpx.Response]:
        """The residents' pages about it, with the code where one is needed."""
        client = self.node.client()
        found = [
            await client.get(path)
            for path in ("/", "/published", "/published.json", f"/published/{self.case}", "/r")
        ]
        found.append(await client.post("/r", data={"code": self.code, "go": "show"}))
        found.append(await client.get(f"/api/receipts/{self.code}"))
        assert [each.status_code for each in found[-2:]] == [200, 200]
        return found

    async def lists(self) -> list[httpx.Response]:
        """What programs read about it."""
        paths = ("requests.json", f"requests/{self.case}.json?extensions=true", "requests.csv",
                 f"requests/{self.case}.xml", "servicerequestupdates.json")  # fmt: skip
        client = self.node.client()
        return [await client.get(f"/open311/v2/{path}") for path in paths]


async def behind(node: Node, named: Sequence[httpx.Response]) -> list[httpx.Response]:
    """Every address that these answers name, and those that these name, asked by a stranger."""
    found: list[httpx.Response] = []
    asked: set[str] = set()
    stranger = node.client()
    waiting = [path for each in named for path in addresses(each)]
    while waiting:
        path = waiting.pop(0)
        if path in asked:
            continue
        asked.add(path)
        assert len(asked) < ADDRESSES_MAX, "the pages name no end of addresses"
        stranger.cookies.clear()
        answer = await stranger.get(path.replace("&amp;", "&"))
        assert answer.status_code != 500, (path, answer.text)
        found.append(answer)
        waiting += addresses(answer)
    return found


def addresses(answer: httpx.Response) -> list[str]:
    """What it names. The document of the API names every operation, and each has its rows."""
    kind = answer.headers.get("content-type", "").partition(";")[0]
    if answer.url.path == "/api/openapi.json":
        return []
    return ADDRESS.findall(answer.text) if kind in SPOKEN else []


def is_picture(answer: httpx.Response) -> bool:
    return answer.status_code == 200 and answer.content.startswith(PICTURES)


async def check(reported: Reported, *, is_held: bool, is_photo_out: bool) -> set[str]:
    """Looks at all of it; the addresses at which a photo is."""
    pages, lists = await reported.pages(), await reported.lists()
    assert any("CANARY-WORDS" in each.text for each in lists) == (not is_held)
    own = await behind(reported.node, pages)
    for each in (*pages, *own):
        assert "CANARY-WORDS" not in each.text, f"a page says it: {each.url}"
        assert not is_picture(each), f"a page shows a photo: {each.url}"
    every = (*pages, *own, *lists, *await behind(reported.node, lists))
    for each in every:
        assert not any(word in each.text for word in NEVER), f"unreleased: {each.url}"
    photos = {str(each.url) for each in every if is_picture(each)}
    guessed = await reported.node.client().get(f"/open311/v2/media/{reported.case}/1.jpg")
    assert is_picture(guessed) == is_photo_out == bool(photos), f"a photo: {photos}"
    return photos


async def check_all_the_way(node: Node) -> None:
    reported = Reported(node)
    await reported.make()
    await check(reported, is_held=False, is_photo_out=False)
    await reported.words("hold")
    await check(reported, is_held=True, is_photo_out=False)
    await reported.words("accept")
    await reported.photo("release")
    (address,) = await check(reported, is_held=False, is_photo_out=True)
    await reported.photo("hold")
    await check(reported, is_held=False, is_photo_out=False)
    assert (await node.client().get(address)).status_code == 404, "it was named once"
    await reported.photo("release")
    await reported.published(False)
    assert (await node.client().get(address)).status_code == 404, "it is not published any more"
    for each in (*await reported.pages(), *await reported.lists()):
        assert "CANARY" not in each.text


async def test_no_page_shows_a_photo_or_an_unreleased_word() -> None:
    async with whole_node() as node:
        await check_all_the_way(node)


# -- planted -------------------------------------------------------------------------------


async def test_a_receipt_that_tells_the_words_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipts, "status_text", lambda *_: WORDS)
    async with whole_node() as node:
        with pytest.raises(AssertionError, match="a page says it"):
            await check_all_the_way(node)


async def test_a_page_that_names_a_photo_is_found_by_its_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The receipt links what a colleague photographed, and its address lets everybody by."""

    async def everything(services: Services, cases: Sequence[Case]) -> Mapping[CaseId, Any]:
        return {each.id: (1,) for each in cases if each.published}

    async def proof(asked: Any, found: receipts.Standing) -> tuple[str, ...]:
        return (f"They took a photo: /open311/v2/media/{found.case.id}/1.jpg",)

    monkeypatch.setattr(looking, "released", everything)
    monkeypatch.setattr(follow, "_proof", proof)
    async with whole_node() as node:
        with pytest.raises(AssertionError, match="a page shows a photo"):
            await check_all_the_way(node)


async def test_a_list_that_lets_a_find_out_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def whole(text: str, decision: str | None, decided: str | None) -> str | None:
        return decided if decision is not None else text

    monkeypatch.setattr(listing, "public_text", whole)
    async with whole_node() as node:
        with pytest.raises(AssertionError, match="unreleased"):
            await check_all_the_way(node)


async def test_a_photo_that_stays_after_it_was_taken_back_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only the newest word counts: one that was once a yes is none."""
    real = looking.released

    async def once(services: Services, cases: Sequence[Case]) -> Mapping[CaseId, Any]:
        for each in cases:
            known.update({each.id} if (await real(services, cases)).get(each.id) else ())
        return {each.id: (1,) for each in cases if each.id in known}

    known: set[CaseId] = set()
    monkeypatch.setattr(looking, "released", once)
    async with whole_node() as node:
        with pytest.raises(AssertionError):
            await check_all_the_way(node)
