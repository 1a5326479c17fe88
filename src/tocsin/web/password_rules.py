"""What may be a password: long enough, not soon guessed, not known from a breach.

Sources: OWASP ASVS 5.0, 6.2 (length, common and breached passwords, words of the place), and
NIST SP 800-63B, 5.1.1.2. There are no rules about kinds of characters: they make passwords worse.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from hashlib import sha1
from os import SEEK_END
from pathlib import Path
from typing import BinaryIO, Final

from zxcvbn import zxcvbn

from tocsin.kernel.shared import Refused

LENGTH_MIN: Final = 12
LENGTH_MAX: Final = 200
"""Longer than any passphrase; hashing time does not depend on it, but bodies do."""
GUESSES_MIN: Final = 1e10
"""How many guesses a password must be good for (zxcvbn, with the common passwords, names, words,
dates and keyboard walks it knows): what the limits on tries let through in a thousand years."""
LOOKED_AT: Final = 72
"""Characters that are weighed; what follows only makes a password better, and costs time."""
LINE_MAX: Final = 128
"""Bytes of a line of the list: 40 digits, a colon and a count."""


def normal(password: str) -> str:
    """The same password typed on two keyboards is the same text (NFKC, as in RFC 8265)."""
    return unicodedata.normalize("NFKC", password)


def weakness(
    password: str, words: Sequence[str] = (), breached: Path | None = None
) -> Refused | None:
    """Why it may not be a password: `password_weak` or `password_breached`.

    `words` are those that anybody would try here: the login first, then the name, the town.
    `breached` is a file of SHA-1 hashes in order. Raises OSError where it can not be read.
    """
    text = normal(password)
    if not LENGTH_MIN <= len(password) <= LENGTH_MAX:
        return Refused("password_weak", "length")
    if words and words[0].casefold() in text.casefold():
        return Refused("password_weak", "login")
    parts = [part for word in words for part in (*word.split(), "".join(word.split()))]
    known = [part.casefold() for part in parts]
    if zxcvbn(text[:LOOKED_AT], user_inputs=known)["guesses"] < GUESSES_MIN:
        return Refused("password_weak", "guessed")
    if breached is not None and is_listed(text, breached):
        return Refused("password_breached", "")
    return None


def is_listed(text: str, path: Path) -> bool:
    """Whether the file has the SHA-1 of the text: lines `HASH:count` in the order of the hashes,
    upper case, as lists of breached passwords are handed out. Found by halving, whatever its size:
    a list of a billion costs thirty reads."""
    wanted = sha1(text.encode(), usedforsecurity=False).hexdigest().upper().encode()
    with path.open("rb") as file:
        low, high = 0, file.seek(0, SEEK_END)
        while low < high:
            middle = (low + high) // 2
            start, line = _line_after(file, middle)
            if start >= high:
                high = middle
            elif line[:40] == wanted:
                return True
            elif line[:40].upper() < wanted:
                low = start + len(line)
            else:
                high = middle
    return False


def _line_after(file: BinaryIO, at: int) -> tuple[int, bytes]:
    """The first line that begins at or after a place, and where it begins."""
    if at:
        file.seek(at - 1)
        at += len(file.readline(LINE_MAX)) - 1
    file.seek(at)
    return at, file.readline(LINE_MAX)
