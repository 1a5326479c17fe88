"""The words of the house in every language: statuses, clocks, refusals, roles and so on.

They are data (`packs/common/words.toml`), read once from the installed packs. Case types have
their own words, see `model.Pack.in_language`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import cast

from tocsin.packs.find import packs_folder
from tocsin.packs.load import read_toml
from tocsin.packs.reading import Finding, PackError

FALLBACK_LANGUAGE = "en"

Catalogue = Mapping[str, Mapping[str, Mapping[str, str]]]


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """All words: kind, key, language. Raises PackError when the file is broken."""
    bad: list[Finding] = []
    table = read_toml(packs_folder() / "common" / "words.toml", bad)
    if bad:
        raise PackError(bad)
    return cast(Catalogue, table)


def word(kind: str, key: str, language: str) -> str:
    """One word, such as `word("status", "in_work", "zh-CN")`.

    A language that is not there gives its base language, else English; an unknown key gives the
    key itself, so that a screen never breaks for a missing word (a test finds those).
    """
    words = catalogue().get(kind, {}).get(key)
    if words is None:
        return key
    exact = words.get(language)
    if exact is not None:
        return exact
    base = language.partition("-")[0]
    for code, text in words.items():
        if code.partition("-")[0] == base:
            return text
    return words.get(FALLBACK_LANGUAGE, key)


def keys(kind: str) -> tuple[str, ...]:
    """The keys of a kind, in the order of the file; empty for an unknown kind."""
    return tuple(catalogue().get(kind, {}))


def languages() -> tuple[str, ...]:
    """The languages every word is in."""
    return ("zh-CN", "en")
