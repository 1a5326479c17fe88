"""A person's word on what the public reads of a resident's words.

Nobody has to speak: what no person has confirmed is published with a gap for every find. A word
counts for one text of one case, as it was when it was read; of any other text it says nothing.

A photo has no gaps and nothing looks into it: until a person released it nobody of the public sees
it. The same holds for a link that a reporter gave.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

import msgspec

from tocsin.kernel.shared import Actor, ActorId, CaseId, Instant, SealedRef
from tocsin.runtime.redacting import GAP, find, redact

Decision = Literal["accepted", "edited", "held"]
"""accepted: the gaps of the finder · edited: gaps of the person's own · held: nothing at all."""
GAPS_MAX: Final = 500
"""Gaps of one text: more than a report of 4,000 characters has words worth one."""

Piece = tuple[CaseId, SealedRef]
"""What a word can be about: a text or a photo, as one case shows it."""
Gap = tuple[int, int]
"""Characters (code points) from the first number up to, not with, the second."""


@dataclass(frozen=True, slots=True)
class Redaction:
    """One word. `source` and `version` say which text or photo it is about; `value` is what is
    published: another text, or the photo itself."""

    id: int
    at: Instant
    actor: ActorId
    case_id: CaseId
    source: SealedRef
    version: str
    decision: Decision
    value: SealedRef | None


class Redactions(Protocol):
    """Where the words are kept. Each is only ever added; the last one on a text counts."""

    async def versions(self, refs: Sequence[SealedRef]) -> Mapping[SealedRef, str]:
        """Which texts are there now, and a digest of each that tells nothing of its words."""
        ...

    async def decided(self, wanted: Mapping[CaseId, SealedRef]) -> Mapping[CaseId, Redaction]:
        """By case: the last word on this text as it is now. A word on another text of the case,
        or on what the text was before, is not among them."""
        ...

    async def last_on(self, pieces: Collection[Piece]) -> Mapping[Piece, Redaction]:
        """The same for any number of texts and photos of a case."""
        ...

    async def decide(
        self,
        case_id: CaseId,
        source: SealedRef,
        version: str,
        decision: Decision,
        text: str | None,
        *,
        by: Actor,
        role: str,
    ) -> Redaction | None:
        """Keeps a word, and seals `text` (None: held) with the person's own words, so that both go
        together. None, and nothing is written, where the text is another one now, or is gone."""
        ...

    async def judge_photo(
        self,
        case_id: CaseId,
        source: SealedRef,
        version: str,
        *,
        is_released: bool,
        by: Actor,
        role: str,
    ) -> Redaction | None:
        """Keeps a word on a photo: shown as it is (accepted), or not at all (held). None, and
        nothing is written, where it is another one now, or is gone."""
        ...


class Said(msgspec.Struct, frozen=True):
    """What a resident told: words, and a link that they gave."""

    text: str = ""
    media_url: str = ""


def said_of(value: bytes, media_type: str) -> Said:
    """A sealed description, opened."""
    if media_type.startswith("application/json"):
        return msgspec.json.decode(value, type=Said)
    return Said(value.decode("utf-8", "replace"))


def public_text(text: str, decision: Decision | None, decided: str | None) -> str | None:
    """What of a text the public reads: what a person decided, nothing where they held it back, and
    else the text with every find gapped. Never the text as it was told without a person's word."""
    if decision == "held":
        return None
    if decision is not None and decided is not None:
        return decided or None
    return redact(text) or None


def merged(gaps: Sequence[Gap], size: int) -> tuple[Gap, ...]:
    """The gaps in order, those that touch as one. Raises ValueError where one is empty or not
    within the text."""
    found: list[Gap] = []
    for start, end in sorted(gaps):
        if not 0 <= start < end <= size:
            raise ValueError(f"no such characters: {start} to {end} of {size}")
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return tuple(found)


def gapped(text: str, gaps: Sequence[Gap]) -> str:
    """The text with these gaps. Raises ValueError as `merged`."""
    parts: list[str] = []
    at = 0
    for start, end in merged(gaps, len(text)):
        parts += [text[at:start], GAP]
        at = end
    return "".join([*parts, text[at:]])


def marks_of(text: str) -> tuple[Gap, ...]:
    """Where the finder would leave gaps."""
    return tuple((span.start, span.end) for span in find(text))


__all__ = [
    "GAPS_MAX",
    "Decision",
    "Gap",
    "Piece",
    "Redaction",
    "Redactions",
    "Said",
    "gapped",
    "marks_of",
    "merged",
    "public_text",
    "said_of",
]
