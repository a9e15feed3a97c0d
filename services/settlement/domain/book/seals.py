"""A seal: one sha256 over all that a closed month adds up to, chained to the close before.

The bytes, for whoever computes them again from the ledger topic, as lines of ASCII that each end with a line feed:

1. `koc-seal-1`
2. the seal of the close before, in hexadecimal; 64 zeros for the first close of all
3. the month, as `2026-06`
4. the revision, as `1`
5. the cut: the number of the last row of each writer that counts, from writer 0 on, with commas between
6. a line for each account whose rows of the month, up to the cut, do not add up to zero: `ACCOUNT|CURRENCY|AMOUNT`, the
   amount in minor units, debit positive; the lines sorted as bytes
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256

NO_SEAL = bytes(32)
"""What the first close of all is chained to."""

_VERSION = "koc-seal-1"


def sum_line(account: str, currency: str, amount_minor: int) -> str:
    """The line of an account; sorted by them, each account of a month has one."""
    return f"{account}|{currency}|{amount_minor}\n"


class SealHash:
    """A seal that is being computed: lines come in order.

    Args:
        previous_seal: of the close before.
        period: YYYY-MM.
        revision: from 1.
        cut: by writer.
    """

    def __init__(self, previous_seal: bytes, period: str, revision: int, cut: Sequence[int]) -> None:
        head = (_VERSION, previous_seal.hex(), period, str(revision), ",".join(map(str, cut)))
        self._hash = sha256("".join(f"{line}\n" for line in head).encode("ascii"))

    def add(self, lines: Iterable[str]) -> "SealHash":
        """Take the next lines of `sum_line`."""
        self._hash.update("".join(lines).encode("ascii"))
        return self

    def digest(self) -> bytes:
        """The seal."""
        return self._hash.digest()
