"""Where the way leads to a telephone instead of a form: a pack's emergency numbers and words.

Looked for before anything is kept. One word too many costs a reader one tap ("it is not an
emergency"); one too few costs minutes of a fire, so words are matched generously.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tocsin.packs.parts import Words
from tocsin.packs.reading import Reader, Table, nearest

_CJK = re.compile(r"[\u3400-\u9fff]")
_NUMBER = re.compile(r"^[0-9]{2,6}$")


@dataclass(frozen=True, slots=True)
class EmergencyNumber:
    """A number to call, and whom it reaches. `calendars` empty: wherever the pack is used."""

    number: str
    name: Words
    calendars: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Emergency:
    """What a pack says about emergencies."""

    numbers: tuple[EmergencyNumber, ...] = ()
    words: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def numbers_of(self, calendar: str) -> tuple[EmergencyNumber, ...]:
        """The numbers to call on a node that runs on this calendar, the first one first."""
        return tuple(
            each for each in self.numbers if not each.calendars or calendar in each.calendars
        )

    def found(self, text: str) -> tuple[str, ...]:
        """The emergency words in a text, in the order of the pack, whatever its language."""
        plain = " ".join(text.lower().split())
        return tuple(
            dict.fromkeys(
                word for _, words in self.words for word in words if _is_in(word.lower(), plain)
            )
        )


def _is_in(word: str, text: str) -> bool:
    """Chinese is written without gaps; elsewhere a word stands alone, or as a plain plural."""
    if word not in text:
        return False
    if _CJK.search(word):
        return True
    return re.search(rf"(?<!\w){re.escape(word)}(?:s|es)?(?!\w)", text) is not None


def read_emergency(
    pack: Reader, languages: Sequence[str], calendars: Mapping[str, Table], chosen: str
) -> Emergency:
    """The table `[emergency]` of a pack. Every calendar of the pack needs a number to call, and
    every language words: a town must not answer a fire with a form."""
    if not pack.has("emergency"):
        pack.value("emergency")
        pack.find("emergency", "missing", "is required: whom to call when life is in danger")
        return Emergency()
    reader = pack.table("emergency")
    numbers = tuple(_number(each, languages, calendars) for each in reader.tables("number"))
    words = _words(reader.table("words"), languages)
    reader.close()
    found = Emergency(numbers, words)
    for calendar in dict.fromkeys((chosen, *calendars)):
        if not found.numbers_of(calendar):
            reader.find("number", "missing", f"nobody to call where the calendar is {calendar}")
    return found


def _number(
    reader: Reader, languages: Sequence[str], calendars: Mapping[str, Table]
) -> EmergencyNumber:
    number = reader.text("number")
    if number and not _NUMBER.match(number):
        reader.find("number", "bad_value", 'must be two to six digits, such as "112"')
    named = reader.texts("calendars")
    for name in named:
        if name not in calendars:
            text = f"there is no calendar {name!r}{nearest(name, calendars)}"
            reader.find("calendars", "dangling", text)
    name = reader.words("name", tuple(languages))
    reader.close()
    return EmergencyNumber(number, name, named)


def _words(reader: Reader, languages: Sequence[str]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    found = tuple((name, reader.texts(name)) for name in reader.names())
    listed = dict(found)
    for language in languages:
        if not listed.get(language):
            reader.find(language, "language_missing", f"has no emergency word in {language}")
    return found


__all__ = ["Emergency", "EmergencyNumber", "read_emergency"]
