"""Forms of payment files: which rail, which currency and how many payouts each can carry."""

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import groupby
from typing import NamedTuple


class PaymentForm(StrEnum):
    """What a payment file can look like."""

    CSV = "csv"
    PAIN_001 = "pain.001"
    WECHAT = "wechat"
    ALIPAY = "alipay"


class FormRule(NamedTuple):
    """What a form can carry; `currency` None = any, `most` = payouts in one file.

    `payer` are the fields of PayerDetails that a file says.
    """

    rail: str
    currency: str | None
    most: int
    suffix: str
    payer: Sequence[str] = ()


RULES = {
    PaymentForm.CSV: FormRule("bank", None, 10_000, "csv"),
    PaymentForm.PAIN_001: FormRule("bank", None, 10_000, "xml", ("name", "account", "bank")),
    PaymentForm.WECHAT: FormRule("wechat", "CNY", 3_000, "json", ("wechat_appid",)),
    PaymentForm.ALIPAY: FormRule("alipay", "CNY", 3_000, "csv", ("alipay_account",)),
}
"""WeChat Pay and Alipay take at most 3,000 payments a batch, in CNY only. Banks differ: 10,000 is our own limit."""

FORM_OF_RAIL = {"bank": PaymentForm.PAIN_001, "wechat": PaymentForm.WECHAT, "alipay": PaymentForm.ALIPAY}
"""The form that a payout takes where nobody asks for another one. Its keys are the rails that we can pay by."""


class DuePayout(NamedTuple):
    """A payout of a batch that is not cancelled: what goes where. `ref` names a row of the payee file."""

    id: str
    rail: str
    ref: str
    currency: str
    amount_minor: int


def file_reference(batch: str, form: str, currency: str, number: int) -> str:
    """How a bank knows a file: 26 letters and digits, the same at every export."""
    text = f"{batch}|{form}|{currency}|{number}"
    return base64.b32encode(hashlib.sha256(text.encode()).digest()).decode()[:26]


class FilePlan(NamedTuple):
    """One file to be: `number` counts the files of one batch, form and currency from 1. `payouts` are sorted by id."""

    batch: str
    form: PaymentForm
    currency: str
    number: int
    payouts: Sequence[DuePayout]

    @property
    def reference(self) -> str:
        """Names the file to the bank."""
        return file_reference(self.batch, self.form, self.currency, self.number)

    @property
    def name(self) -> str:
        """The file's name."""
        return f"{self.batch}-{self.form}-{self.currency}-{self.number}.{RULES[self.form].suffix}"

    @property
    def amount_minor(self) -> int:
        """What its payouts add up to."""
        return sum(payout.amount_minor for payout in self.payouts)


def obstacles(payouts: Iterable[DuePayout], form: PaymentForm | None) -> Iterator[str]:
    """Why payouts cannot be exported, a sentence for each; none = all can.

    Args:
        payouts: of a batch.
        form: that is asked for, and then payouts of other rails do not matter; None = the form of each payout's rail.
    """
    for payout in payouts:
        taken = form or FORM_OF_RAIL.get(payout.rail)
        if taken is None:
            yield f"{payout.id}: no file form pays by {payout.rail}"
            continue
        rule = RULES[taken]
        if rule.rail == payout.rail and rule.currency not in (None, payout.currency):
            yield f"{payout.id}: {payout.rail} pays {rule.currency} only, not {payout.currency}"


def plan_files(batch: str, payouts: Iterable[DuePayout], form: PaymentForm | None) -> list[FilePlan]:
    """The files of a batch, by form, currency and number; each payout stands in one of them.

    Args:
        batch: its id.
        payouts: of the batch, without `obstacles`.
        form: only payouts of its rail; None = all payouts, each in the form of its rail.
    """
    wanted = [payout for payout in payouts if form is None or RULES[form].rail == payout.rail]
    # tuples sort by form, currency, and the payout's id
    placed = sorted((form or FORM_OF_RAIL[payout.rail], payout.currency, payout) for payout in wanted)
    plans = []
    for (taken, currency), group in groupby(placed, key=lambda place: place[:2]):
        members = [payout for _, _, payout in group]
        most = RULES[taken].most
        for number, first in enumerate(range(0, len(members), most), start=1):
            plans.append(FilePlan(batch, taken, currency, number, members[first : first + most]))
    return plans
