"""Errors that speak to an operator in two languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class SpokenError(Exception):
    """What an operator can mend: `reason` is stable, `message(language)` is for people. Safe to
    show. `TEXTS` holds (English, Chinese) for each reason, with slots for the details."""

    TEXTS: ClassVar[Mapping[str, tuple[str, str]]]

    def __init__(self, reason: str, **details: str) -> None:
        self.reason = reason
        self.details = details
        super().__init__(self.message("en"))

    def message(self, language: str) -> str:
        """One line in `language` ("en" or "zh-CN")."""
        english, chinese = self.TEXTS[self.reason]
        return (chinese if language.startswith("zh") else english).format(**self.details)
