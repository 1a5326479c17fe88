"""The hashes of the log in flat files, and what is proven with them.

RFC 6962, section 2.1: a leaf is SHA-256(0x00 + data), a node SHA-256(0x01 + left + right). The
files are the tiles of C2SP tlog-tiles laid end to end: file L holds the root of every full subtree
of 256^L leaves, so that tile N of level L is the bytes from N * 8192 on. Only file 0 is needed; the
others follow from it and are mended when a file is opened.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

HASH_BYTES: Final = 32  # SHA-256
TILE_WIDTH: Final = 256
"""Hashes of a full tile, and the leaves under one hash of the level above."""
LEVELS: Final = 6
"""Files: 256^6 leaves are more than any town writes."""
EMPTY: Final = sha256(b"").digest()
"""The root of a log without entries."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of an entry."""
    return sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash over two subtrees."""
    return sha256(b"\1" + left + right).digest()


def folded(hashes: Sequence[bytes]) -> bytes:
    """The root over 2^k hashes."""
    while len(hashes) > 1:
        hashes = [node_hash(hashes[i], hashes[i + 1]) for i in range(0, len(hashes), 2)]
    return hashes[0]


class Tree:
    """The hashes of a log in a folder. One process writes; proofs may be asked for from any thread.

    Nothing here is signed or trusted: whoever opens it compares `root` with the last signed
    checkpoint first.
    """

    def __init__(self, folder: Path, between: Callable[[str], None] = lambda step: None) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        self._files = [os.open(folder / f"tiles.{level}", flags, 0o600) for level in range(LEVELS)]
        self._between = between
        self._unsynced = set(range(LEVELS))
        self._size = os.fstat(self._files[0]).st_size // HASH_BYTES
        self._mend()

    @property
    def size(self) -> int:
        """Leaves in the files."""
        return self._size

    def close(self) -> None:
        for file in self._files:
            os.close(file)
        self._files = []

    def cut(self, size: int) -> None:
        """Forget all leaves from `size` on."""
        assert size <= self._size, "a cut makes it shorter"
        self._size = size
        self._mend()

    def append(self, leaves: Sequence[bytes]) -> None:
        """Adds leaf hashes at the end. On disk after `sync`, not before."""
        first = self._size
        self._unsynced.add(0)
        _write(self._files[0], first, b"".join(leaves))
        self._between("levels")
        self._size = first + len(leaves)
        self._climb(first)

    def sync(self) -> None:
        """Returns once every hash is on disk."""
        for level in sorted(self._unsynced):
            os.fsync(self._files[level])
        self._unsynced.clear()

    def leaves(self, first: int, count: int) -> list[bytes]:
        """Up to `count` leaf hashes from `first` on."""
        return self._read(0, first, min(count, self._size - first))

    def tile(self, level: int, number: int, size: int) -> bytes:
        """Tile `number` of a level as a log of `size` leaves has it; perhaps partial, perhaps
        empty."""
        there = size // TILE_WIDTH**level if level < LEVELS else 0
        width = max(0, min(TILE_WIDTH, there - number * TILE_WIDTH))
        return b"".join(self._read(level, number * TILE_WIDTH, width)) if width else b""

    def root(self, size: int | None = None) -> bytes:
        """The root of the first `size` leaves. Raises IndexError for more than there are."""
        size = self._size if size is None else size
        self._need(size)
        return self._range(0, size) if size else EMPTY

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """The audit path of a leaf (RFC 6962, section 2.1.1). Raises IndexError."""
        self._need(size)
        if not 0 <= index < size:
            raise IndexError("no such entry in a log of that size")
        path: list[bytes] = []
        first, last = 0, size
        while last - first > 1:
            middle = first + _split(last - first)
            if index < middle:
                path.append(self._range(middle, last))
                last = middle
            else:
                path.append(self._range(first, middle))
                first = middle
        return path[::-1]

    def consistency(self, old: int, size: int) -> list[bytes]:
        """That the first `old` leaves are the same in both (section 2.1.2). Raises IndexError."""
        self._need(size)
        if not 0 <= old <= size:
            raise IndexError("the older log is the larger one")
        if old in (0, size):
            return []
        return self._subproof(old, 0, size, True)

    # -- inside

    def _subproof(self, old: int, first: int, last: int, whole: bool) -> list[bytes]:
        if old == last - first:
            return [] if whole else [self._range(first, last)]
        step = _split(last - first)
        if old <= step:
            right = self._range(first + step, last)
            return [*self._subproof(old, first, first + step, whole), right]
        left = self._range(first, first + step)
        return [*self._subproof(old - step, first + step, last, False), left]

    def _range(self, first: int, last: int) -> bytes:
        """The root over leaves [first, last), where `first` begins a subtree as wide."""
        width = last - first
        if width & (width - 1) == 0 and first % width == 0:
            level, rest = divmod(width.bit_length() - 1, 8)
            return folded(self._read(level, first >> (8 * level), 1 << rest))
        step = _split(width)
        return node_hash(self._range(first, first + step), self._range(first + step, last))

    def _need(self, size: int) -> None:
        if not 0 <= size <= self._size:
            raise IndexError("the log is not that long")

    def _read(self, level: int, first: int, count: int) -> list[bytes]:
        data = os.pread(self._files[level], count * HASH_BYTES, first * HASH_BYTES)
        if len(data) != count * HASH_BYTES:
            raise IndexError("the log's files are shorter than they were")
        return [data[i : i + HASH_BYTES] for i in range(0, len(data), HASH_BYTES)]

    def _climb(self, first: int) -> None:
        """The levels above, for leaves that came from `first` on."""
        size = self._size
        for level in range(1, LEVELS):
            first, size = first // TILE_WIDTH, size // TILE_WIDTH
            if first == size:
                return
            done = [
                folded(self._read(level - 1, each * TILE_WIDTH, TILE_WIDTH))
                for each in range(first, size)
            ]
            self._unsynced.add(level)
            _write(self._files[level], first, b"".join(done))

    def _mend(self) -> None:
        """After a crash the levels may be of different lengths; and a cut shortens all."""
        size = self._size
        self._unsynced.update(range(LEVELS))
        os.ftruncate(self._files[0], size * HASH_BYTES)
        for level in range(1, LEVELS):
            size //= TILE_WIDTH
            there = min(os.fstat(self._files[level]).st_size // HASH_BYTES, size)
            os.ftruncate(self._files[level], there * HASH_BYTES)
            for each in range(there, size):
                done = folded(self._read(level - 1, each * TILE_WIDTH, TILE_WIDTH))
                _write(self._files[level], each, done)


def _split(width: int) -> int:
    """The largest power of two below `width`."""
    return 1 << ((width - 1).bit_length() - 1)


def _write(file: int, first: int, data: bytes) -> None:
    at = first * HASH_BYTES
    while data:
        done = os.pwrite(file, data, at)
        data, at = data[done:], at + done
