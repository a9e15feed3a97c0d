"""What bodies and results of commands about payouts and months hold, checked before a rule asks for it."""

from typing import Any

import msgspec

from schemas.topics import LEDGER
from services.operations.audit import command_moves as commands
from services.operations.audit.chains import CommandFacts

ReplyRowFacts = tuple[str, str, int | None, str | None, str | None, int]
"""Payout, outcome, amount, currency, the bank's reference, fee."""


class _Proposal(msgspec.Struct):
    as_of: str


class _OfBatch(msgspec.Struct):
    batch: str


class _Cancellation(msgspec.Struct):
    batch: str
    payout: str | None


class _Export(msgspec.Struct):
    batch: str
    form: str | None


class _Reply(msgspec.Struct):
    file_sha256: str
    rows: list[ReplyRowFacts]


class _OfPayout(msgspec.Struct):
    payout: str


class _OfMonth(msgspec.Struct):
    period: str


class _Reopening(msgspec.Struct):
    period: str
    proposal: str


class _PayoutSums(msgspec.Struct):
    payouts: int
    amounts: dict[str, int]


class _FileFacts(msgspec.Struct):
    currency: str
    payouts: int
    amount_minor: int


class _Files(msgspec.Struct):
    files: list[_FileFacts]


class _Booked(msgspec.Struct):
    booked: int
    findings: list[tuple[int, str]]


class _Closed(msgspec.Struct):
    revision: int
    seal: str
    cut: list[int]


_BODIES: dict[str, type[msgspec.Struct]] = {
    commands.PAYOUT_PROPOSED: _Proposal,
    commands.PAYOUT_APPROVED: _OfBatch,
    commands.PAYOUT_CANCELLED: _Cancellation,
    commands.PAYOUT_EXPORTED: _Export,
    commands.PAYOUT_REPLIED: _Reply,
    commands.PAYOUT_RELEASED: _OfPayout,
    commands.CLOSED: _OfMonth,
    commands.REOPEN_PROPOSED: _OfMonth,
    commands.REOPENED: _Reopening,
}
_RESULTS: dict[str, type[msgspec.Struct]] = {
    commands.PAYOUT_PROPOSED: _PayoutSums,
    commands.PAYOUT_CANCELLED: _PayoutSums,
    commands.PAYOUT_EXPORTED: _Files,
    commands.PAYOUT_REPLIED: _Booked,
    commands.CLOSED: _Closed,
}


def check_command(command: CommandFacts) -> None:
    """Look at what the rules will ask for; other kinds are checked by their own rules.

    Raises:
        ValueError: something is missing or is something else.
    """
    for shapes, value in ((_BODIES, command.body), (_RESULTS, command.result)):
        if (shape := shapes.get(command.kind)) is not None:
            _check(value, shape)
    if command.kind == commands.CLOSED:
        found = len((command.result or {})["cut"])
        if found != LEDGER.partitions:
            raise ValueError(f"a cut of {found} writers")


def _check(value: Any, shape: type[msgspec.Struct]) -> None:
    try:
        msgspec.convert(value, shape)
    except msgspec.ValidationError as problem:
        raise ValueError(str(problem)) from None
