"""The offboarding report as JSON and as CSV."""

from collections.abc import Iterator, Sequence

from services.kernel.time import format_rfc3339
from services.settlement.domain.book.currencies import decimal_text
from services.settlement.domain.settling.ageing import AGES_DAYS
from services.settlement.reports.csv_line import csv_line
from services.settlement.reports.offboarding import DepartedKoc, DueMoney

_COLUMNS = (
    "koc_id", "left_at", "live_contents", "currency", "pending", "payable", "held", "held_reserve", "held_refused",
    "held_on_hold", "in_transit", "owed", *(f"owed_from_{days}_days" for days in AGES_DAYS), "net",
)  # fmt: skip


def offboarding_body(kocs: Sequence[DepartedKoc]) -> dict[str, object]:
    """One JSON object; amounts in minor units."""
    return {"report": "offboarding", "kocs": [_koc_body(koc) for koc in kocs]}


def _koc_body(koc: DepartedKoc) -> dict[str, object]:
    return {
        "koc_id": koc.koc_id,
        "left_at": format_rfc3339(koc.left_at),
        "holds": [hold.hold_id for hold in koc.holds],
        "live_contents": koc.live_contents,
        "money": [_money_body(due) for due in koc.money],
    }


def _money_body(due: DueMoney) -> dict[str, object]:
    stored, held = due.stored, due.held
    months = sorted(stored.pending_months.items())
    return {
        "currency": due.currency,
        "pending_minor": stored.pending_minor,
        "pending_months": [{"month": month or None, "amount_minor": amount} for month, amount in months],
        "pending_script_fee_minor": due.script_fee_minor,
        "payable_minor": stored.payable_minor,
        "held_minor": stored.held_minor,
        "held": {**held._asdict(), "reserve_until": held.reserve_until and format_rfc3339(held.reserve_until)},
        "in_transit_minor": sum(payout.amount_minor for payout in stored.payouts),
        "payouts": [payout._asdict() for payout in stored.payouts],
        "owed_minor": stored.owed_minor,
        "owed_ages": dict(zip(map(str, AGES_DAYS), due.debt.open_minor, strict=True)),
        "net_minor": due.net_minor,
    }


def offboarding_csv(kocs: Sequence[DepartedKoc]) -> Iterator[str]:
    """A header, then a row a KOC and currency; amounts in the currency's decimals."""
    yield csv_line(_COLUMNS)
    for koc in kocs:
        for due in koc.money:
            stored, held = due.stored, due.held
            amounts = (
                stored.pending_minor, stored.payable_minor, stored.held_minor, held.reserve_minor, held.refused_minor,
                held.on_hold_minor, sum(payout.amount_minor for payout in stored.payouts), stored.owed_minor,
                *due.debt.open_minor, due.net_minor,
            )  # fmt: skip
            texts = [decimal_text(amount, due.currency) for amount in amounts]
            contents = str(len(koc.live_contents))
            yield csv_line([koc.koc_id, format_rfc3339(koc.left_at), contents, due.currency, *texts])
