"""What is published names and reaches nobody: a seeded corpus, and a finder that lacks one kind."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from tests.intakes.node import DISPATCHER, REPORT, make_services
from tocsin.intakes.open311 import routes
from tocsin.kernel.cases.vocabulary import PublishCase, SetConsent
from tocsin.kernel.shared import CaseId, Refused
from tocsin.runtime.redacting import GAP, KINDS, Kind, find, redact

EACH = 200
"""Identifiers of each kind in the corpus."""
RECALL = 0.95
SURROUNDINGS = (
    "The lamp is dark. {} Please come soon.", "路灯坏了，{}，请尽快处理。", "{}",
    "Water runs down ({}).", "下水道堵塞三天了。{}。",
    "Bin 12 is full since 2026-03-02, {}, thanks", "楼道里的灯不亮{}谢谢",
)  # fmt: skip
DECOYS = (
    "Lamp post 4471 at Elm Street 12, since 2026-11-03 18:45.", "路灯编号 1024，距路口 350 米。",
    "It cost 12,500.00 euro, order 20261103-17.", "合同号 202611030017，共 3 页。",
    "Bus 550 stops 100 m away at 60.1704, 24.9412.", "Room B-204, third floor, 2 lifts of 3 work.",
    "I am cold and it is dark. Mr and Mrs walk.", "我是附近居民，已经反映三次。",
    "Case 4539-1488 is the same.", "门牌 88 号，15 楼，宽 2.5 米，深 30 厘米。",
    "Noise from 22:00 to 06:30, about 85 dB.",
    "Meter reading 000123456, valve DN-80X.",
)  # fmt: skip


def digits(chance: random.Random, count: int) -> str:
    return "".join(chance.choice("0123456789") for _ in range(count))


def an_email(chance: random.Random) -> str:
    name = chance.choice(("ada.lovelace", "li_wei88", "x", "first.last+tag"))
    host = chance.choice(("example.org", "mail.example.com.cn", "qq.example"))
    return f"{name}{digits(chance, 2)}{chance.choice(('@', '@', '＠', ' (at) '))}{host}"


def a_phone(chance: random.Random) -> str:
    form = chance.choice(
        ("1{}{}", "+86 1{}{}", "1{} {}", "010-6{}", "0571 8{}", "+358 40 {}", "040 {}",
         "400-{}", "+44 (20) {}")
    )  # fmt: skip
    if "1{}" in form:
        tail = digits(chance, 8)
        second = f"{tail[:4]}{chance.choice(('', ' ', '-'))}{tail[4:]}"
        return form.format(f"{chance.choice('3456789')}{digits(chance, 1)}", second)
    if form.startswith("0") and "6" in form or "8" in form.split(" ")[-1]:
        return form.format(digits(chance, 7))
    if form.startswith("400"):
        return form.format(f"{digits(chance, 3)}-{digits(chance, 4)}")
    return form.format(f"{digits(chance, 3)} {digits(chance, 4)}")


def a_resident_id(chance: random.Random) -> str:
    body = f"{chance.randint(110_000, 659_999)}{chance.randint(1940, 2015)}"
    body += f"{chance.randint(1, 12):02}{chance.randint(1, 28):02}{digits(chance, 3)}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    check = "10X98765432"[sum(int(a) * b for a, b in zip(body, weights, strict=True)) % 11]
    whole = body + chance.choice((check, check.lower()))
    return chance.choice((whole, f"{whole[:6]} {whole[6:14]} {whole[14:]}"))


def a_hetu(chance: random.Random) -> str:
    day = f"{chance.randint(1, 28):02}{chance.randint(1, 12):02}{chance.randint(0, 99):02}"
    number = f"{chance.randint(2, 899):03}"
    check = "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(day + number) % 31]
    return f"{day}{chance.choice('-A+')}{number}{check}"


def an_iban(chance: random.Random) -> str:
    country, length = chance.choice((("FI", 14), ("DE", 18), ("GB", 18)))
    body = ("WEST" if country == "GB" else "") + digits(chance, length - 4 * (country == "GB"))
    number = int("".join(str(int(each, 36)) for each in f"{body}{country}00"))
    whole = f"{country}{98 - number % 97:02}{body}"
    spaced = " ".join(whole[at : at + 4] for at in range(0, len(whole), 4))
    return chance.choice((whole, spaced))


def a_card(chance: random.Random) -> str:
    body = chance.choice("45") + digits(chance, 14)
    total = sum(
        sum(divmod(2 * int(c), 10)) if n % 2 == 0 else int(c) for n, c in enumerate(body[::-1])
    )
    whole = f"{body}{-total % 10}"
    return chance.choice((whole, "-".join(whole[at : at + 4] for at in range(0, 16, 4))))


def a_plate(chance: random.Random) -> str:
    if chance.random() < 0.5:
        letters = "".join(chance.choice("ABCGHJKLMXYZ") for _ in range(3))
        return f"{letters}-{digits(chance, 3)}"
    place = chance.choice("京沪浙粤") + chance.choice("ABC") + chance.choice(("", "·"))
    return place + digits(chance, 5)


def a_name(chance: random.Random) -> str:
    return chance.choice(
        ("my name is Ada Lovelace", "我叫王小明", "联系人：李雷",
         "Mrs Virtanen lives there", "姓名: 张伟", "陈女士住在这里",
         "contact: Matti Meikäläinen", "I'm Anna Karlsson")
    )  # fmt: skip


MAKERS: dict[Kind, Callable[[random.Random], str]] = {
    "email": an_email, "phone": a_phone, "resident_id": a_resident_id, "hetu": a_hetu,
    "iban": an_iban, "card": a_card, "plate": a_plate, "name": a_name,
}  # fmt: skip


def corpus() -> list[tuple[Kind, str, int, int]]:
    """(kind, text, where the identifier begins and ends)."""
    chance = random.Random(2027)
    found: list[tuple[Kind, str, int, int]] = []
    for kind, make in MAKERS.items():
        for _ in range(EACH):
            before, _, after = chance.choice(SURROUNDINGS).partition("{}")
            what = make(chance)
            found.append((kind, f"{before}{what}{after}", len(before), len(before) + len(what)))
    return found


def recall(kinds: tuple[Kind, ...]) -> dict[Kind, float]:
    """By kind: the share of identifiers of which no formatted part is left."""
    hit: Counter[Kind] = Counter()
    for kind, text, start, end in corpus():
        spans = find(text, kinds)
        covered = sum(
            min(end, s.end) - max(start, s.start) for s in spans if s.start < end and s.end > start
        )
        whole = end - start if kind != "name" else 1
        hit[kind] += covered >= whole
    return {kind: hit[kind] / EACH for kind in KINDS}


def test_nearly_everything_with_a_form_is_found() -> None:
    found = recall(KINDS)
    assert set(MAKERS) == set(KINDS) and min(found.values()) >= RECALL, found


@pytest.mark.parametrize("lacking", KINDS)
def test_a_finder_that_lacks_a_kind_is_found(lacking: Kind) -> None:
    found = recall(tuple(kind for kind in KINDS if kind != lacking))
    assert found[lacking] < RECALL, found


def test_what_is_no_identifier_mostly_stays() -> None:
    """The precision: of what is taken out of the corpus and the decoys, nearly all was one."""
    wrong = sum(len(find(text)) for text in DECOYS)
    right = sum(
        any(s.start < end and s.end > start for s in find(text)) for _, text, start, end in corpus()
    )
    beside = sum(
        s.end <= start or s.start >= end for _, text, start, end in corpus() for s in find(text)
    )
    assert wrong == 0, [(text, find(text)) for text in DECOYS if find(text)]
    assert right / (right + wrong + beside) >= 0.98


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200))
def test_any_words_are_taken_and_a_repeat_changes_nothing(text: str) -> None:
    once = redact(text)
    assert redact(once) == once
    assert len(find(text)) == once.count(GAP) - text.count(GAP)


async def test_what_open311_publishes_is_redacted() -> None:
    words = "Lamp dark. Call +358 40 123 4567, ada@example.org, 浙A·12345, my name is Ada Lovelace"
    services = make_services()
    app = httpx.ASGITransport(app=Starlette(routes=routes(services)))
    async with httpx.AsyncClient(transport=app, base_url="http://localhost/open311") as client:
        sent = await client.post("/v2/requests.json", data={**REPORT, "description": words})
        case_id = CaseId(sent.json()[0]["service_request_id"])
        row = await services.store.case(case_id)
        assert row is not None
        for command in (SetConsent(row.case.reports[0].id, True), PublishCase(True)):
            outcome = await services.engine.handle(case_id, command, by=DISPATCHER)
            assert not isinstance(outcome, Refused), outcome
        (told,) = (await client.get(f"/v2/requests/{case_id}.json")).json()
        assert told["description"] == f"Lamp dark. Call {GAP}, {GAP}, {GAP}, my name is {GAP}"
        table = (await client.get("/v2/requests.csv")).text
        assert GAP in table and "ada@" not in table and "4567" not in table
