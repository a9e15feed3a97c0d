"""A buyer's rows: one for the buyer, one for each touch, one for each order.

A checkpoint writes only new rows: its cost is that of the events since the last one, however large the buyers are.
The rows of a buyer lie together. The buyer's own row tells that the others exist, because the lookup of a missing key
is cheap and the search for a range is not.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

import msgspec

from services.attribution.domain.buyer import Buyer, Order
from services.attribution.domain.facts import Fact, Payment, Touch
from services.attribution.domain.forgetting import ForgottenParts

BUYER = b"b/"
_TOUCH, _ORDER = b"\0t", b"\0o"
"""Suffixes of the buyer's own key: no identifier has such a character."""
_LOWEST = 1 << 63
"""Added to an offset in a key: negative offsets of earlier generations then come first."""

RowChanges = dict[bytes, bytes | None]
"""Rows to write, by key; None deletes a row."""
Waiting = dict[str, list[tuple[int, Fact]]]


class _StoredOrder(NamedTuple):
    """An Order, as an array."""

    payment: Payment
    facts: dict[str, Fact]
    next_offset: int
    candidates: list[int]


_encode = msgspec.msgpack.Encoder().encode
touch_row: Callable[[Touch], bytes] = _encode
"""A touch as bytes."""
_decode_touch = msgspec.msgpack.Decoder(Touch).decode
_decode_order = msgspec.msgpack.Decoder(_StoredOrder).decode
_decode_waiting = msgspec.msgpack.Decoder(Waiting).decode


def buyer_key(buyer_id: str) -> bytes:
    """The key of a buyer's own row."""
    return BUYER + buyer_id.encode()


def touch_key(buyer_id: str, offset: int) -> bytes:
    """The key of a touch."""
    return b"".join((BUYER, buyer_id.encode(), _TOUCH, (offset + _LOWEST).to_bytes(8, "big")))


def order_key(buyer_id: str, order_id: str) -> bytes:
    """The key of an order."""
    return b"".join((BUYER, buyer_id.encode(), _ORDER, order_id.encode()))


def order_row(order: Order) -> bytes:
    """An order as bytes."""
    return _encode((order.payment, order.facts, order.next_offset, order.candidates))


def buyer_row(buyer: Buyer) -> bytes | None:
    """A buyer's own row: the events that wait for their order. None for an empty buyer."""
    return None if buyer.is_empty() else _encode(buyer.waiting)


def rows_of(buyer_id: str, buyer: Buyer) -> Iterator[tuple[bytes, bytes]]:
    """All rows of a buyer, in the order of their keys."""
    if own := buyer_row(buyer):
        yield buyer_key(buyer_id), own
        for order_id in sorted(buyer.orders):
            yield order_key(buyer_id, order_id), order_row(buyer.orders[order_id])
        for offset, touch in buyer.touches.items():
            yield touch_key(buyer_id, offset), touch_row(touch)


def deletions(buyer_id: str, forgotten: ForgottenParts) -> RowChanges:
    """The row changes that delete the forgotten parts of a buyer."""
    touches: RowChanges = dict.fromkeys([touch_key(buyer_id, offset) for offset in forgotten.touches])
    return touches | dict.fromkeys([order_key(buyer_id, order_id) for order_id in forgotten.orders])


def parts_of(buyer_id: str) -> bytes:
    """The prefix of the keys of a buyer's touches and orders."""
    return buyer_key(buyer_id) + b"\0"


def past(buyer_id: str) -> bytes:
    """The first key after all rows of a buyer."""
    return buyer_key(buyer_id) + b"\1"


def read_buyers(rows: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[str, Buyer]]:
    """The buyers of these rows, with their ids; the rows are in the order of their keys."""
    for key, own in groupby(rows, key=lambda row: row[0].partition(b"\0")[0]):
        yield key[len(BUYER) :].decode(), _read_buyer(own, len(key))


def _read_buyer(rows: Iterable[tuple[bytes, bytes]], kind_at: int) -> Buyer:
    touches: dict[int, Touch] = {}
    orders: dict[str, Order] = {}
    waiting: Waiting = {}
    rest_at = kind_at + len(_TOUCH)
    for key, row in rows:
        kind, rest = key[kind_at:rest_at], key[rest_at:]
        if kind == _TOUCH:
            touches[int.from_bytes(rest, "big") - _LOWEST] = _decode_touch(row)
        elif kind == _ORDER:
            orders[rest.decode()] = Order(*_decode_order(row))
        else:
            waiting = _decode_waiting(row)
    return Buyer(touches, orders, waiting)
