"""Photos between two steps of a report: in memory, for half an hour, known by a random name.

Words travel in the form itself; photos are too heavy for that. What does not fit any more goes,
the oldest first, and the page says so before the report is sent.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final

from tocsin.runtime.reception import MEDIA_LIMIT, Photo

LIVES_S: Final = 1_800
"""How long photos wait for the last step: somebody looks for an address, or for a pen."""
BYTES_MAX: Final = 128 * 2**20
"""Memory of all waiting photos: about two hundred of them, developed."""


@dataclass(slots=True)
class _Kept:
    photos: tuple[Photo, ...]
    at: float

    @property
    def size(self) -> int:
        return sum(len(photo.data) for photo in self.photos)


class Drafts:
    """The photos of reports that are being written. One per node."""

    def __init__(
        self,
        bytes_max: int = BYTES_MAX,
        lives_s: float = LIVES_S,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._bytes_max = bytes_max
        self._lives_s = lives_s
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._size = 0

    def photos(self, name: str) -> tuple[Photo, ...]:
        """The photos kept under a name; none when their time is over."""
        self._forget()
        found = self._kept.get(name)
        return found.photos if found is not None else ()

    def add(self, name: str, photo: Photo) -> str:
        """Keep one more photo; gives the name (a fresh one when it is empty or forgotten). The
        same photo twice is one; more than a report may have are not taken."""
        held = self.photos(name)
        if any(each.digest == photo.digest for each in held) or len(held) >= MEDIA_LIMIT:
            return name
        return self._put(name if held else secrets.token_urlsafe(18), (*held, photo))

    def drop(self, name: str, number: int) -> None:
        """Take one photo out again (counted from 0)."""
        held = self.photos(name)
        if 0 <= number < len(held):
            self._put(name, held[:number] + held[number + 1 :])

    def _put(self, name: str, photos: tuple[Photo, ...]) -> str:
        old = self._kept.pop(name, None)
        if old is not None:
            self._size -= old.size
        made = _Kept(photos, self._clock())
        self._kept[name] = made
        self._size += made.size
        self._forget()
        return name

    def _forget(self) -> None:
        now = self._clock()
        while self._kept:
            oldest = next(iter(self._kept.values()))
            if self._size <= self._bytes_max and now - oldest.at <= self._lives_s:
                return
            self._kept.popitem(last=False)
            self._size -= oldest.size


__all__ = ["Drafts"]
