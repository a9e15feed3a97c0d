"""Chains of hashes in the topics: ledger entries by writer, and commands. Each covers every published field."""

import json
from collections.abc import Iterable
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec


class LedgerLegFacts(msgspec.Struct, gc=False):
    """A leg as published."""

    account: str
    amount_minor: int


class LedgerFacts(msgspec.Struct, gc=False):
    """An entry of settlement.ledger.v1 as published; times stay text, for the hash covers the text."""

    entry_id: str
    idem_key: str
    cause: str
    kind: str
    currency: str
    effective_at: str
    recorded_at: str
    legs: list[LedgerLegFacts]
    period: str
    writer: int
    seq: int
    prev_hash: str
    hash: str
    order_id: str | None = None
    line_id: str | None = None
    corrects: str | None = None


class CommandFacts(msgspec.Struct, gc=False):
    """A message of settlement.commands.v1 as published."""

    seq: int
    command_id: str
    kind: str
    by: str
    reason: str
    at: str
    body: dict[str, Any]
    prev_hash: str
    hash: str
    point: dict[str, Any] | None = None
    result: dict[str, Any] | None = None


class ChainPlace(NamedTuple):
    """The last number and hash of a chain that were read."""

    seq: int
    hash: str


BEGINNING = ChainPlace(0, "0" * 64)

read_entry = msgspec.json.Decoder(LedgerFacts).decode
read_command = msgspec.json.Decoder(CommandFacts).decode


def entry_hash(entry: LedgerFacts) -> str:
    """The hash that an entry should have."""
    fields: list[object] = [
        entry.entry_id, entry.idem_key, entry.cause, entry.kind, entry.currency, entry.period, entry.effective_at,
        entry.recorded_at, entry.order_id, entry.line_id, entry.corrects, entry.writer, entry.seq, entry.prev_hash,
        len(entry.legs),
    ]  # fmt: skip
    for leg in entry.legs:
        fields += leg.account, leg.amount_minor
    return _hash(b"koc-entry-1", fields)


def command_hash(command: CommandFacts) -> str:
    """The hash that a command should have."""
    fields = [
        command.seq, command.command_id, command.kind, command.by, command.reason, command.at, _json(command.body),
        None if command.point is None else _json(command.point), _json(command.result), command.prev_hash,
    ]  # fmt: skip
    return _hash(b"koc-command-1", fields)


def break_in(last: ChainPlace, seq: int, prev_hash: str, stored: str, computed: str) -> tuple[str, str] | None:
    """What is wrong with the next link of a chain: what was expected, and what was found; None: nothing."""
    if seq != last.seq + 1:
        return f"number {last.seq + 1}", f"number {seq}"
    if prev_hash != last.hash:
        return f"prev_hash {last.hash}", f"prev_hash {prev_hash}"
    return None if stored == computed else (f"hash {computed}", f"hash {stored}")


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _hash(version: bytes, fields: Iterable[object]) -> str:
    return sha256(version + b"".join(map(_packed, fields))).hexdigest()


def _packed(field: object) -> bytes:
    if field is None:
        return b"\xff\xff\xff\xff"
    raw = str(field).encode()
    return len(raw).to_bytes(4, "big") + raw
