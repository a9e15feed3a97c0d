"""The ledger's digest: one number over what everybody has from every order line, which no history can change.

It covers net positions from journal rows alone, so it does not depend on ids, seq, dates, writers or on the order of
events: the same accepted events give the same digest, whatever happened on the way.
"""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from services.kernel.errors import InvariantBroken
from services.settlement.books.snapshot_port import NetPosition


class Digest(NamedTuple):
    """sha256 in hexadecimal, and how many positions it covers."""

    sha256: str
    positions: int


def digest_line(position: NetPosition) -> bytes:
    """One position's bytes: `ORDER|LINE|ACCOUNT|CURRENCY|AMOUNT` and a line feed; no order line = empty."""
    order_id, line_id, account, currency, amount_minor = position
    return f"{order_id or ''}|{line_id or ''}|{account}|{currency}|{amount_minor}\n".encode()


def digest(positions: Iterable[NetPosition]) -> Digest:
    """sha256 over all lines. Positions come sorted by their lines' bytes, each once, none of them zero.

    Raises:
        InvariantBroken: they do not; the digest would not be comparable.
    """
    covered, count, last = hashlib.sha256(), 0, b""
    for position in positions:
        line = digest_line(position)
        if line <= last or not position.amount_minor:
            raise InvariantBroken(f"positions are not in order at {line!r}")
        covered.update(line)
        count, last = count + 1, line
    return Digest(covered.hexdigest(), count)
