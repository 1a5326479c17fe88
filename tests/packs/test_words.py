"""No word that the kernel or the runtime calls by name is missing in any language."""

from collections.abc import Iterable
from typing import get_args

import pytest

from tocsin.dispatching.recommendation import REASON_CODES, REPAIR_CODES, SHORTFALL_CODES
from tocsin.kernel.cases.policy import Audience, ClockName, Priority, Profile, VerifyBy
from tocsin.kernel.cases.react import TEMPLATES
from tocsin.kernel.cases.state import Status, TaskRole, TaskStatus, UnitShareStatus
from tocsin.kernel.cases.vocabulary import REASONS
from tocsin.kernel.deadlines import KINDS
from tocsin.kernel.shared import TIERS
from tocsin.kernel.units.react import UNIT_TEMPLATES
from tocsin.kernel.units.state import Travel, UnitStatus
from tocsin.kernel.units.vocabulary import REASONS as UNIT_REASONS
from tocsin.packs.conditions import KINDS as CONDITION_KINDS
from tocsin.packs.find import builtin
from tocsin.packs.load import load_pack
from tocsin.packs.words import catalogue, keys, languages, word
from tocsin.runtime import accounts, engine, photos, positions, reception
from tocsin.runtime.codec import EVENTS
from tocsin.runtime.condition import states
from tocsin.runtime.errand_ports import UNREADABLE

NEEDED: dict[str, Iterable[object]] = {
    "status": get_args(Status),
    "task_status": get_args(TaskStatus),
    "task_role": get_args(TaskRole),
    "clock": get_args(ClockName),
    "role": accounts.ROLES,
    "audience": get_args(Audience),
    "tier": TIERS,
    "profile": get_args(Profile),
    "priority": get_args(Priority),
    "kind": KINDS,
    "verify_by": get_args(VerifyBy),
    "template": (*TEMPLATES, *UNIT_TEMPLATES),
    "reason": (
        *REASONS,
        *UNIT_REASONS,
        *positions.REASONS,
        *engine.REASONS,
        *reception.REASONS,
        *photos.REASONS,
    ),
    "unit_status": get_args(UnitStatus),
    "unit_share": get_args(UnitShareStatus),
    "travel": get_args(Travel),
    "event": EVENTS,
    "condition": set(CONDITION_KINDS),
    "dispatch_reason": REASON_CODES,
    "shortfall": SHORTFALL_CODES,
    "repair": REPAIR_CODES,
    "trouble": states(),
    "dead_letter": ("errand_failed", *UNREADABLE),
}


def missing(kind: str, wanted: Iterable[object]) -> list[str]:
    there = catalogue().get(kind, {})
    return [
        f"{kind}.{key} in {language}"
        for key in map(str, wanted)
        for language in languages()
        if not there.get(key, {}).get(language, "").strip()
    ]


@pytest.mark.parametrize("kind", sorted(NEEDED))
def test_no_word_is_missing(kind: str) -> None:
    assert missing(kind, NEEDED[kind]) == []


def test_the_search_finds_a_missing_word() -> None:
    assert missing("status", ["asleep"]) == ["status.asleep in zh-CN", "status.asleep in en"]


def test_every_word_is_in_every_language() -> None:
    assert [item for kind in catalogue() for item in missing(kind, keys(kind))] == []


def test_hold_reasons_of_the_packs_have_words() -> None:
    for name in ("county", "chicago-fixture"):
        pack = load_pack(builtin(name))
        for case_type in pack.case_types.values():
            assert missing("hold_reason", case_type.terms.hold_reasons) == []


def test_kinds_of_units_of_the_packs_have_words() -> None:
    kinds = load_pack(builtin("county")).unit_kinds
    assert len(kinds) >= 8 and missing("unit_kind", kinds) == []


def test_a_word_falls_back_to_its_base_language_then_to_english() -> None:
    assert word("status", "in_work", "zh-CN") == "处置中"
    assert word("status", "in_work", "zh") == "处置中"
    assert word("status", "in_work", "fi") == "In work"
    assert word("status", "asleep", "en") == "asleep"


def test_no_word_shouts() -> None:
    texts = [
        text for kind in catalogue().values() for words in kind.values() for text in words.values()
    ]
    assert [text for text in texts if "!" in text or "！" in text] == []
