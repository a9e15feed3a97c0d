"""Accounts of a month for a person or a program: opening, movement, closing."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from services.settlement.domain.book.currencies import decimal_text

if TYPE_CHECKING:
    from services.settlement.books.period_records import AccountMonth


def print_month(accounts: "Sequence[AccountMonth]", *, as_json: bool) -> None:
    """Print the accounts.

    Args:
        accounts: in the order of the rows.
        as_json: one list, amounts in minor units.
    """
    from rich.console import Console
    from rich.table import Table

    if as_json:
        print(json.dumps([one._asdict() | {"closing_minor": one.closing_minor} for one in accounts]))
        return
    table = Table("account", "currency", box=None, pad_edge=False)
    for title in ("opening", "movement", "closing"):
        table.add_column(title, justify="right")
    for one in accounts:
        amounts = one.opening_minor, one.movement_minor, one.closing_minor
        table.add_row(one.account, one.currency, *(decimal_text(amount, one.currency) for amount in amounts))
    Console(soft_wrap=True).print(table)
