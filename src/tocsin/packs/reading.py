"""Reads TOML tables strictly: every problem becomes a finding, none stops the reading."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, cast

Table = Mapping[str, object]

Problem = Literal[
    "unknown_key",
    "missing",
    "bad_value",
    "language_missing",
    "dangling",
    "duplicate",
    "unreachable",
    "no_catch_all",
    "never_stops",
    "never_starts",
    "clock_missing",
    "cannot_be_kept",
    "ladder",
    "agency_without_tier",
    "example",
    "slot_unknown",
]


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One defect of a pack: where (file and key), which kind, and what to do, in English."""

    where: str
    problem: Problem
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}: {self.text}"


class PackError(Exception):
    """The pack cannot be used. `findings` lists everything that is wrong with it."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("\n".join(str(finding) for finding in self.findings))


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint for a misspelt word: ` (did you mean "x"?)`, or nothing."""
    close = get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f' (did you mean "{close[0]}"?)' if close else ""


class Reader:
    """One table and the findings made in it. Call `close` at the end: it names unknown keys."""

    def __init__(self, table: Table, where: str, findings: list[Finding]) -> None:
        self._table = table
        self._asked: set[str] = set()
        self.where = where
        self.findings = findings

    def find(self, key: str, problem: Problem, text: str) -> None:
        self.findings.append(Finding(f"{self.where} {key}".strip(), problem, text))

    def has(self, key: str) -> bool:
        return key in self._table

    def value(self, key: str) -> object:
        self._asked.add(key)
        return self._table.get(key)

    def _missing(self, key: str, default: object) -> None:
        if default is None:
            self.find(key, "missing", "is required")

    def text(self, key: str, default: str | None = None) -> str:
        value = self.value(key)
        if isinstance(value, str) and value.strip():
            return value
        if value is None:
            self._missing(key, default)
        else:
            self.find(key, "bad_value", "must be a text that is not empty")
        return default or ""

    def flag(self, key: str, default: bool) -> bool:
        value = self.value(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.find(key, "bad_value", "must be true or false")
            return default
        return value

    def whole(self, key: str, default: int, low: int, high: int) -> int:
        value = self.value(key)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            self.find(key, "bad_value", f"must be a whole number from {low} to {high}")
            return default
        return value

    def one_of(self, key: str, allowed: tuple[str, ...], default: str | None = None) -> str:
        value = self.value(key)
        if isinstance(value, str) and value in allowed:
            return value
        if value is None:
            self._missing(key, default)
        else:
            hint = nearest(str(value), allowed)
            self.find(key, "bad_value", f"must be one of {', '.join(allowed)}{hint}")
        return default or allowed[0]

    def texts(self, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        value = self.value(key)
        if value is None:
            return default
        if isinstance(value, str):
            return (value,)
        items = cast(list[object], value) if isinstance(value, list) else [None]
        if not all(isinstance(item, str) and item for item in items):
            self.find(key, "bad_value", "must be a list of texts")
            return default
        return tuple(cast(list[str], items))

    def words(
        self, key: str, languages: tuple[str, ...], *, needed: bool = True
    ) -> Mapping[str, str]:
        """A text in every language of the pack."""
        value = self.value(key)
        if value is None:
            if needed:
                self.find(key, "missing", f"is required in {', '.join(languages)}")
            return {}
        if not isinstance(value, Mapping):
            self.find(key, "bad_value", f'must be a text per language ({key}.en = "…")')
            return {}
        table = cast(Table, value)
        for language in languages:
            text = table.get(language)
            if not isinstance(text, str) or not text.strip():
                self.find(key, "language_missing", f"has no text in {language}")
        return {k: v.strip() for k, v in table.items() if isinstance(v, str)}

    def said(
        self, key: str, languages: tuple[str, ...], *, needed: bool = True
    ) -> Mapping[str, str]:
        """Likewise; a plain text is the same in every language, as the name of a standard is."""
        value = self._table.get(key)
        if isinstance(value, str) and value.strip():
            self._asked.add(key)
            return {language: value.strip() for language in languages}
        return self.words(key, languages, needed=needed)

    def table(self, key: str) -> Reader:
        """The table under a key; an empty one when it is absent."""
        value = self.value(key)
        if value is not None and not isinstance(value, Mapping):
            self.find(key, "bad_value", "must be a table")
            value = None
        inner: Table = cast(Table, value) if value is not None else {}
        return Reader(inner, f"{self.where} {key}".strip(), self.findings)

    def tables(self, key: str) -> tuple[Reader, ...]:
        """A list of tables (`[[key]]`)."""
        value = self.value(key)
        if value is None:
            return ()
        rows = cast(list[object], value) if isinstance(value, list) else [None]
        found: list[Reader] = []
        for number, row in enumerate(rows, 1):
            if not isinstance(row, Mapping):
                self.find(key, "bad_value", f"must be a list of tables ([[{key}]])")
                continue
            where = f"{self.where} {key}[{number}]".strip()
            found.append(Reader(cast(Table, row), where, self.findings))
        return tuple(found)

    def names(self) -> tuple[str, ...]:
        """All keys of a table whose keys are names; they count as known."""
        self._asked.update(self._table)
        return tuple(self._table)

    def known(self) -> frozenset[str]:
        """The keys asked for so far."""
        return frozenset(self._asked)

    def close(self) -> None:
        for key in self._table:
            if key not in self._asked:
                self.find(key, "unknown_key", f"is not known here{nearest(key, self._asked)}")
