"""The words of `tocsin log`; what they do is in `log_keeping`."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def log_verbs(verbs: Any, verb_of: Any, lazy: Any) -> None:
    """The verbs of `tocsin log`."""
    inner = verbs.add_parser("log", help="the log that shows whether the past was changed")
    inner = inner.add_subparsers(required=True, metavar="VERB")
    verb = verb_of(inner, "export", lazy("log_keeping", "export"), "write a bundle for auditors")
    verb.add_argument("file", type=Path)
    verb_of(inner, "key", lazy("log_keeping", "key"), "print the key that auditors check with")
    verb_of(inner, "rotate", lazy("log_keeping", "rotate_key"), "add a key; both sign from then on")
    verb = verb_of(
        inner, "restart", lazy("log_keeping", "restart"),
        "begin a new log under a new key, after a backup was restored",
    )  # fmt: skip
    verb.add_argument("--yes", action="store_true", help="auditors will ask why")
