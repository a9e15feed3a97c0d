"""The one entry of a command that names its own amount, by what its body says."""

from collections.abc import Mapping
from typing import Any

from services.kernel.errors import InvariantBroken
from services.settlement.domain.book import chart
from services.settlement.domain.book.commands import CommandKind
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.book.positions import Position

ENTRY_KINDS = {
    CommandKind.CLAWBACK_WRITTEN_OFF: Kind.CLAWBACK_WRITTEN_OFF,
    CommandKind.CLAWBACK_REPAID: Kind.CLAWBACK_REPAID,
    CommandKind.BRAND_PAID: Kind.BRAND_PAID,
    CommandKind.TRAFFIC_BOUGHT: Kind.TRAFFIC_BOUGHT,
    CommandKind.ADJUSTMENT_POSTED: Kind.ADJUSTMENT_POSTED,
}
"""Kinds of such commands, and the kind of entry of each."""


def command_legs(kind: CommandKind, body: Mapping[str, Any]) -> Position:
    """The legs of the entry, in the currency that the body names.

    Raises:
        InvariantBroken: commands of this kind do not name an amount.
    """
    match kind:
        case CommandKind.CLAWBACK_WRITTEN_OFF:
            debit, credit = chart.write_off(body["party"]), chart.clawback(body["party"])
        case CommandKind.CLAWBACK_REPAID:
            debit, credit = chart.BANK, chart.clawback(body["party"])
        case CommandKind.BRAND_PAID:
            debit, credit = chart.BANK, chart.brand_receivable(body["brand_id"])
        case CommandKind.TRAFFIC_BOUGHT:
            debit, credit = chart.traffic_prepaid(body["platform"]), chart.BANK
        case CommandKind.ADJUSTMENT_POSTED:
            return {account: int(amount) for account, amount in body["legs"].items()}
        case _:
            raise InvariantBroken(f"a command {kind} names no amount")
    return {debit: body["amount_minor"], credit: -body["amount_minor"]}
