"""What the rims need of the Merkle log: its newest checkpoint, proofs, and whether it keeps up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

LogState = Literal["ok", "lags", "rewritten"]
"""ok · lags: entries wait for longer than they should · rewritten: the database is not what this
node signed, and nothing more is signed until somebody looked."""


class MerkleLog(Protocol):
    """The log of a node. Proofs are hashes of 32 bytes, as RFC 6962 orders them."""

    @property
    def size(self) -> int:
        """Entries."""
        ...

    @property
    def signed_size(self) -> int:
        """Entries under the newest checkpoint."""
        ...

    @property
    def behind_s(self) -> float:
        """For how long the log has not been seen to hold everything, in seconds."""
        ...

    @property
    def state(self) -> LogState: ...

    def checkpoint(self) -> str | None:
        """The newest signed note (C2SP tlog-checkpoint); None before the first."""
        ...

    def inclusion(self, index: int, size: int) -> Sequence[bytes]:
        """Raises IndexError."""
        ...

    def consistency(self, old: int, size: int) -> Sequence[bytes]:
        """Raises IndexError."""
        ...

    def tile(self, level: int, number: int) -> bytes:
        """A tile under the newest checkpoint, perhaps partial; empty where there is none."""
        ...

    async def index_of(self, seq: int) -> int | None:
        """The entry of a number of the journals; None where there is none yet."""
        ...


class LogBroken(Exception):
    """The database is not what this node signed. One line for the operator."""
