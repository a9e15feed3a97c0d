"""A statement as CSV: one amount a row, for spreadsheets and programs."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

from services.kernel.cells import defuse
from services.settlement.domain.book.currencies import decimal_text
from services.settlement.domain.statements.statement import NumberedStatement

COLUMNS = (
    "party", "currency", "period", "revision", "block", "row", "month", "kind", "name", "koc_id", "count", "at",
    "state", "column", "amount", "amount_minor",
)  # fmt: skip
_NAMES = ("content_id", "about", "payout_id", "command_id", "from_days")
_COUNTS = ("lines", "orders")
_TIMES = ("at", "state_at")


def csv_bytes(one: NumberedStatement) -> bytes:
    """A header, then one row for each amount, in the currency's decimals and in minor units. UTF-8."""
    body = json.loads(one.body)
    head = {name: body[name] for name in COLUMNS[:4]}
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\r\n", restval="")
    writer.writeheader()
    for row in _rows(body):
        minor = row["amount_minor"]
        amounts = {"amount": decimal_text(minor, one.currency), "amount_minor": minor}
        writer.writerow({**{name: defuse(str(value)) for name, value in {**head, **row}.items()}, **amounts})
    return buffer.getvalue().encode()


def _rows(body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every amount of a statement, whatever its kind."""
    for name, value in body.items():
        if name == "accounts":
            for account in value:
                yield from _block(account["account"], account)
        elif isinstance(value, dict) and "movements" in value:
            yield from _block(name, value)
        elif name == "open":
            yield from _amounts({"block": name, "row": "prepaid"}, {"prepaid_minor": value["prepaid_minor"]})
            for age in value["ages"]:
                yield from _amounts({"block": name, "row": "age"}, age)
        elif isinstance(value, list):
            for detail in value:
                yield from _amounts({"block": name, "row": "detail"}, detail)
        elif name == "result":
            yield from _amounts({"block": name, "row": name}, value)


def _block(name: str, block: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield from _amounts({"block": name, "row": "opening"}, block["opening"])
    for movement in block["movements"]:
        yield from _amounts({"block": name, "row": "movement"}, movement)
    for movement in block["earlier"]:
        yield from _amounts({"block": name, "row": "earlier month"}, movement)
    yield from _amounts({"block": name, "row": "closing"}, block["closing"])


def _amounts(place: Mapping[str, str], row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The amounts of one row of a statement, each with all that the row says besides."""
    said = {name: row[name] for name in ("month", "kind", "koc_id", "state") if row.get(name) is not None}
    for column, names in (("name", _NAMES), ("count", _COUNTS), ("at", _TIMES)):
        found = [row[name] for name in names if row.get(name) is not None]
        said |= dict.fromkeys([column], found[0]) if found else {}
    for name, value in row.items():
        if name.endswith("_minor"):
            yield {**place, **said, "column": name.removesuffix("_minor"), "amount_minor": value}
