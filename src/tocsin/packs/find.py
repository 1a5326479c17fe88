"""Where the packs are: inside the installed package, or beside `src` in a working tree."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def packs_folder() -> Path:
    """The folder that holds the packs. Raises FileNotFoundError when there is none."""
    for folder in (_PACKAGE / "_packs", _PACKAGE.parents[1] / "packs"):
        if folder.is_dir():
            return folder
    raise FileNotFoundError("the packs are neither in the package nor beside src")


def builtin(name: str) -> Path:
    """The folder of a pack that comes with Tocsin. Raises FileNotFoundError for another name."""
    folder = packs_folder() / name
    if not folder.is_dir() or folder.parent != packs_folder():
        raise FileNotFoundError(f"there is no pack {name!r}; there are: {', '.join(builtins())}")
    return folder


def builtins() -> tuple[str, ...]:
    """The names of the packs that come with Tocsin, sorted."""
    return tuple(sorted(path.parent.name for path in packs_folder().glob("*/pack.toml")))
