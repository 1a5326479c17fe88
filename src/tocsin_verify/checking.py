"""What must hold, and the first entry for which it does not.

Every leaf is computed from its row. At each size for which a root is known (a signed checkpoint,
or one that was seen in an earlier run) the roots must be equal. Where they are not, the hashes that
the node keeps in its own files say which entry it was, once they themselves lead to the signed
root; without them the finding is the span since the last root that held.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tocsin_verify import leaves, merkle, notes
from tocsin_verify.leaves import Bad, Entry


class Finding(NamedTuple):
    """What is wrong. `first` and `last` are entries; None where the row is in no entry."""

    first: int | None
    last: int | None
    what: str

    def __str__(self) -> str:
        if self.first is None or self.first == self.last:
            return self.what
        return f"entries {self.first} to {self.last}: {self.what}"


@dataclass
class Result:
    """What a run found. `size` and `root` are the largest checkpoint that held."""

    finding: Finding | None = None
    entries: int = 0
    size: int = 0
    root: bytes = field(default_factory=lambda: merkle.Range().root())
    checkpoints: int = 0
    waiting: int = 0
    """Rows that are in no entry yet."""
    erased: int = 0
    origin: str = ""


class Check:
    """Takes entries in order, each checkpoint right after the last entry it covers."""

    def __init__(
        self, keys: Sequence[notes.Key], seen: Mapping[int, bytes], *, complete: bool = False
    ) -> None:
        self.result = Result(origin=keys[0].name if keys else "")
        self._keys = keys
        self._seen = dict(seen)
        self._complete = complete
        self._rows = merkle.Range()
        self._given = merkle.Range()
        self._suspect: Finding | None = None
        self._newest: dict[str, int] = {}
        self._erased: dict[tuple[str, str], int] = {}
        self._records: set[tuple[str, str]] = set()
        self._unlogged: list[tuple[str, int]] = []
        self._longest = max(self._seen, default=0)
        self._at(0)

    @property
    def is_over(self) -> bool:
        """Whether something was found: there is no sense in reading on."""
        return self.result.finding is not None

    def entry(self, entry: Entry) -> None:
        """The next entry."""
        number = self._rows.size
        if entry.number != number:
            what = (
                f"entry {number} is missing"
                if entry.number > number
                else (f"entry {entry.number} is there twice")
            )
            self._suspected(number, what)
            self.result.finding = self._suspect
            return
        found = self._leaf(entry)
        self._newest[entry.source] = max(self._newest.get(entry.source, 0), entry.id)
        if entry.source == "erasure" and entry.fields is not None:
            case, subject = entry.fields.get("case_id"), entry.fields.get("subject")
            self._records.add(((case or b"").decode(), (subject or b"").decode()))
        if entry.source == "tombstone" and not notes.is_tombstone(entry.fields or {}, self._keys):
            self._suspected(number, f"{entry.name} was not signed as it stands")
            self.result.finding = self._suspect
        given = entry.given or found
        if found is not None and found != given:
            self._suspected(number, f"{entry.name} is not what was logged")
        self._rows.add(found or bytes(32))
        self._given.add(given or bytes(32))
        self.result.entries += 1
        self._at(self._rows.size)

    def checkpoint(self, note: str) -> None:
        """A signed checkpoint. One that nobody signed is a finding."""
        try:
            origin, size, root = notes.checkpoint(note, self._keys)
        except ValueError as error:
            what = f"a checkpoint after entry {self._rows.size - 1}: {error}"
            self._found(Finding(None, None, what))
            return
        self.result.origin = origin
        self.result.checkpoints += 1
        self._longest = max(self._longest, size)
        before = self._seen.setdefault(size, root)
        if before != root:
            self._found(Finding(None, None, f"two different logs of {size} entries were signed"))
        elif size == self._rows.size:
            self._at(size)
        elif size < self._rows.size and size not in self._passed:
            what = f"a checkpoint of {size} entries is in the wrong place"
            self._found(Finding(None, None, what))

    def unlogged(self, source: str, number: int) -> None:
        """A row without an entry."""
        self._unlogged.append((source, number))

    def finish(self) -> Result:
        """After the last entry."""
        size = self._rows.size
        if self.result.finding is None and size < self._longest:
            self._suspected(size, f"entry {size} is missing: {self._longest} were signed")
        if self.result.finding is None:
            self.result.finding = self._suspect
        for scope, index in sorted(self._erased.items(), key=lambda each: each[1]):
            if scope not in self._records:
                what = f"entry {index} was erased and no record says so"
                self._found(Finding(index, index, what))
                break
        self.result.erased = len(self._erased)
        for source, number in sorted(self._unlogged):
            if self._complete or number < self._newest.get(source, 0):
                self._found(Finding(None, None, f"{source} {number} is in no entry"))
                break
        else:
            self.result.waiting = len(self._unlogged)
        return self.result

    # -- inside

    _passed: frozenset[int] = frozenset()

    def _leaf(self, entry: Entry) -> bytes | None:
        try:
            found = leaves.leaf_of(entry)
        except Bad as error:
            self._suspected(entry.number, f"{entry.name} {error}")
            return None
        if entry.kept is not None:
            scope = leaves.erased_scope(entry)
            self._erased.setdefault(scope, entry.number)
        return found

    def _at(self, size: int) -> None:
        """Compare, where a root of this size is known."""
        root = self._seen.get(size)
        if root is None or self.is_over:
            return
        self._passed |= {size}
        if self._rows.root() == root:
            # The rows are right: if the hashes beside them are not, those were changed.
            self._suspect = None
            self._given.peaks, self._given.size = list(self._rows.peaks), size
            self.result.size, self.result.root = size, root
        elif self._suspect is not None and self._given.root() == root:
            self.result.finding = self._suspect
        else:
            what = "not what was signed"
            if self._suspect is not None:
                what += f"; suspected: {self._suspect.what}"
            first, last = self.result.size, size - 1
            if first == last:
                what = f"entry {first} is {what}"
            self.result.finding = Finding(first, last, what)

    def _suspected(self, number: int, what: str) -> None:
        if self._suspect is None:
            self._suspect = Finding(number, number, what)

    def _found(self, finding: Finding) -> None:
        """The first one stays, and an entry comes before what is in none."""
        known = self.result.finding
        if known is None or (
            finding.first is not None and (known.first is None or finding.first < known.first)
        ):
            self.result.finding = finding
