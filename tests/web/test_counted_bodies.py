"""Bodies of JSON are counted before they are read: never more than there is, and not slowly."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tocsin.web.gate import BODY_ITEMS_MAX, items_least

TEXTS = st.text(st.sampled_from('a,"\\é\n'), max_size=8)
VALUES = st.recursive(
    st.none() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=40,
)


def items(value: Any) -> int:
    """Members and items, as the gate counts what it has read."""
    held = list(value.values()) if isinstance(value, dict) else value
    return len(held) + sum(map(items, held)) if isinstance(held, list) else 0


@given(VALUES, st.booleans())
def test_never_more_than_there_is(value: Any, is_ascii: bool):
    whole = [value, *[0] * (BODY_ITEMS_MAX + 1)]
    for each in (whole, {"text": "," * (BODY_ITEMS_MAX + 1), "value": value}):
        assert items_least(json.dumps(each, ensure_ascii=is_ascii).encode()) <= items(each)
    assert items_least(json.dumps(whole).encode()) > BODY_ITEMS_MAX


def test_a_string_without_an_end_is_looked_at_once():
    """A reader that began anew at each quotation mark would take hours for a megabyte."""
    many = BODY_ITEMS_MAX + 1
    for body in (
        b'"' + b'\\"' * 500_000 + b"," * many,
        b'["' + b',\\"' * 400_000,
        b"\\" * 900_000 + b'"' + b"," * many,
    ):
        assert items_least(body) == 0


def test_it_stops_once_they_are_too_many():
    """Neither what follows nor how many strings there are is memory or time of the node."""
    begun = b'{"a":' + b'"x",'.join(b"" for _ in range(BODY_ITEMS_MAX + 3))
    assert items_least(begun + b'"' * 900_000) > BODY_ITEMS_MAX
    assert items_least(b'"" ' * 300_000 + b"," * (BODY_ITEMS_MAX + 1)) > BODY_ITEMS_MAX


def test_another_alphabet_is_left_to_the_reader():
    assert items_least(json.dumps([0] * 10_000).encode("utf-16-le")) == 0
