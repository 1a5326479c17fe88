"""The words of `tocsin retention`; what they do is in `retention_keeping`."""

from __future__ import annotations

from typing import Any


def retention_verbs(verbs: Any, verb_of: Any, lazy: Any) -> None:
    """The words of `tocsin retention`."""
    inner = verbs.add_parser("retention", help="destroy what has had its day, and sign it")
    inner = inner.add_subparsers(required=True, metavar="VERB")
    verb = verb_of(
        inner, "run", lazy("retention_keeping", "run"), "carry out the pack's retention now"
    )
    verb.add_argument(
        "--sweep", action="store_true", help="write the tables anew afterwards; the node waits"
    )
    verb.add_argument("--dry-run", action="store_true", help="print what would go, and keep it")
