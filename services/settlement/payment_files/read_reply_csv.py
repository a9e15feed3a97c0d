"""Replies as CSV: our own columns, and Alipay's."""

from collections.abc import Iterator

from services.kernel.errors import InputRefused
from services.settlement.domain.remittance.replies import PayoutOutcome, ReplyRow
from services.settlement.payment_files.csv_table import read_table
from services.settlement.payment_files.reply_rows import ReplyCells, read_row

REQUIRED = ("payout", "outcome")
OPTIONAL = ("amount", "currency", "bank_ref", "fee")
ALIPAY_REQUIRED = ("out_biz_no", "status")
ALIPAY_OUTCOMES = {
    "SUCCESS": PayoutOutcome.CONFIRMED,
    "FAIL": PayoutOutcome.REJECTED,
    "CLOSED": PayoutOutcome.REJECTED,
    "REFUND": PayoutOutcome.RETURNED,
}
ALIPAY_PENDING = frozenset({"INIT", "WAIT_PAY", "DEALING"})
"""States that are not the last: such rows say nothing yet."""


def read_csv_reply(raw: bytes) -> Iterator[ReplyRow | None]:
    """Rows of a reply in our own columns."""
    for line, cells in read_table(raw, REQUIRED, OPTIONAL):
        place = f"line {line}"
        outcome = _outcome(place, cells["outcome"])
        rest = (cells.get(name, "") for name in OPTIONAL)
        yield read_row(ReplyCells(place, cells["payout"], outcome, *rest))


def read_alipay_reply(raw: bytes) -> Iterator[ReplyRow | None]:
    """Rows of a reply with Alipay's column names; None = a payment that is still under way. Other columns are left."""
    for line, cells in read_table(raw, ALIPAY_REQUIRED, None):
        place, status = f"line {line}", cells["status"]
        if status in ALIPAY_PENDING:
            yield None
            continue
        if status not in ALIPAY_OUTCOMES:
            known = ", ".join(sorted({*ALIPAY_OUTCOMES, *ALIPAY_PENDING}))
            raise InputRefused(f"{place}: the status must be one of {known}")
        amount, ref, fee = (cells.get(name, "") for name in ("trans_amount", "order_id", "order_fee"))
        currency = "CNY" if amount or fee else ""
        yield read_row(ReplyCells(place, cells["out_biz_no"], ALIPAY_OUTCOMES[status], amount, currency, ref, fee))


def _outcome(place: str, text: str) -> PayoutOutcome:
    try:
        return PayoutOutcome(text)
    except ValueError:
        raise InputRefused(f"{place}: the outcome must be {', '.join(PayoutOutcome)}") from None
