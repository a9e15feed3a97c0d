"""Ledger entries: what a journal row says, and the hash chain that makes a change or a gap visible."""

import hashlib
from enum import Enum
from typing import NamedTuple

from services.kernel.errors import InvariantBroken
from services.kernel.money import MAX_AMOUNT_MINOR
from services.kernel.time import format_repeated_rfc3339
from services.settlement.domain.book.positions import Position


class Kind(Enum):
    """Entry kinds: (code in the journal, name in the topic). A code is never used again."""

    COMMISSION_ACCRUED = (1, "commission.accrued")
    COMMISSION_ADJUSTED = (2, "commission.adjusted")
    SCRIPT_FEE_ACCRUED = (3, "script_fee.accrued")
    SPEND_CONSUMED = (4, "spend.consumed")
    COMMISSION_SETTLED = (5, "commission.settled")
    COMMISSION_CLAWED_BACK = (6, "commission.clawed_back")
    COMMISSION_RESTORED = (7, "commission.restored")
    SCRIPT_FEE_SETTLED = (8, "script_fee.settled")
    SCRIPT_FEE_CLAWED_BACK = (9, "script_fee.clawed_back")
    SCRIPT_FEE_RESTORED = (10, "script_fee.restored")
    CLAWBACK_NETTED = (11, "clawback.netted")
    CLAWBACK_RELEASED = (12, "clawback.released")
    CLAWBACK_WRITTEN_OFF = (13, "clawback.written_off")
    CLAWBACK_WRITTEN_BACK = (14, "clawback.written_back")
    CLAWBACK_REPAID = (15, "clawback.repaid")
    HOLD_PLACED = (16, "hold.placed")
    HOLD_RELEASED = (17, "hold.released")
    BUDGET_SET = (18, "budget.set")
    BUDGET_COMMITTED = (19, "budget.committed")
    BRAND_PAID = (20, "brand.paid")
    TRAFFIC_BOUGHT = (21, "traffic.bought")
    ADJUSTMENT_POSTED = (22, "adjustment.posted")
    TAX_WITHHELD = (23, "tax.withheld")
    PAYOUT_INSTRUCTED = (24, "payout.instructed")
    PAYOUT_CANCELLED = (25, "payout.cancelled")
    PAYOUT_CONFIRMED = (26, "payout.confirmed")
    PAYOUT_REJECTED = (27, "payout.rejected")
    PAYOUT_RETURNED = (28, "payout.returned")

    def __init__(self, code: int, text: str) -> None:
        self.code = code
        self.text = text


KIND_BY_CODE = {kind.code: kind for kind in Kind}


class Entry(NamedTuple):
    """A double-entry booking of one cause, before it has a place in a writer's chain. Times are microseconds.

    `legs` is one amount an account: debit positive, credit negative, never zero.
    """

    idem_key: str
    cause: str
    kind: Kind
    currency: str
    period: str
    effective_at: int
    order_id: str | None
    line_id: str | None
    corrects: str | None
    legs: Position


class Link(NamedTuple):
    """A place in a writer's chain: the last gapless number and the hash of the entry that holds it."""

    seq: int
    head: bytes


GENESIS = Link(0, bytes(32))
_VERSION = "koc-entry-1"
_ABSENT = b"\xff\xff\xff\xff"
_PREFIXES = ["\0\0\0" + chr(length) for length in range(128)]
"""Lengths below 128 as 4 big-endian bytes. Bytes are built as one ASCII text: a join is cheaper than many encodes."""


def canonical(entry: Entry, writer: int, seq: int, recorded_at: int, prev_hash: bytes) -> bytes:
    """The bytes that an entry's hash covers: version, then each published field, length-prefixed (4 bytes, big endian).

    Field order: entry_id, idem_key, cause, kind, currency, period, effective_at, recorded_at, order_id, line_id,
    corrects, writer, seq, prev_hash (hex), number of legs, then account and amount_minor of each leg as published.
    Absent = length 0xffffffff; integers in decimal; times as published (UTC). docs/finance.md has a verifier.
    """
    try:
        if entry.order_id is not None and entry.line_id is not None:
            return _quick(entry, writer, seq, recorded_at, prev_hash)
    except (IndexError, UnicodeEncodeError):  # a field is long, or beyond ASCII
        pass
    fields = [
        f"{writer}-{seq}", entry.idem_key, entry.cause, entry.kind.text, entry.currency, entry.period,
        format_repeated_rfc3339(entry.effective_at), format_repeated_rfc3339(recorded_at), entry.order_id,
        entry.line_id, entry.corrects,
        str(writer), str(seq), prev_hash.hex(), str(len(entry.legs)),
    ]  # fmt: skip
    for account, amount_minor in entry.legs.items():
        fields += account, str(amount_minor)
    return _VERSION.encode() + b"".join(map(packed, fields))


def _quick(entry: Entry, writer: int, seq: int, recorded_at: int, prev_hash: bytes) -> bytes:
    """The same of an order line's entry with short ASCII fields, as nearly all are: at half of the time.

    Raises:
        IndexError: a field is long.
        UnicodeEncodeError: a field is beyond ASCII.
    """
    idem_key, cause, kind, currency, period, effective_at, order_id, line_id, corrects, legs = entry
    size = _PREFIXES
    entry_id = f"{writer}-{seq}"
    effective, recorded = format_repeated_rfc3339(effective_at), format_repeated_rfc3339(recorded_at)
    before = (
        f"{_VERSION}{size[len(entry_id)]}{entry_id}{size[len(idem_key)]}{idem_key}{size[len(cause)]}{cause}"
        f"{size[len(kind.text)]}{kind.text}{size[len(currency)]}{currency}{size[len(period)]}{period}"
        f"{size[len(effective)]}{effective}{size[len(recorded)]}{recorded}"
        f"{size[len(order_id or '')]}{order_id}{size[len(line_id or '')]}{line_id}"
    )
    place, number, head, count = str(writer), str(seq), prev_hash.hex(), str(len(legs))
    after = [f"{size[len(place)]}{place}{size[len(number)]}{number}{size[len(head)]}{head}{size[len(count)]}{count}"]
    for account, amount_minor in legs.items():
        amount = str(amount_minor)
        after.append(f"{size[len(account)]}{account}{size[len(amount)]}{amount}")
    corrected = _ABSENT if corrects is None else f"{size[len(corrects)]}{corrects}".encode("ascii")
    return b"".join((before.encode("ascii"), corrected, "".join(after).encode("ascii")))


def packed(field: str | None) -> bytes:
    """Any field: the length of its UTF-8 form, and that."""
    if field is None:
        return _ABSENT
    raw = field.encode()
    return len(raw).to_bytes(4, "big") + raw


def chain(entry: Entry, writer: int, last: Link, recorded_at: int) -> Link:
    """The next link: the place that this entry takes after `last`.

    Raises:
        InvariantBroken: legs that do not add up to zero, fewer than two of them, or one over 10^12.
    """
    amounts = entry.legs.values()
    if len(amounts) < 2 or sum(amounts) != 0:
        raise InvariantBroken(f"unbalanced entry, {entry.cause}: {entry.legs}")
    if max(amounts) > MAX_AMOUNT_MINOR or min(amounts) < -MAX_AMOUNT_MINOR:
        raise InvariantBroken(f"an amount is over the limit, {entry.cause}: {entry.legs}")
    seq = last.seq + 1
    return Link(seq, hashlib.sha256(canonical(entry, writer, seq, recorded_at, last.head)).digest())
