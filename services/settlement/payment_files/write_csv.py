"""Payments as CSV: for a bank's upload page, and for Alipay."""

from datetime import date, timedelta

from services.kernel.time import to_datetime
from services.settlement.payment_files.csv_table import write_table
from services.settlement.payment_files.payment_file import REMARK, PaymentOrder

BANK_COLUMNS = ("payout", "name", "account", "bank", "amount", "currency", "date", "remark")
ALIPAY_HEAD = ("out_batch_no", "pay_date", "payer_account", "total_trans_amount", "total_count")
ALIPAY_COLUMNS = ("out_biz_no", "payee_account", "payee_name", "trans_amount", "remark")
"""Named as in Alipay's interfaces of transfers."""


def write_bank_csv(order: PaymentOrder) -> bytes:
    """A row a payment; the date is the approval's day in the settlement zone."""
    day = day_of(order).isoformat()
    rows = [
        (payout.id, payee.name, payee.account, payee.bank or "", order.amount(payout), payout.currency, day,
         REMARK)
        for payout, payee in order.payments()
    ]  # fmt: skip
    return write_table([BANK_COLUMNS, *rows])


def write_alipay(order: PaymentOrder) -> bytes:
    """Two lines of the batch with its totals in yuan, then the payments."""
    head = (
        order.plan.reference, f"{day_of(order):%Y%m%d}", order.payer.alipay_account, order.total,
        str(len(order.plan.payouts)),
    )  # fmt: skip
    rows = [(payout.id, payee.account, payee.name, order.amount(payout), REMARK) for payout, payee in order.payments()]
    return write_table([ALIPAY_HEAD, head, ALIPAY_COLUMNS, *rows])


def day_of(order: PaymentOrder) -> date:
    """The day of the approval in the settlement zone."""
    return (to_datetime(order.approved_at) + timedelta(minutes=order.zone_minutes)).date()
