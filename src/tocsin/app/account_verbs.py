"""The words of `tocsin account`; what they do is in `account_keeping`."""

from __future__ import annotations

from typing import Any


def account_verbs(verbs: Any, verb_of: Any, lazy: Any) -> None:
    """The verbs of `tocsin account`, for whoever may start programs on the node's machine."""
    inner = verbs.add_parser("account", help="let somebody in again, as the machine's operator")
    inner = inner.add_subparsers(required=True, metavar="VERB")
    verb = verb_of(
        inner, "unlock", lazy("account_keeping", "unlock"),
        "print a link that signs an account in with a new password, past every limit",
    )  # fmt: skip
    verb.add_argument("login")
    verb_of(
        inner, "proposals", lazy("account_keeping", "proposals"),
        "list what waits for a second person",
    )  # fmt: skip
    verb = verb_of(
        inner, "grant", lazy("account_keeping", "grant"),
        "be the second person for a proposal, when there is none",
    )  # fmt: skip
    verb.add_argument("proposal")
