"""The reference is what the code says: regenerated it is the committed pages, and nothing in it
goes without a word."""

import re
from typing import get_args

import pytest

from tocsin.app.settings import SETTINGS
from tocsin.kernel.cases import vocabulary
from tocsin.packs.reference import KEYS
from tools.limits import named_limits
from tools.markdown import table
from tools.reference import PAGES, SOURCE, TARGET, meanings, own_words, pages

UNIONS = {"commands": vocabulary.Command, "events": vocabulary.Event}


@pytest.fixture(scope="module")
def written() -> dict[str, str]:
    return pages()


@pytest.mark.parametrize("name", ["README.md", *PAGES])
def test_a_page_is_what_the_code_says(written: dict[str, str], name: str) -> None:
    kept = (TARGET / name).read_text(encoding="utf-8")
    assert kept == written[name], "run .venv/bin/python tools/reference.py"


def test_no_page_is_left_over() -> None:
    assert {path.name for path in TARGET.iterdir()} == {"README.md", *PAGES}


@pytest.mark.parametrize("kind", UNIONS)
def test_every_command_and_event_says_what_it_means(kind: str) -> None:
    named = {each.__name__: each for each in get_args(UNIONS[kind])}
    kept = meanings()[kind]
    assert set(kept) <= set(named), "a meaning of something that is gone"
    for name, each in named.items():
        assert bool(own_words(each)) != (name in kept), f"{name}: once, here or there"
    assert all(re.fullmatch(r"[A-Z].{10,}\.", text) for text in kept.values())


def test_every_setting_and_every_key_of_a_pack_has_its_line(written: dict[str, str]) -> None:
    for setting in SETTINGS:
        assert f"| `{setting.variable}` |" in written["settings.md"]
        assert setting.doc_zh in written["settings.md"]
    for keys in KEYS.values():
        for key, meaning in keys.items():
            assert meaning.strip()
            assert f"| `{key}` |" in written["pack-format.md"]


def test_every_refusal_is_in_both_languages(written: dict[str, str]) -> None:
    rows = [line for line in written["refusals.md"].splitlines() if line.startswith("| `")]
    assert len(rows) >= len(vocabulary.REASONS)
    for row in rows:
        reason, _, english, chinese = (cell.strip() for cell in row.strip("| ").split(" | "))
        assert english.endswith("."), reason
        assert re.search("[\u4e00-\u9fff]", chinese), reason
        assert english != reason.strip("`"), f"{reason} has no words"


def test_no_secret_has_a_default_to_show(written: dict[str, str]) -> None:
    for setting in SETTINGS:
        assert not (setting.is_secret and setting.default)


def test_rows_keep_their_columns_whatever_a_cell_holds() -> None:
    made = table(("a", "b"), [("one | two", "three\nfour")])
    assert made.splitlines()[-1] == r"| one \| two | three four |"


def test_limits_find_their_reasons_above_and_beside(tmp_path) -> None:
    (tmp_path / "some.py").write_text(
        "ROWS_MAX = 5  # a page\n"
        "WAIT_S: Final = 2.0\n"
        '"""A round trip."""\n'
        "BARE_MAX = 7\n"
        "_HIDDEN_MAX = 7  # ours\n"
        "NAMES_LIMIT = ('a',)\n"
    )
    found = {each.name: (each.value, each.reason) for each in named_limits(tmp_path)}
    assert found == {
        "ROWS_MAX": ("5", "a page"),
        "WAIT_S": ("2.0", "A round trip."),
        "BARE_MAX": ("7", ""),
    }


def test_most_limits_say_why() -> None:
    silent = [each for each in named_limits(SOURCE) if not each.reason]
    assert len(silent) <= SILENT, [f"{each.where} {each.name}" for each in silent]


SILENT = 36
"""Known ones without a word of why; to be lowered, never raised."""
