"""Entries, commands and statements as Kafka records: JSON, key by the contract, CloudEvents headers (binary mode)."""

from typing import NamedTuple

import msgspec

from schemas.topics import COMMANDS, LEDGER, STATEMENTS
from services.kernel.time import format_rfc3339
from services.runtime.tracing import Carrier, headers_of
from services.settlement.books.journal_entry import JournalEntry, message, message_key
from services.settlement.domain.book.commands import ChainedCommand, command_message
from services.settlement.domain.statements.statement import NumberedStatement, statement_message

CE_SOURCE = "/koc/settlement"
_CONSTANT_HEADERS = [
    ("ce_specversion", b"1.0"),
    ("ce_source", CE_SOURCE.encode()),
]
_encode = msgspec.json.Encoder().encode


class LedgerRecord(NamedTuple):
    """What goes into a batch."""

    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


def encode(recorded: JournalEntry, prev_hash: bytes, carrier: Carrier | None = None) -> LedgerRecord:
    """The record of an entry: the same bytes whenever it is made, but for the headers of a trace that goes on in it."""
    headers = [
        *_CONSTANT_HEADERS,
        ("ce_type", LEDGER.name.encode()),
        ("ce_id", recorded.entry_id.encode()),
        ("ce_time", format_rfc3339(recorded.recorded_at).encode()),
        *headers_of(carrier or {}),
    ]
    return LedgerRecord(message_key(recorded.entry).encode(), _encode(message(recorded, prev_hash)), headers)


def encode_command(recorded: ChainedCommand) -> LedgerRecord:
    """The record of a command: the same bytes whenever it is made."""
    command = recorded.command
    headers = [
        *_CONSTANT_HEADERS,
        ("ce_type", COMMANDS.name.encode()),
        ("ce_id", command.id.encode()),
        ("ce_time", format_rfc3339(command.at).encode()),
    ]
    return LedgerRecord(command.id.encode(), _encode(command_message(recorded)), headers)


def encode_statement(one: NumberedStatement) -> LedgerRecord:
    """The record of a statement: the same bytes whenever it is made."""
    headers = [
        *_CONSTANT_HEADERS,
        ("ce_type", STATEMENTS.name.encode()),
        ("ce_id", f"{one.period}-{one.revision}-{one.party}-{one.currency}".encode()),
        ("ce_time", one.closed_at.encode()),
    ]
    return LedgerRecord(one.party.encode(), statement_message(one).encode(), headers)
