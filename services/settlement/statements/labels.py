"""The words of a statement for people, in English and Chinese."""

from typing import NamedTuple

from services.settlement.domain.book.entries import Kind


class Label(NamedTuple):
    """One thing in two languages; without Chinese it is a name, which has none."""

    english: str
    chinese: str = ""

    def __str__(self) -> str:
        """Both, the English first."""
        return f"{self.english} {self.chinese}" if self.chinese else self.english


KINDS = {
    Kind.COMMISSION_ACCRUED: Label("Commission earned", "佣金计提"),
    Kind.COMMISSION_ADJUSTED: Label("Commission adjusted", "佣金调整"),
    Kind.SCRIPT_FEE_ACCRUED: Label("Script fee earned", "脚本费计提"),
    Kind.SPEND_CONSUMED: Label("Paid traffic used", "付费流量消耗"),
    Kind.COMMISSION_SETTLED: Label("Commission settled", "佣金结算"),
    Kind.COMMISSION_CLAWED_BACK: Label("Commission clawed back", "佣金追回"),
    Kind.COMMISSION_RESTORED: Label("Commission restored", "佣金恢复"),
    Kind.SCRIPT_FEE_SETTLED: Label("Script fee settled", "脚本费结算"),
    Kind.SCRIPT_FEE_CLAWED_BACK: Label("Script fee clawed back", "脚本费追回"),
    Kind.SCRIPT_FEE_RESTORED: Label("Script fee restored", "脚本费恢复"),
    Kind.CLAWBACK_NETTED: Label("Debt netted", "欠款抵扣"),
    Kind.CLAWBACK_RELEASED: Label("Netted money given back", "抵扣退还"),
    Kind.CLAWBACK_WRITTEN_OFF: Label("Debt written off", "欠款核销"),
    Kind.CLAWBACK_WRITTEN_BACK: Label("Write-off taken back", "核销转回"),
    Kind.CLAWBACK_REPAID: Label("Debt repaid", "欠款偿还"),
    Kind.HOLD_PLACED: Label("Held back", "暂扣"),
    Kind.HOLD_RELEASED: Label("Hold released", "解除暂扣"),
    Kind.BUDGET_SET: Label("Budget set", "预算设定"),
    Kind.BUDGET_COMMITTED: Label("Budget committed", "预算占用"),
    Kind.BRAND_PAID: Label("Payment received", "收到付款"),
    Kind.TRAFFIC_BOUGHT: Label("Traffic bought", "购买流量"),
    Kind.ADJUSTMENT_POSTED: Label("Adjusted by hand", "人工调整"),
    Kind.TAX_WITHHELD: Label("Tax withheld", "代扣税款"),
    Kind.PAYOUT_INSTRUCTED: Label("Payout", "付款"),
    Kind.PAYOUT_CANCELLED: Label("Payout cancelled", "付款取消"),
    Kind.PAYOUT_CONFIRMED: Label("Payout confirmed", "付款成功"),
    Kind.PAYOUT_REJECTED: Label("Payout rejected", "付款被拒"),
    Kind.PAYOUT_RETURNED: Label("Payout returned", "付款退回"),
}
_BY_TEXT = {kind.text: label for kind, label in KINDS.items()}

TITLES = {
    "party": Label("Statement", "对账单"),
    "brand": Label("Bill", "账单"),
    "platform": Label("Our month", "平台月报"),
}
STATES = {
    "instructed": Label("under way", "付款中"),
    "cancelled": Label("cancelled", "已取消"),
    "confirmed": Label("paid", "已付款"),
    "rejected": Label("rejected", "被拒绝"),
    "returned": Label("returned", "被退回"),
}
RESULTS = {
    "fee_minor": Label("Fee without VAT", "服务费（不含税）"),
    "vat_minor": Label("VAT", "增值税"),
    "traffic_minor": Label("Paid traffic", "付费流量"),
    "written_off_minor": Label("Debts written off", "核销欠款"),
    "payout_fee_minor": Label("Fees of banks", "付款手续费"),
}
COLUMNS = {
    "pending_minor": Label("Pending", "待结算"),
    "payable_minor": Label("Payable", "应付"),
    "held_minor": Label("Held", "暂扣"),
    "owed_back_minor": Label("Owed back", "欠款"),
    "balance_minor": Label("Balance", "余额"),
    "accrued_minor": Label("Not yet billed", "待开账"),
    "receivable_minor": Label("Receivable", "应收"),
    "amount_minor": Label("Amount", "金额"),
}
OPENING, CLOSING, TOTAL = Label("Opening", "期初"), Label("Closing", "期末"), Label("Total", "合计")
OTHERS = Label("all others", "其他")
PREPAID = Label("Paid in advance", "预付")

PARTY, PERIOD, CURRENCY = Label("For", "对象"), Label("Month", "账期"), Label("Currency", "币种")
REVISION, CLOSED = Label("Revision", "版本"), Label("Closed", "结账时间")
SEAL, HASH, ROOT = (
    Label("Seal of the month", "月结封印"),
    Label("sha256 of this statement", "本单哈希"),
    Label("Root", "总根"),
)
PAGE = Label("Page", "页")

PENDING = Label("Pending: earned and not yet settled", "待结算：已赚取，尚未结算")
BALANCE = Label("Balance: payable + held - owed back", "余额：应付 + 暂扣 - 欠款")
ACCRUED = Label("Not yet billed: accrued, waiting for settlement", "待开账：已计提，尚未结算")
RECEIVABLE = Label("Bill: settled, credited and paid", "账单：已结算、已冲减、已付款")
SETTLED = Label("Settled, by content", "按内容结算")
CLAWBACKS = Label("Clawed back, order by order", "逐单追回")
PAYOUTS = Label("Payouts, as they stood when the month was closed", "付款（结账时状态）")
BILLED = Label("Billed, by content", "按内容开账")
CREDIT_NOTES = Label("Credit notes, order by order", "逐单冲减")
RECEIPTS = Label("Payments received", "收到付款")
OPEN = Label("Open at the month's end, by age", "月末未付，按账龄")
RESULT = Label("What the month brought", "本月结果")

LINE = Label("Movement", "变动")
MONTH = Label("Of month", "所属月份")
CONTENT, KOC, LINES = Label("Content", "内容"), Label("KOC", "达人"), Label("Lines", "行数")
ABOUT, ORDERS = Label("Order, content or spend", "订单、内容或投放"), Label("Orders", "订单数")
AMOUNT, WITHHELD = Label("Amount", "金额"), Label("Tax withheld", "代扣税款")
PAYOUT, RAIL, STATE, SINCE = (
    Label("Payout", "付款"),
    Label("Rail", "渠道"),
    Label("State", "状态"),
    Label("Since", "时间"),
)
COMMAND, PAID_AT = Label("Command", "指令"), Label("Booked", "入账时间")
AGE, DAYS = Label("Age", "账龄"), Label("days", "天")
ACCOUNT, MOVED = Label("Account", "科目"), Label("Moved", "发生额")
ACCOUNTS = Label("Accounts, debit positive", "科目余额，借方为正")
MOVEMENTS = Label("Movements, debit positive", "科目变动，借方为正")


def kind_label(kind: str) -> Label:
    """What a kind of entry is for people."""
    return _BY_TEXT[kind]


def all_labels() -> list[Label]:
    """Every label of this module, for whoever must have all its letters."""
    found = [value for value in globals().values() if isinstance(value, Label)]
    for named in (KINDS, TITLES, STATES, RESULTS, COLUMNS):
        found += named.values()
    return found
