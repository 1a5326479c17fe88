"""RFC 6962, section 2.1, as a verifier needs it: roots of a growing log, and proofs."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256


def leaf(data: bytes) -> bytes:
    """The hash of an entry."""
    return sha256(b"\x00" + data).digest()


def join(left: bytes, right: bytes) -> bytes:
    """The hash over two neighbours."""
    return sha256(b"\x01" + left + right).digest()


class Range:
    """A log as the roots of its full subtrees, the widest first: enough to grow and to say the
    root, in a few hundred bytes."""

    def __init__(self) -> None:
        self.size = 0
        self.peaks: list[bytes] = []

    def add(self, entry: bytes) -> None:
        """One more leaf hash. Each 1 at the end of the size is a peak that now gets its twin."""
        carried, bits = entry, self.size
        while bits & 1:
            carried = join(self.peaks.pop(), carried)
            bits >>= 1
        self.peaks.append(carried)
        self.size += 1

    def root(self) -> bytes:
        """The root of everything added."""
        if not self.peaks:
            return sha256(b"").digest()
        found = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            found = join(peak, found)
        return found


def is_included(index: int, size: int, entry: bytes, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the proof leads from a leaf hash to the root (RFC 9162, section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    node, last, found = index, size - 1, entry
    for step in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            found = join(step, found)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = join(found, step)
        node, last = node >> 1, last >> 1
    return last == 0 and found == root


def is_consistent(
    old: int, size: int, old_root: bytes, root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether the log of `old` entries is the beginning of the other (RFC 9162, 2.1.4.2)."""
    if not 0 <= old <= size:
        return False
    if old == size:
        return not proof and old_root == root
    if old == 0:
        return not proof
    steps = list(proof)
    if old & (old - 1) == 0:
        steps.insert(0, old_root)
    if not steps:
        return False
    node, last = old - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    first = second = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            first, second = join(step, first), join(step, second)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            second = join(second, step)
        node, last = node >> 1, last >> 1
    return last == 0 and first == old_root and second == root
