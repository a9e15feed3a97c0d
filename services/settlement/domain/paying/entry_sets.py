"""Which entries a payout covers: the legs of the party's payable account between two cuts, and their proof.

The bytes of the proof, for whoever computes it again: the ids of these entries, `WRITER-SEQ`, sorted by writer and then
by number, joined by a line feed. A payout covers no leg of a kind in NOT_COVERED: those move a payout itself.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from services.settlement.domain.book.entries import Kind

NOT_COVERED = (Kind.TAX_WITHHELD, Kind.PAYOUT_INSTRUCTED, Kind.PAYOUT_CANCELLED)
"""A payout that was cancelled is as if it never was: what it took and gave back counts nowhere."""

Cut = Sequence[int]
"""By writer the number of the last entry that counts."""


class EntrySet(NamedTuple):
    """How many legs a payout covers, their sum (a credit is negative), and the sha256 over their entries' ids."""

    size: int
    sum_minor: int
    sha256: bytes


def entry_set(entry_ids: Sequence[str], sum_minor: int) -> EntrySet:
    """The set of entries with these ids, in the order of the proof, whose legs add up to this."""
    return EntrySet(len(entry_ids), sum_minor, sha256("\n".join(entry_ids).encode()).digest())


class EntrySetBuilder:
    """The same for legs that come one after the other, in the order of the proof."""

    def __init__(self) -> None:
        self._hash = sha256()
        self._count = 0
        self._sum_minor = 0

    def add(self, entry_id: str, amount_minor: int) -> None:
        """The next leg."""
        self._hash.update(f"\n{entry_id}".encode() if self._count else entry_id.encode())
        self._count += 1
        self._sum_minor += amount_minor

    def built(self) -> EntrySet:
        """The set of all legs that came so far."""
        return EntrySet(self._count, self._sum_minor, self._hash.digest())
