"""The glossary and the vocabularies hold each other: no item without a word, no word left over."""

import re
from pathlib import Path
from typing import get_args

import pytest

from tocsin.kernel.alarms import vocabulary as alarm_vocabulary
from tocsin.kernel.alarms.state import Condition, Evidence, Outcome, Standing
from tocsin.kernel.assets import vocabulary as asset_vocabulary
from tocsin.kernel.assets.state import AssetStatus, Reach
from tocsin.kernel.cases import vocabulary
from tocsin.kernel.cases.policy import Audience, ClockName, Profile, VerifyBy
from tocsin.kernel.cases.state import Status, TaskRole, TaskStatus, UnitShareStatus
from tocsin.kernel.deadlines import KINDS
from tocsin.kernel.shared import TIERS, ActorKind
from tocsin.kernel.units import vocabulary as unit_vocabulary
from tocsin.kernel.units.state import Travel, UnitStatus
from tocsin.packs.words import word
from tocsin.runtime.accounts import KEY_SCOPES, ROLES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "glossary.md"
VOCABULARIES = {
    "status": get_args(Status),
    "task_status": get_args(TaskStatus),
    "task_role": get_args(TaskRole),
    "clock": get_args(ClockName),
    "audience": get_args(Audience),
    "profile": get_args(Profile),
    "verify_by": get_args(VerifyBy),
    "tier": TIERS,
    "role": ROLES,
    "kind": get_args(ActorKind),
    "scope": KEY_SCOPES,
    "allowance": KINDS,
    "unit_status": get_args(UnitStatus),
    "unit_share": get_args(UnitShareStatus),
    "travel": get_args(Travel),
    "alarm_condition": get_args(Condition),
    "alarm_standing": get_args(Standing),
    "alarm_outcome": get_args(Outcome),
    "alarm_evidence": get_args(Evidence),
    "asset_status": get_args(AssetStatus),
    "asset_reach": get_args(Reach),
}
IN_WORDS_FILE = {"allowance": "kind"}
"""Where the kind of word has another name in packs/common/words.toml."""
WITHOUT_WORDS = {"kind", "scope"}
"""Vocabularies that no screen shows, so that the words file has none."""
NO_NOUN = {"TakeOver", "ReportUp", "HandDown", "WakeUp"}
"""Commands that are one verb in two words; the glossary has them whole."""


def rows() -> list[tuple[str, str, str, str]]:
    """(word, Chinese, meaning, code) of every entry."""
    found: list[tuple[str, str, str, str]] = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("| ") and not line.startswith("| word "):
            cells = [cell.strip() for cell in line.strip().removesuffix("|")[1:].split("|")]
            assert len(cells) == 4, line
            found.append((cells[0], cells[1], cells[2], cells[3].strip("`")))
    return found


ROWS = rows()
ENTRIES = {row[0] for row in ROWS}


def test_one_word_has_one_meaning() -> None:
    words = [row[0] for row in ROWS]
    assert sorted(words) == sorted(set(words))
    codes = [row[3] for row in ROWS if row[3]]
    assert sorted(codes) == sorted(set(codes))


def test_every_entry_is_whole() -> None:
    for named, chinese, meaning, _ in ROWS:
        assert re.search("[\u4e00-\u9fff]", chinese), named
        assert meaning.endswith((".", ".)")), named


@pytest.mark.parametrize("kind", VOCABULARIES)
def test_the_vocabulary_and_the_glossary_are_the_same(kind: str) -> None:
    given = {row[3].partition(":")[2] for row in ROWS if row[3].partition(":")[0] == kind}
    assert given == set(VOCABULARIES[kind])


def test_no_entry_names_an_unknown_vocabulary() -> None:
    assert {row[3].partition(":")[0] for row in ROWS if row[3]} == set(VOCABULARIES)


@pytest.mark.parametrize("kind", sorted(set(VOCABULARIES) - WITHOUT_WORDS))
def test_the_chinese_is_what_the_screens_say(kind: str) -> None:
    for named, chinese, _, code in ROWS:
        vocabulary_of, _, key = code.partition(":")
        if vocabulary_of == kind:
            assert chinese == word(IN_WORDS_FILE.get(kind, kind), key, "zh-CN"), named


def phrases(name: str) -> set[str]:
    """Every run of words in a name: ClaimTaskDone -> claim, task, done, claim task, ..."""
    words = [each.lower() for each in re.findall("[A-Z][a-z]+", name)]
    spans = ((i, j) for i in range(len(words)) for j in range(i + 1, len(words) + 1))
    return {" ".join(words[i:j]) for i, j in spans}


@pytest.mark.parametrize(
    "named",
    [
        *get_args(vocabulary.Command),
        *get_args(vocabulary.Event),
        *get_args(unit_vocabulary.Command),
        *get_args(unit_vocabulary.Event),
        *get_args(alarm_vocabulary.Command),
        *get_args(alarm_vocabulary.Event),
        *get_args(asset_vocabulary.Command),
        *get_args(asset_vocabulary.Event),
    ],
    ids=lambda x: x.__name__,
)
def test_the_noun_of_every_command_and_event_has_its_entry(named: type) -> None:
    name = named.__name__
    nouns = (
        {" ".join(re.findall("[A-Z][a-z]+", name)).lower()} if name in NO_NOUN else phrases(name)
    )
    assert nouns & ENTRIES


def test_the_checks_find_what_is_missing() -> None:
    assert not phrases("DustComet") & ENTRIES
    assert phrases("ClaimTaskDone") & ENTRIES == {"task"}
