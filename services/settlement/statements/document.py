"""A statement as people read it: facts at the head, tables with amounts, hashes at the foot."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from services.kernel.time import MINUTE, format_rfc3339, parse_rfc3339
from services.settlement.domain.statements.statement import NumberedStatement
from services.settlement.statements import labels
from services.settlement.statements.labels import Label

Cell = str | int | Label
"""A name, an amount in minor units, or words of ours."""


class StatementRow(NamedTuple):
    """Cells of a table, a column each. An edge (opening, closing, total) is told apart from what lies between."""

    cells: Sequence[Cell]
    is_edge: bool = False


class StatementTable(NamedTuple):
    """A title, a title a column, and rows; the last `amounts` columns are money."""

    title: Label
    columns: Sequence[Label]
    amounts: int
    rows: Sequence[StatementRow]


class StatementDocument(NamedTuple):
    """What a page shows: facts of the head, the sums that matter most, tables, and facts of the foot."""

    title: Label
    party: str
    currency: str
    head: Sequence[tuple[Label, str]]
    sums: Sequence[tuple[Label, int]]
    tables: Sequence[StatementTable]
    foot: Sequence[tuple[Label, str]]


def document_of(one: NumberedStatement) -> StatementDocument:
    """A statement as a document. A table without rows is left out."""
    body: Mapping[str, Any] = json.loads(one.body)
    zone = body["zone_minutes"]
    head = [
        (labels.PERIOD, one.period),
        (labels.REVISION, str(one.revision)),
        (labels.CURRENCY, one.currency),
        (labels.CLOSED, local_time(body["closed_at"], zone)),
    ]
    foot = [(labels.HASH, one.sha256.hex()), (labels.ROOT, one.root.hex()), (labels.SEAL, body["seal"])]
    make = {"party": _party, "brand": _brand, "platform": _platform}[body["kind"]]
    sums, tables = make(body)
    shown = [table for table in tables if table.rows]
    return StatementDocument(labels.TITLES[body["kind"]], one.party, one.currency, head, sums, shown, foot)


def local_time(moment: str, zone_minutes: int) -> str:
    """A time in the settlement zone, to the minute: `2026-12-03 10:00 +08:00`."""
    local = format_rfc3339(parse_rfc3339(moment) + zone_minutes * MINUTE)
    hours, minutes = divmod(abs(zone_minutes), 60)
    return f"{local[:10]} {local[11:16]} {'-' if zone_minutes < 0 else '+'}{hours:02d}:{minutes:02d}"


_Parts = tuple[list[tuple[Label, int]], list[StatementTable]]


def _party(body: Mapping[str, Any]) -> _Parts:
    closing = body["balance"]["closing"]
    sums = [(labels.COLUMNS[name], closing[name]) for name in labels.COLUMNS if name in closing]
    sums.append((labels.COLUMNS["pending_minor"], body["pending"]["closing"]["pending_minor"]))
    return sums, [
        _block(labels.BALANCE, body["balance"]),
        _block(labels.PENDING, body["pending"]),
        _contents(labels.SETTLED, body["settled"]),
        _reversals(labels.CLAWBACKS, body["clawbacks"]),
        _payouts(body),
    ]


def _brand(body: Mapping[str, Any]) -> _Parts:
    sums = [
        (labels.COLUMNS["receivable_minor"], body["receivable"]["closing"]["receivable_minor"]),
        (labels.COLUMNS["accrued_minor"], body["accrued"]["closing"]["accrued_minor"]),
    ]
    return sums, [
        _block(labels.RECEIVABLE, body["receivable"]),
        _ages(body["open"]),
        _contents(labels.BILLED, body["bill"]),
        _reversals(labels.CREDIT_NOTES, body["credit_notes"]),
        _receipts(body),
        _block(labels.ACCRUED, body["accrued"]),
    ]


def _platform(body: Mapping[str, Any]) -> _Parts:
    sums = [(label, body["result"][name]) for name, label in labels.RESULTS.items()]
    return sums, [_accounts(body["accounts"]), _account_movements(body["accounts"])]


def _block(title: Label, block: Mapping[str, Any]) -> StatementTable:
    """Opening, movements, those of earlier months with their month, closing."""
    names = [name for name in labels.COLUMNS if name in block["opening"]]
    has_months = bool(block["earlier"])
    rows = [
        _line(labels.OPENING, block["opening"], names, has_month=has_months, is_edge=True),
        *(
            _line(labels.kind_label(one["kind"]), one, names, has_month=has_months)
            for one in (*block["movements"], *block["earlier"])
        ),
        _line(labels.CLOSING, block["closing"], names, has_month=has_months, is_edge=True),
    ]
    months = [labels.MONTH] if has_months else []
    return StatementTable(title, [labels.LINE, *months, *(labels.COLUMNS[name] for name in names)], len(names), rows)


def _line(
    words: Label, amounts: Mapping[str, Any], names: Sequence[str], *, has_month: bool, is_edge: bool = False
) -> StatementRow:
    """A row of a block; its month where the block has a column of months."""
    months = [amounts.get("month", "")] if has_month else []
    return StatementRow([words, *months, *(amounts[name] for name in names)], is_edge)


def _accounts(accounts: Sequence[Mapping[str, Any]]) -> StatementTable:
    """A row an account."""
    rows = []
    for account in accounts:
        opening, closing = account["opening"]["amount_minor"], account["closing"]["amount_minor"]
        rows.append(StatementRow([account["account"], opening, closing - opening, closing]))
    columns = [labels.ACCOUNT, labels.OPENING, labels.MOVED, labels.CLOSING]
    return StatementTable(labels.ACCOUNTS, columns, 3, rows)


def _account_movements(accounts: Sequence[Mapping[str, Any]]) -> StatementTable:
    """A row an account, kind and month."""
    rows = [
        StatementRow([
            account["account"], labels.kind_label(one["kind"]), one.get("month", ""), one["amount_minor"],
        ])
        for account in accounts
        for one in (*account["movements"], *account["earlier"])
    ]  # fmt: skip
    return StatementTable(labels.MOVEMENTS, [labels.ACCOUNT, labels.LINE, labels.MONTH, labels.AMOUNT], 1, rows)


def _contents(title: Label, found: Sequence[Mapping[str, Any]]) -> StatementTable:
    rows = [
        StatementRow([
            labels.kind_label(one["kind"]), one["content_id"] or labels.OTHERS, one["koc_id"] or "", str(one["lines"]),
            one["amount_minor"],
        ])
        for one in found
    ]  # fmt: skip
    columns = [labels.LINE, labels.CONTENT, labels.KOC, labels.LINES, labels.AMOUNT]
    return StatementTable(title, columns, 1, _with_total(rows, len(columns)))


def _reversals(title: Label, found: Sequence[Mapping[str, Any]]) -> StatementTable:
    rows = [
        StatementRow(
            [labels.kind_label(one["kind"]), one["about"] or labels.OTHERS, str(one["orders"]), one["amount_minor"]]
        )
        for one in found
    ]
    columns = [labels.LINE, labels.ABOUT, labels.ORDERS, labels.AMOUNT]
    return StatementTable(title, columns, 1, _with_total(rows, len(columns)))


def _payouts(body: Mapping[str, Any]) -> StatementTable:
    zone = body["zone_minutes"]
    rows = [
        StatementRow([
            one["payout_id"], one["rail"], labels.STATES[one["state"]], local_time(one["state_at"], zone),
            one["withheld_minor"], one["amount_minor"],
        ])
        for one in body["payouts"]
    ]  # fmt: skip
    columns = [labels.PAYOUT, labels.RAIL, labels.STATE, labels.SINCE, labels.WITHHELD, labels.AMOUNT]
    return StatementTable(labels.PAYOUTS, columns, 2, rows)


def _receipts(body: Mapping[str, Any]) -> StatementTable:
    zone = body["zone_minutes"]
    rows = [
        StatementRow([one["command_id"], local_time(one["at"], zone), one["amount_minor"]]) for one in body["receipts"]
    ]
    columns = [labels.COMMAND, labels.PAID_AT, labels.AMOUNT]
    return StatementTable(labels.RECEIPTS, columns, 1, _with_total(rows, len(columns)))


def _ages(opened: Mapping[str, Any]) -> StatementTable:
    begins = [age["from_days"] for age in opened["ages"]]
    ends = [f"-{begin - 1}" for begin in begins[1:]] + ["+"]
    rows = [
        StatementRow(
            [Label(f"{age['from_days']}{end} {labels.DAYS.english}", labels.DAYS.chinese), age["amount_minor"]]
        )
        for age, end in zip(opened["ages"], ends, strict=True)
    ]
    rows.append(StatementRow([labels.PREPAID, opened["prepaid_minor"]]))
    return StatementTable(labels.OPEN, [labels.AGE, labels.AMOUNT], 1, rows)


def _with_total(rows: list[StatementRow], columns: int) -> list[StatementRow]:
    """The rows with their sum, if there are several."""
    if len(rows) < 2:
        return rows
    total = sum(amount for row in rows if isinstance(amount := row.cells[-1], int))
    return [*rows, StatementRow([labels.TOTAL, *[""] * (columns - 2), total], is_edge=True)]
