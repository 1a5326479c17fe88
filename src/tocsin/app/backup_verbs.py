"""The words of `tocsin backup` and `tocsin restore`; what they do is in `backup_keeping`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

PRUNE: Final = "prune"
"""In the place of a file's name. A file of that name is `./prune`."""


def backup_verbs(verbs: Any, verb_of: Any, lazy: Any) -> None:
    """The words of both."""
    about = "write a copy of everything to two files: the data, and the keys of what is sealed"
    verb = verb_of(verbs, "backup", lazy("backup_keeping", "backup"), about)
    verb.add_argument("file", help=f"where to; `{PRUNE}` removes keys' files that had their day")
    verb.add_argument("--keys", type=Path, help="where the keys' file goes, if not beside")
    verb.add_argument("--with-key", action="store_true", help="include the keys of vault and log")
    verb.add_argument("--folder", type=Path, help=f"{PRUNE}: the folder of keys' files")
    verb.add_argument("--days", type=int, help=f"{PRUNE}: how long they are kept; else 14")
    verb.add_argument("--dry-run", action="store_true", help=f"{PRUNE}: say it, and keep them")
    about = "fill an empty node from a copy"
    verb = verb_of(verbs, "restore", lazy("backup_keeping", "restore"), about)
    verb.add_argument("file", type=Path)
    which = verb.add_mutually_exclusive_group()
    which.add_argument(
        "--keys",
        type=Path,
        help="the keys' file, or their folder; the newest that is beside if unset",
    )
    which.add_argument(
        "--without-keys", action="store_true", help="everything that is sealed is gone for good"
    )


__all__ = ["PRUNE", "backup_verbs"]
