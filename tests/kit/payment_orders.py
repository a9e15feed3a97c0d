"""Payment files without a database: orders of payouts and payees, all of it invented."""

from collections.abc import Sequence

from services.kernel.time import parse_rfc3339
from services.settlement.domain.remittance.forms import DuePayout, FilePlan, PaymentForm, plan_files
from services.settlement.domain.remittance.payee_accounts import PayeeAccount, PayerDetails
from services.settlement.payment_files.payment_file import PaymentOrder

PAYER = PayerDetails("KOC Commerce Ltd", "GB33BUKB20201555555555", "BUKBGB22", "wx1234567890abcdef", "pay@example.com")
PAYEES = {
    payee.ref: payee
    for payee in (
        PayeeAccount("r1", "bank", "李娜", "6222020200112233445", "CNAPS:102100099996"),
        PayeeAccount("r2", "bank", "Zoë & <Co>", "DE89370400440532013000", "COBADEFFXXX"),
        PayeeAccount("r3", "bank", "=HYPERLINK(1)", "NO-12-3456", "BKCHCNBJ"),
        PayeeAccount("w1", "wechat", "王伟", "o-MYE42l80oelYMDE34nYD456Xoy", None),
        PayeeAccount("a1", "alipay", '@Ana "A", Souza', "ana@example.com", None),
        PayeeAccount("a2", "alipay", "张敏", "+8613800000000", None),
    )
}
APPROVED_AT = parse_rfc3339("2026-11-30T17:30:00.5Z")
SHANGHAI = 480


def payout(number: int, rail: str, ref: str, amount_minor: int, currency: str = "CNY") -> DuePayout:
    """A payout with an id that names its number."""
    return DuePayout(f"PAYOUT{number:020d}".replace("0", "A").replace("1", "B"), rail, ref, currency, amount_minor)


MIXED = (
    payout(2, "bank", "r1", 2_520), payout(3, "bank", "r2", 100_000_000), payout(4, "bank", "r3", 1),
    payout(5, "wechat", "w1", 720), payout(6, "alipay", "a1", 360), payout(7, "alipay", "a2", 2_000_000),
    payout(8, "bank", "r1", 1_129, "JPY"),
)  # fmt: skip


def order_of(plan: FilePlan) -> PaymentOrder:
    """The plan with all that its file says."""
    return PaymentOrder(plan, PAYEES, PAYER, APPROVED_AT, SHANGHAI)


def orders(payouts: Sequence[DuePayout] = MIXED, form: PaymentForm | None = None) -> dict[str, PaymentOrder]:
    """The orders of a batch by file name."""
    return {plan.name: order_of(plan) for plan in plan_files("pay-2026-11", payouts, form)}
