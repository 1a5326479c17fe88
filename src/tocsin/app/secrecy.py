"""Secrets of a node: where they stand, who may read them, and which are none.

Example values from our own pages, and those that programs are shipped with, stop the start: who
forgets to change one would have a lock whose key is printed.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, cast
from urllib.parse import unquote, urlsplit

from tocsin.app.settings import Settings
from tocsin.geography.spoken import SpokenError
from tocsin.runtime.intake_settings import FILE, Tables
from tocsin.stores.log.notes import KEY_FILE
from tocsin.stores.vault import retired_beside

SECRET_NAMES: Final = frozenset("key secret password token".split())
"""Names of values in the file of the intakes that are secrets."""
EXAMPLES: Final = frozenset(
    "1234567890abcdef 0123456789abcdef at-least-24-characters-of-chance secret password passwd "
    "changeme change-me change_me admin administrator root postgres postgresql tocsin default "
    "example letmein qwerty 12345 123456 12345678 123456789 1234567890 test guest user public "
    "sha256$00112233445566778899aabbccddeeff$"
    "2b56a4ae66b9ac9ee7f3b2e7b9b2c5e4e29b1c8c8f8a5d1c0b6f9d0a7e3c4d5f".split()
)
"""In small letters: what stands in our guides, and what is tried first everywhere."""
DISTINCT_MIN: Final = 5
"""Different characters that a secret of sixteen or more has at least."""
LONG: Final = 16
OTHERS: Final = 0o077
_HEX: Final = re.compile(r"([0-9a-f]{2}){8,}")


class ExampleSecret(SpokenError, ValueError):
    """A secret that everybody knows. The value is not repeated."""

    TEXTS: ClassVar[Mapping[str, tuple[str, str]]] = {
        "example": (
            "{where} is an example or a default that everybody knows: make one of your own",
            "{where} 是人尽皆知的示例或默认值：请自行生成",
        ),
        "argument": (
            "a secret is not taken from the command line, where every user of this machine can "
            "read it: set {where}, or write it into the file of the settings",
            "密钥不能通过命令行给出，因为本机所有用户都能看到：请设置 {where}，或写入设置文件",
        ),
    }


@dataclass(frozen=True, slots=True)
class Place:
    """Where a secret stands: what it is (a name for people's words), the file or variable, and the
    file's mode; None where it is no file, -1 where the file is not there yet."""

    what: str
    where: str
    mode: int | None

    @property
    def is_open(self) -> bool:
        """Whether others than the node's user may read it."""
        return self.mode is not None and self.mode >= 0 and bool(self.mode & OTHERS)


def is_example(value: str) -> bool:
    """Whether a secret is one that is printed somewhere, or has no chance in it."""
    lowered = value.strip().casefold()
    if _HEX.fullmatch(lowered):
        as_text = bytes.fromhex(lowered).decode("latin-1").casefold()
        if as_text in EXAMPLES:
            return True
    has_word = any(word in lowered for word in ("changeme", "change-me", "example"))
    is_flat = len(lowered) >= LONG and len(set(lowered)) < DISTINCT_MIN
    return lowered in EXAMPLES or has_word or is_flat


def password_of(url: str) -> str:
    """The password in the address of a database; empty where it has none."""
    try:
        return unquote(urlsplit(url).password or "")
    except ValueError:
        return ""


def secrets_in(tables: Tables) -> Iterator[tuple[str, str]]:
    """(where, value) of every secret in the tables of the intakes."""
    for code in sorted(tables):
        yield from _walk(f"[{code}]", tables[code])


def _walk(where: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        table = cast(Mapping[str, Any], value)
        called = str(table.get("name") or table.get("account") or "")
        here = f"{where} {called}".strip()
        for name, inner in table.items():
            is_text = isinstance(inner, str)
            if is_text and name in SECRET_NAMES and not inner.startswith("/") and inner:
                yield f"{here} {name}", inner
            elif not is_text:
                yield from _walk(f"{here} {name}", inner)
    elif isinstance(value, list):
        for each in cast(list[Any], value):
            yield from _walk(where, each)


def refuse_examples(settings: Settings, tables: Tables) -> None:
    """Raises ExampleSecret for the first secret that everybody knows."""
    for where in examples(settings, tables):
        raise ExampleSecret("example", where=where)


def examples(settings: Settings, tables: Tables) -> list[str]:
    """Where secrets stand that everybody knows."""
    found = [where for where, value in secrets_in(tables) if is_example(value)]
    for name in ("database_url", "database_owner_url"):
        password = password_of(getattr(settings, name))
        if password and is_example(password):
            found.append(f"TOCSIN_{name.upper()}")
    return found


def places(settings: Settings, environ: Mapping[str, str], config: Path | None) -> list[Place]:
    """Where the secrets of this node stand, in a fixed order."""
    vault_key = settings.vault_key_file or settings.data / "vault.key"
    retired = retired_beside(vault_key)
    found = [
        _file("vault_key", vault_key),
        *([_file("retired_keys", retired)] if retired.exists() else []),
        _file("log_key", settings.data / KEY_FILE),
        _file("intakes", settings.intakes or settings.data / FILE),
    ]
    if environ.get("TOCSIN_DATABASE_OWNER_URL"):
        found.append(Place("database", "TOCSIN_DATABASE_OWNER_URL", None))
    if environ.get("TOCSIN_DATABASE_URL"):
        found.append(Place("database", "TOCSIN_DATABASE_URL", None))
    elif settings.database_url and config is not None:
        found.append(_file("database", config))
    if settings.sign_on_secret_file is not None:
        found.append(_file("sign_on", settings.sign_on_secret_file))
    elif environ.get("TOCSIN_SIGN_ON_SECRET"):
        found.append(Place("sign_on", "TOCSIN_SIGN_ON_SECRET", None))
    elif settings.sign_on_secret and config is not None:
        found.append(_file("sign_on", config))
    return found


def _file(what: str, path: Path) -> Place:
    try:
        return Place(what, str(path), stat.S_IMODE(os.stat(path).st_mode))
    except OSError:
        return Place(what, str(path), -1)
