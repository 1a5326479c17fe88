"""What somebody has typed so far: it travels in the form from step to step, and is checked here.

Nothing of it is kept before the report is sent; photos wait in `drafts`.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as member
from typing import Final

from tocsin.kernel.shared import Place
from tocsin.packs.model import Pack
from tocsin.packs.parts import CaseType, Field
from tocsin.runtime.reception import LINE_LIMIT
from tocsin.web.public.forms import Form
from tocsin.web.public.locating import read_point, typed_point

TEXT_MAX: Final = 4_000
"""Characters of a description here: it is in the last page twice, which stays under 50 kB."""
KEY_MAX: Final = 64
_KEY = re.compile(r"^[\w-]{8,64}$", re.ASCII)
_SPOT = re.compile(r"^(-?\d{1,3}\.\d{1,8}),(-?\d{1,3}\.\d{1,8})$")
ANSWER: Final = "a."
"""Before the code of a question, in the name of its field."""
LINES: Final = ("address", "name", "phone", "email")


@dataclass(frozen=True, slots=True)
class Wrong:
    """One mistake: in which field, which sentence, and what fills its gaps."""

    field: str
    key: str
    slots: Mapping[str, str] = member(default_factory=dict[str, str])


@dataclass(slots=True)
class Typed:
    """The fields of a report that is being written."""

    key: str
    text: str = ""
    draft: str = ""
    photos: str = ""
    kind: str = ""
    other: str = ""
    address: str = ""
    lon: str = ""
    lat: str = ""
    spot: str = ""
    name: str = ""
    phone: str = ""
    email: str = ""
    consent: str = ""
    calm: str = ""
    answers: dict[str, tuple[str, ...]] = member(default_factory=dict[str, tuple[str, ...]])

    @property
    def case_type(self) -> str:
        """The chosen type: from the short list, else from the long one."""
        return self.other if self.kind in ("", "other") else self.kind

    @property
    def place(self) -> Place | None:
        """The point: chosen among the places found, tapped on the map, or typed."""
        match = _SPOT.match(self.spot)
        if match:
            return read_point(match[1], match[2])
        if self.spot == "" and self.lon:
            return read_point(self.lon, self.lat)
        return typed_point(self.address)

    def hidden(self, *shown: str) -> Iterator[tuple[str, str]]:
        """Name and value of every field that a page does not show itself."""
        for name in NAMES:
            value = str(getattr(self, name))
            if name not in shown and value:
                yield name, value
        if "answers" not in shown:
            for code, values in self.answers.items():
                for value in values:
                    yield f"{ANSWER}{code}", value


NAMES: Final = tuple(name for name in Typed.__dataclass_fields__ if name != "answers")


def fresh_key() -> str:
    """What makes a second sending of the same form harmless."""
    return secrets.token_urlsafe(18)


def typed_of(form: Form) -> Typed:
    """What came with a form; a key that is none of ours is replaced."""
    typed = Typed(form.get("key"))
    for name in NAMES:
        setattr(typed, name, form.get(name))
    typed.text = typed.text.replace("\r\n", "\n").replace("\r", "\n")
    if not _KEY.match(typed.key):
        typed.key = fresh_key()
    typed.draft = typed.draft[:KEY_MAX]
    for name, values in form.fields.items():
        if name.startswith(ANSWER):
            kept = tuple(value for value in values if value.strip())
            if kept:
                typed.answers[name.removeprefix(ANSWER)] = kept
    return typed


def is_text(text: str) -> bool:
    """No lone surrogates and no NUL: what the store can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in text


def wrong_words(typed: Typed) -> list[Wrong]:
    """Mistakes of the first step."""
    if not typed.text.strip():
        return [Wrong("text", "e_text")]
    if len(typed.text) > TEXT_MAX:
        return [Wrong("text", "e_text_long", {"n": str(TEXT_MAX)})]
    return [] if is_text(typed.text) else [Wrong("text", "e_bad_text")]


def wrong_where(typed: Typed, pack: Pack) -> list[Wrong]:
    """Mistakes of the second step, without those that a map would find."""
    found: list[Wrong] = []
    if not typed.address.strip() and typed.place is None:
        found.append(Wrong("address", "e_address"))
    case_type = pack.case_types.get(typed.case_type)
    if case_type is None or not case_type.public:
        found.append(Wrong("kind", "e_kind"))
    for name in LINES:
        value = str(getattr(typed, name))
        if len(value) > LINE_LIMIT:
            found.append(Wrong(name, "e_line_long", {"n": str(LINE_LIMIT)}))
        elif not is_text(value):
            found.append(Wrong(name, "e_bad_text"))
    return found


def questions(case_type: CaseType) -> tuple[Field, ...]:
    """What is asked about a matter of this type, in order."""
    return tuple(
        sorted((each for each in case_type.form if each.variable), key=lambda each: each.order)
    )


def fitting(typed: Typed, case_type: CaseType) -> dict[str, tuple[str, ...]]:
    """The answers that belong to the chosen type; a time without a zone is the town's own."""
    codes = {each.code for each in questions(case_type)}
    return {code: values for code, values in typed.answers.items() if code in codes}


__all__ = ["TEXT_MAX", "Typed", "Wrong", "fresh_key", "typed_of", "wrong_where", "wrong_words"]
