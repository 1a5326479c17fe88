"""Topics, filters, and who may use which. Pure."""

from __future__ import annotations

from typing import Final

TOPIC_MAX: Final = 512
"""Bytes of a topic or filter; devices use a fifth of it."""
LEVELS_MAX: Final = 32
"""Levels of a topic or filter: matching takes time by level."""
OWN_NAME: Final = "%u"
"""In a pattern: the device's own name."""


def is_topic(topic: str) -> bool:
    """Whether something may be published under it: no wildcards, and nothing of `$`, which is
    the server's own."""
    return _is_sound(topic) and not ("+" in topic or "#" in topic or topic.startswith("$"))


def is_filter(text: str) -> bool:
    """Whether it is a filter: `+` only as a whole level, `#` only as the whole last one."""
    if not _is_sound(text):
        return False
    *before, last = text.split("/")
    return all("#" not in each for each in before) and all(
        each in ("+", "#") or not ("+" in each or "#" in each) for each in (*before, last)
    )


def matches(pattern: str, topic: str) -> bool:
    """Whether a topic is one of a filter's (MQTT 5, 4.7)."""
    return covers(pattern, topic)


def covers(pattern: str, wanted: str) -> bool:
    """Whether every topic of the filter `wanted` is one of the filter `pattern`."""
    if wanted.startswith("$") and pattern[:1] in ("+", "#"):
        return False
    mine, theirs = pattern.split("/"), wanted.split("/")
    for place, level in enumerate(mine):
        if level == "#":
            return True
        if place >= len(theirs):
            return False
        given = theirs[place]
        if given == "#" or (level != "+" and level != given):
            return False
    return len(mine) == len(theirs)


def own(patterns: tuple[str, ...], name: str) -> tuple[str, ...]:
    """The patterns of one device: `%u` is its name. A name has no characters of filters."""
    return tuple(each.replace(OWN_NAME, name) for each in patterns)


def may(patterns: tuple[str, ...], wanted: str) -> bool:
    """Whether any of the patterns holds a topic, or all of a filter."""
    return any(covers(each, wanted) for each in patterns)


def _is_sound(text: str) -> bool:
    is_long = len(text.encode("utf-8", "replace")) > TOPIC_MAX or text.count("/") >= LEVELS_MAX
    return bool(text) and "\0" not in text and not is_long
