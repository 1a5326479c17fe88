"""What this intake says: every refusal is a sentence, in both languages."""

from __future__ import annotations

import string
from typing import get_args

import pytest

from tocsin.intakes.open311 import parse
from tocsin.intakes.open311.updates import NOTABLE
from tocsin.intakes.open311.words import SENTENCES, languages_of, refusal, sentence
from tocsin.kernel.cases import vocabulary
from tocsin.kernel.cases.state import Status
from tocsin.kernel.shared import Refused
from tocsin.runtime import engine, photos, reception

REASONS = {
    *vocabulary.REASONS,
    *engine.REASONS,
    *reception.REASONS,
    *photos.REASONS,
    *parse.REASONS,
}


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("reason", sorted(REASONS))
def test_every_reason_has_its_sentence(reason: str, language: str):
    text = refusal(Refused(reason, "DETAIL"), language)
    assert text != sentence("refused_here", language, detail="DETAIL")
    assert "_" not in reason or reason not in text
    assert any("\u4e00" <= letter <= "\u9fff" for letter in text) == (language == "zh-CN")


def test_every_status_and_every_told_event_has_words():
    assert {status for status in get_args(Status) if status != "absent"} <= SENTENCES.keys()
    assert set(NOTABLE.values()) <= SENTENCES.keys()


def slots_of(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_have_the_same_slots():
    for key, (english, chinese) in SENTENCES.items():
        slots = [
            {name for _, name, _, _ in string.Formatter().parse(text) if name}
            for text in (english, chinese)
        ]
        assert slots[0] == slots[1], key
        assert not set("!！") & set(english + chinese), key


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("zh-CN", ("zh-CN",)),
        ("en;q=0.5, zh-CN, fr;q=0.8", ("zh-CN", "fr", "en")),
        ("*, en;q=0", ()),
        ("en;q=x, de", ("de",)),
        ("en;q=nan, de;q=inf", ()),
        ("", ()),
        (";;;,,,q=", ("q=",)),
    ],
)
def test_languages_are_asked_for_in_their_order(header: str, expected: tuple[str, ...]):
    assert languages_of(header) == expected
