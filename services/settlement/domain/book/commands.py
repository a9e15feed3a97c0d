"""Commands: decisions that are no events, numbered without a gap and chained by hash like ledger entries."""

import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from services.kernel.time import format_rfc3339
from services.settlement.domain.book.entries import Link, packed

JsonObject = Mapping[str, object]
"""What JSON holds, without floats: they have no one text."""


class CommandKind(StrEnum):
    """What a person may decide."""

    SETTLEMENT_RUN = "settlement.run"
    LINES_RERATED = "lines.rerated"
    LINE_QUARANTINED = "line.quarantined"
    LINE_RELEASED = "line.released"
    CLAWBACK_WRITTEN_OFF = "clawback.written_off"
    CLAWBACK_REPAID = "clawback.repaid"
    BRAND_PAID = "brand.paid"
    TRAFFIC_BOUGHT = "traffic.bought"
    ADJUSTMENT_PROPOSED = "adjustment.proposed"
    ADJUSTMENT_POSTED = "adjustment.posted"
    PAYOUT_PROPOSED = "payout.proposed"
    PAYOUT_APPROVED = "payout.approved"
    PAYOUT_CANCELLED = "payout.cancelled"
    PAYOUT_EXPORTED = "payout.exported"
    PAYOUT_REPLIED = "payout.replied"
    PAYOUT_RELEASED = "payout.released"
    PERIOD_CLOSED = "period.closed"
    PERIOD_REOPEN_PROPOSED = "period.reopen_proposed"
    PERIOD_REOPENED = "period.reopened"
    BUYER_SEVERED = "buyer.severed"


BESIDE_RUNS = frozenset({CommandKind.LINE_QUARANTINED, CommandKind.LINE_RELEASED})
"""Kinds that may be given while a run is at work: all others move money by decision, one at a time."""


class CommandDraft(NamedTuple):
    """What somebody asks for: `id` makes the same command the same, `body` holds its arguments."""

    id: str
    kind: CommandKind
    reason: str
    body: JsonObject


class Command(NamedTuple):
    """A command as recorded, without its place. `at` is microseconds, `by` the login that gave it.

    `point` is where the books stood, for kinds whose result depends on that; `result` is what came of the command.
    """

    id: str
    kind: str
    by: str
    reason: str
    at: int
    body: JsonObject
    point: JsonObject | None
    result: JsonObject


class ChainedCommand(NamedTuple):
    """A command in its place: its number and hash, and the hash of the command before it."""

    command: Command
    seq: int
    prev_hash: bytes
    hash: bytes

    @property
    def link(self) -> Link:
        """What the next command is chained to."""
        return Link(self.seq, self.hash)


_VERSION = "koc-command-1"


def canonical_json(value: object) -> str:
    """The one JSON text of a value: members sorted by code point, no space, UTF-8 characters as they are."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical_command(command: Command, seq: int, prev_hash: bytes) -> bytes:
    """The bytes that a command's hash covers: version, then each published field, its length before it.

    A length has 4 bytes, big endian; absent = 0xffffffff. Field order: seq, command_id, kind, by, reason, at, body,
    point, result, prev_hash (hex). Integers in decimal; times as published; objects as `canonical_json`.
    """
    fields = [
        str(seq), command.id, command.kind, command.by, command.reason, format_rfc3339(command.at),
        canonical_json(command.body), None if command.point is None else canonical_json(command.point),
        canonical_json(command.result), prev_hash.hex(),
    ]  # fmt: skip
    return _VERSION.encode() + b"".join(map(packed, fields))


def chain_command(command: Command, last: Link) -> ChainedCommand:
    """The command in the place after `last`."""
    seq = last.seq + 1
    digest = hashlib.sha256(canonical_command(command, seq, last.head)).digest()
    return ChainedCommand(command, seq, last.head, digest)


def command_message(recorded: ChainedCommand) -> dict[str, object]:
    """The message of settlement.commands.v1, fields in the contract's order."""
    command = recorded.command
    return {
        "seq": recorded.seq,
        "command_id": command.id,
        "kind": command.kind,
        "by": command.by,
        "reason": command.reason,
        "at": format_rfc3339(command.at),
        "body": command.body,
        "point": command.point,
        "result": command.result,
        "prev_hash": recorded.prev_hash.hex(),
        "hash": recorded.hash.hex(),
    }
