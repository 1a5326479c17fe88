"""The words of `tocsin vault`; what they do is in `vault_keeping`."""

from __future__ import annotations

from typing import Any


def vault_verbs(verbs: Any, verb_of: Any, lazy: Any) -> None:
    """The verbs of `tocsin vault`."""
    inner = verbs.add_parser("vault", help="the master key of everything personal")
    inner = inner.add_subparsers(required=True, metavar="VERB")
    verb_of(inner, "keys", lazy("vault_keeping", "keys"), "list which master keys are in use")
    verb = verb_of(
        inner, "rotate", lazy("vault_keeping", "rotate_key"),
        "wrap all data keys under a new master key and retire the old one; goes on where it was "
        "cut off",
    )  # fmt: skip
    verb.add_argument(
        "--wait", type=float, default=30.0, metavar="SECONDS",
        help="for running nodes to see the new key",
    )  # fmt: skip


__all__ = ["vault_verbs"]
