"""Blocks of a statement: opening + movements = closing, movements of earlier months apart, by kind."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from services.settlement.domain.book.entries import Kind
from services.settlement.domain.statements.facts import AccountMovement, AccountOpening, StatementFact

_ORDER = {kind.text: kind.code for kind in Kind}

Columns = Mapping[str, Callable[[str], int]]
"""Name of a column -> the sign with which an account counts in it, 0 where it does not."""


class MovementKey(NamedTuple):
    """Rows that a statement shows as one: of one kind, and of one earlier month or of the statement's own (None)."""

    kind: str
    month: str | None


def block(facts: Iterable[StatementFact], columns: Columns) -> dict[str, object]:
    """Opening, movements and closing of the accounts that count in any column.

    Args:
        facts: of a statement.
        columns: by the name of their amount.
    """
    opening = dict.fromkeys(columns, 0)
    moves: dict[MovementKey, dict[str, int]] = {}
    for fact in facts:
        if isinstance(fact, AccountOpening):
            _add(opening, columns, fact.account, fact.amount_minor)
        elif isinstance(fact, AccountMovement) and any(sign(fact.account) for sign in columns.values()):
            row = moves.setdefault(MovementKey(fact.kind, fact.month), dict.fromkeys(columns, 0))
            _add(row, columns, fact.account, fact.amount_minor)
    closing = {name: opening[name] + sum(row[name] for row in moves.values()) for name in columns}
    ordered = sorted(moves.items(), key=lambda move: (move[0].month or "", _ORDER[move[0].kind]))
    shown = [(key, row) for key, row in ordered if any(row.values())]
    return {
        "opening": opening,
        "movements": [{"kind": key.kind, **row} for key, row in shown if key.month is None],
        "earlier": [{"month": key.month, "kind": key.kind, **row} for key, row in shown if key.month is not None],
        "closing": closing,
    }


def moved(facts: Iterable[StatementFact], kinds: Iterable[Kind], is_account: Callable[[str], bool]) -> int:
    """What rows of these kinds move on these accounts, debit positive."""
    wanted = {kind.text for kind in kinds}
    return sum(
        fact.amount_minor
        for fact in facts
        if isinstance(fact, AccountMovement) and fact.kind in wanted and is_account(fact.account)
    )


def _add(row: dict[str, int], columns: Columns, account: str, amount_minor: int) -> None:
    for name, sign in columns.items():
        row[name] += sign(account) * amount_minor
