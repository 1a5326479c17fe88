"""Message templates: words with `{slot}` names from a fixed list, nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping

SLOTS = frozenset(("code", "case_type", "promised_at", "agency", "reason", "status", "was", "now"))
_SLOT = re.compile(r"\{([^{}]*)\}")


def slots_of(template: str) -> tuple[str, ...]:
    """The slot names of a template, known or not."""
    return tuple(_SLOT.findall(template))


def fill(template: str, slots: Mapping[str, str]) -> str:
    """The template with its slots filled in one pass; a slot without a value becomes a dash.

    Values are put in as they are: what looks like a slot inside a value stays words.
    """
    return _SLOT.sub(lambda match: slots.get(match[1], "–"), template)
