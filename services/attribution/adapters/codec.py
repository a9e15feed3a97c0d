"""State as bytes: msgpack rows of one partition's store."""

from typing import NamedTuple

import msgspec

from services.attribution.application.waiting import Held, Place
from services.attribution.domain.buyer import Buyer, Order
from services.attribution.domain.facts import Fact, Payment, Touch

FORMAT_VERSION = 2
"""Raised when these bytes change; a store of another format is not read."""

META_KEY = b"meta"
SWEEP_KEY = b"sweep"
BUYER = b"b/"
WAITING = b"w/"


class _StoredOrder(NamedTuple):
    """An Order, as an array."""

    payment: Payment
    facts: dict[str, Fact]
    next_offset: int
    candidates: list[int]


class _StoredBuyer(NamedTuple):
    """A Buyer without what follows from the rest."""

    touches: dict[int, Touch]
    orders: dict[str, _StoredOrder]
    waiting: dict[str, list[tuple[int, Fact]]]


_encode = msgspec.msgpack.Encoder().encode
_decode_buyer = msgspec.msgpack.Decoder(_StoredBuyer).decode
_decode_held = msgspec.msgpack.Decoder(Held).decode


def buyer_key(buyer_id: str) -> bytes:
    """The row of a buyer."""
    return BUYER + buyer_id.encode()


def buyer_id_of(key: bytes) -> str:
    """Whose row it is."""
    return key[len(BUYER) :].decode()


def encode_buyer(buyer: Buyer) -> bytes:
    """A buyer's row."""
    orders = {i: (o.payment, o.facts, o.next_offset, o.candidates) for i, o in buyer.orders.items()}
    return _encode((buyer.touches, orders, buyer.waiting))


def row_of(buyer: Buyer) -> bytes | None:
    """A buyer's row, None if nothing is left to be stored."""
    return None if buyer.is_empty() else encode_buyer(buyer)


def decode_buyer(row: bytes) -> Buyer:
    """The buyer of a row."""
    stored = _decode_buyer(row)
    return Buyer(stored.touches, {i: Order(*o) for i, o in stored.orders.items()}, stored.waiting)


def waiting_key(place: Place) -> bytes:
    """The row of a waiting record. Offsets of an earlier generation of the log are negative."""
    occurred_at, offset = place
    return WAITING + occurred_at.to_bytes(8, "big") + offset.to_bytes(8, "big", signed=True)


def place_of(key: bytes) -> Place:
    """Where a waiting record's row stands."""
    at = len(WAITING)
    return int.from_bytes(key[at : at + 8], "big"), int.from_bytes(key[at + 8 :], "big", signed=True)


def encode_held(held: Held) -> bytes:
    """A waiting record's row."""
    return _encode(held)


def decode_held(row: bytes) -> Held:
    """The waiting record of a row."""
    return _decode_held(row)
