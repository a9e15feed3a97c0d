"""A store's rows besides buyers: their keys, and waiting records as msgpack."""

import msgspec

from services.attribution.apply.waiting import HeldRecord, QueuePlace

FORMAT_VERSION = 3
"""Raise it when the bytes of any row change; a store of another format is not read."""

META_KEY = b"meta"
SWEEP_KEY = b"sweep"
WAITING = b"w/"


_encode = msgspec.msgpack.Encoder().encode
_decode_held = msgspec.msgpack.Decoder(HeldRecord).decode


def waiting_key(place: QueuePlace) -> bytes:
    """The key of a waiting record. Offsets of an earlier generation of the log are negative."""
    occurred_at, offset = place
    return WAITING + occurred_at.to_bytes(8, "big") + offset.to_bytes(8, "big", signed=True)


def place_of(key: bytes) -> QueuePlace:
    """The queue place in the key of a waiting record."""
    at = len(WAITING)
    return int.from_bytes(key[at : at + 8], "big"), int.from_bytes(key[at + 8 :], "big", signed=True)


def encode_held(held: HeldRecord) -> bytes:
    """A waiting record's row."""
    return _encode(held)


def decode_held(row: bytes) -> HeldRecord:
    """The waiting record of a row."""
    return _decode_held(row)
