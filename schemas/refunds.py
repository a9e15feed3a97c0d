"""What only shows when all refunds of an order are seen together: amounts that changed, and more than was paid.

As in the service, a refund_id counts once for a line, the first in time, and one that was taken back never counts.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from schemas.findings import Concern, Finding
from schemas.orders import OrderRefunded, OrderRefundReversed

Key = tuple[str, str, str]
"""buyer_id, order_id and line_id."""


class _Refund(NamedTuple):
    """One line of a refund, and where it stands."""

    where: str
    field: str
    refund_id: str
    refund_minor: int


def check_refunds(
    refunds: Iterable[tuple[str, OrderRefunded]], reversals: Iterable[OrderRefundReversed], paid: Mapping[Key, int]
) -> Iterator[Finding]:
    """What is dubious about refunds.

    Args:
        refunds: each with its FILE:LINE; those of lines that are not in `paid` are left out.
        reversals: the refunds that were taken back.
        paid: what was paid for the goods of each line, in minor units.
    """
    reversed_ids = {(one.buyer_id, one.order_id, one.line_id, one.refund_id) for one in reversals}
    by_line: dict[Key, list[_Refund]] = {}
    for where, event in sorted(refunds, key=lambda one: (one[1].occurred_at, one[1].event_id)):
        for number, line in enumerate(event.lines):
            refund = _Refund(where, f"lines.{number}.refund_minor", event.refund_id, line.refund_minor)
            by_line.setdefault((event.buyer_id, event.order_id, line.line_id), []).append(refund)
    for key, found in by_line.items():
        if key in paid:
            taken_back = {refund.refund_id for refund in found if (*key, refund.refund_id) in reversed_ids}
            yield from _check_line(key[2], found, taken_back, paid[key])


def _check_line(line_id: str, refunds: Iterable[_Refund], taken_back: set[str], paid_minor: int) -> Iterator[Finding]:
    """The refunds of one line, in the order of their time."""
    first: dict[str, _Refund] = {}
    total = 0
    for refund in refunds:
        counted = first.setdefault(refund.refund_id, refund)
        if counted is not refund:
            if counted.refund_minor != refund.refund_minor:
                again = refund.refund_id in taken_back
                yield _taken_back(line_id, refund) if again else _changed(line_id, refund, counted)
        elif refund.refund_id not in taken_back:
            total += refund.refund_minor
            if total > paid_minor:
                yield _too_much(refund, total, paid_minor)


def _changed(line_id: str, refund: _Refund, counted: _Refund) -> Finding:
    told = (
        f"{refund.field}: refund {refund.refund_id} of line {line_id} is {counted.refund_minor} at {counted.where}, "
        f"the first in time counts, and {refund.refund_minor} here will not; to correct an amount publish "
        "order.refund_reversed, then a refund with a new refund_id"
    )
    return Finding(refund.where, Concern.CHANGED_REFUND, refund.field, told, warning=True)


def _taken_back(line_id: str, refund: _Refund) -> Finding:
    told = (
        f"{refund.field}: refund {refund.refund_id} of line {line_id} was taken back for good, so "
        f"{refund.refund_minor} here will not count; publish it with a new refund_id"
    )
    return Finding(refund.where, Concern.CHANGED_REFUND, refund.field, told, warning=True)


def _too_much(refund: _Refund, total: int, paid_minor: int) -> Finding:
    told = (
        f"{refund.field}: refunds of {total}, but {paid_minor} was paid for the goods, and no more will count; "
        "refund_minor is of the goods only, without tax and shipping"
    )
    return Finding(refund.where, Concern.REFUNDED_TOO_MUCH, refund.field, told, warning=True)
