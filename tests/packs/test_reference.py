"""Every key that the reader asks for is documented, and nothing else is."""

import re

import pytest

from tocsin.packs.conditions import read_condition
from tocsin.packs.find import builtin
from tocsin.packs.load import read_content
from tocsin.packs.model import Pack
from tocsin.packs.reading import Finding, Reader
from tocsin.packs.reference import KEYS, TERMS, reference

# Which table a place in the files is; the first pattern that fits.
PARTS = [
    (r"pack\.toml group\[\d+\]$", "group"),
    (r"pack\.toml agency\[\d+\]$", "agency"),
    (r"pack\.toml profiles \w+$", "terms"),
    (r"pack\.toml emergency$", "emergency"),
    (r"pack\.toml emergency number\[\d+\]$", "emergency number"),
    (r"pack\.toml capability\[\d+\]$", "capability"),
    (r"pack\.toml unit_kind\[\d+\]$", "unit_kind"),
    (r"pack\.toml ring\[\d+\]$", "ring"),
    (r"pack\.toml aid\[\d+\]$", "aid"),
    (r"pack\.toml stay\[\d+\]$", "stay"),
    (r"pack\.toml sight$", "sight"),
    (r"pack\.toml retention$", "retention"),
    (r"pack\.toml asset_kind\[\d+\]$", "asset_kind"),
    (r"pack\.toml alarm_kind\[\d+\]$", "alarm_kind"),
    (r"limit\[\d+\]$", "limit"),
    (r"run_card\[\d+\]$", "run_card"),
    (r"pack\.toml$", "pack"),
    (r"urge\[\d+\]$", "urge"),
    (r"clocks \w+$", "clock"),
    (r"verification$", "verification"),
    (r"types/[\w-]+\.toml$", "type"),
    (r"field\[\d+\]$", "field"),
    (r"route\[\d+\]$", "route"),
    (r"when$", "condition"),
    (r"example\[\d+\]$", "example"),
    (r"calendars/[\w-]+\.toml$", "calendar"),
]


def asked_for(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """The keys asked for, by part, while the county pack is read."""
    asked: dict[str, set[str]] = {}
    closing = Reader.close

    def close(self: Reader) -> None:
        for pattern, part in PARTS:
            if re.search(pattern, self.where):
                asked.setdefault(part, set()).update(self.known())
                break
        closing(self)

    monkeypatch.setattr(Reader, "close", close)
    Pack(read_content(builtin("county")))
    everything = {
        "area": "a",
        "tier": "town",
        "equals": "a",
        "hours": "1:00-2:00",
        "weekday": ["mon"],
        "workday": True,
        "all": [{"area": "a"}],
        "any": [{"answer": "n", "range": [1, 2]}],
        "not": {"answer": "n", "one_of": ["b"]},
    }
    findings: list[Finding] = []
    read_condition(Reader(everything, "when", findings))
    read_condition(Reader({"answer": "n", "range": [1, 2]}, "when", findings))
    assert findings == []
    return asked


def test_every_key_is_documented_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = asked_for(monkeypatch)
    assert set(asked) == set(KEYS) - {"ladder"}
    asked["type"] -= set(TERMS)
    for part, keys in asked.items():
        assert keys == set(KEYS[part]), part


def test_the_page_names_every_key() -> None:
    page = reference()
    for keys in KEYS.values():
        for key, meaning in keys.items():
            assert f"| `{key}` | {meaning} |" in page
    assert all("|" not in meaning for keys in KEYS.values() for meaning in keys.values())
