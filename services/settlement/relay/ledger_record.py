"""Ledger entries as Kafka records: JSON value, order or party as key, CloudEvents headers in binary mode."""

from typing import NamedTuple

import msgspec

from schemas.topics import LEDGER
from services.kernel.time import format_rfc3339
from services.settlement.books.journal_entry import JournalEntry, message, message_key

CE_SOURCE = "/koc/settlement"
_CONSTANT_HEADERS = [
    ("ce_specversion", b"1.0"),
    ("ce_type", LEDGER.name.encode()),
    ("ce_source", CE_SOURCE.encode()),
]
_encode = msgspec.json.Encoder().encode


class LedgerRecord(NamedTuple):
    """What goes into a batch."""

    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


def encode(recorded: JournalEntry, prev_hash: bytes) -> LedgerRecord:
    """The record of an entry: the same bytes whenever it is made."""
    headers = [
        *_CONSTANT_HEADERS,
        ("ce_id", recorded.entry_id.encode()),
        ("ce_time", format_rfc3339(recorded.recorded_at).encode()),
    ]
    return LedgerRecord(message_key(recorded.entry).encode(), _encode(message(recorded, prev_hash)), headers)
