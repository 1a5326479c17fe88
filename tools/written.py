"""A file that a tool writes from the code, and `--check`: is that of the project fresh?"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def write_or_check(path: Path, text: str, *, again: str) -> int:
    """Writes `text` to `path`; with `--check` on the command line writes nothing and compares.
    Returns the exit code: 1 where the file is not fresh, with `again` as the way to make it so."""
    name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    if "--check" in sys.argv:
        is_fresh = path.is_file() and path.read_text(encoding="utf-8") == text
        print(f"{name} is fresh" if is_fresh else f"{name} is old: run {again}")
        return 0 if is_fresh else 1
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    print(f"written: {name}")
    return 0
