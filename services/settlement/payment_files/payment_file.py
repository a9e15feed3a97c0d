"""What writers of payment files are given and give: all of it from stored rows and the payer's settings."""

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

from services.settlement.domain.book.currencies import decimal_text
from services.settlement.domain.remittance.forms import DuePayout, FilePlan
from services.settlement.domain.remittance.payee_accounts import PayeeAccount, PayerDetails

REMARK = "KOC payout"
"""What payees read beside a payment; the payout's id follows where there is room."""


class PaymentOrder(NamedTuple):
    """What one file is written from. `approved_at` is microseconds, the only time that a file says.

    Attributes:
        plan: which payouts, in which form.
        payees: by ref, all that the payouts name.
        payer: who pays.
        approved_at: of the batch.
        zone_minutes: the settlement zone, for dates.
    """

    plan: FilePlan
    payees: Mapping[str, PayeeAccount]
    payer: PayerDetails
    approved_at: int
    zone_minutes: int

    def payments(self) -> list[tuple[DuePayout, PayeeAccount]]:
        """Each payout with whom it goes to."""
        return [(payout, self.payees[payout.ref]) for payout in self.plan.payouts]

    def amount(self, payout: DuePayout) -> str:
        """A payout's amount with all decimals of its currency."""
        return decimal_text(payout.amount_minor, payout.currency)

    @property
    def total(self) -> str:
        """What all payouts add up to, likewise."""
        return decimal_text(self.plan.amount_minor, self.plan.currency)


class PaymentFile(NamedTuple):
    """A file as it goes to a bank. `body` holds names and account numbers: never log it."""

    plan: FilePlan
    body: bytes

    @property
    def sha256(self) -> bytes:
        """The seal of its bytes."""
        return hashlib.sha256(self.body).digest()

    def __repr__(self) -> str:
        """Its name alone."""
        return f"PaymentFile({self.plan.name!r})"

    def summary(self) -> dict[str, str | int]:
        """What the command's result says of it."""
        return {
            "name": self.plan.name,
            "sha256": self.sha256.hex(),
            "payouts": len(self.plan.payouts),
            "amount_minor": self.plan.amount_minor,
            "currency": self.plan.currency,
        }
