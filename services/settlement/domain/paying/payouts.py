"""A payout: its id, its states, whether a party gets one, and what it moves.

A payout sweeps all that is payable to a party in a currency. Amounts are minor units.
"""

import base64
from hashlib import sha256
from typing import NamedTuple

from services.settlement.domain.book import chart
from services.settlement.domain.book.drafts import EntryDraft
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.paying.payees import Payee
from services.settlement.domain.paying.withholding import Earning, TaxTable, Withholding
from services.settlement.domain.settling.transfers import Occasion, transfer

ID_LENGTH = 26
INSTRUCTED, CANCELLED, CONFIRMED, REJECTED, RETURNED = "instructed", "cancelled", "confirmed", "rejected", "returned"
REFUSED = (REJECTED, RETURNED)
"""States of a payout whose money came back: it is held until somebody has looked at it."""

OWNER_HELD, PAYOUT_REFUSED, HELD, NO_PAYEE, BELOW_MINIMUM = (
    "owner_held", "payout_refused", "held", "no_payee", "below_minimum",
)  # fmt: skip
MEANING = {
    OWNER_HELD: "a hold on the party",
    PAYOUT_REFUSED: "a payout came back and is not released",
    HELD: "reserve, or lines in a hold or dispute",
    NO_PAYEE: "nobody said where it is paid (payee.set)",
    BELOW_MINIMUM: "below the minimum of its currency",
}
"""Why a party gets no payout."""


class PayableParty(NamedTuple):
    """A party after its net, in one currency, and what else decides on its payout."""

    party: str
    currency: str
    payable_minor: int
    held_minor: int
    refused_minor: int
    is_owner_held: bool
    payee: Payee | None
    minimum_minor: int
    paid_this_year_minor: int


class PayoutPlan(NamedTuple):
    """What a party is paid, after tax, and where."""

    party: str
    currency: str
    amount_minor: int
    withheld: Withholding
    payee: Payee

    @property
    def gross_minor(self) -> int:
        """What it takes of the payable account."""
        return self.amount_minor + self.withheld.amount_minor


class SkippedParty(NamedTuple):
    """A party that has money and gets none now, and one word why."""

    reason: str
    party: str
    currency: str
    amount_minor: int


def payout_id(batch: str, party: str, currency: str) -> str:
    """The bank's reference of a payout: 26 characters of A-Z and 2-7, the same whoever computes it."""
    digest = sha256(f"{batch}|{party}|{currency}".encode()).digest()
    return base64.b32encode(digest).decode()[:ID_LENGTH]


def decide_payout(party: PayableParty, tax: TaxTable) -> PayoutPlan | SkippedParty | None:
    """The payout that a party gets, or why it gets none; None = it has no money."""
    if reason := _reason_against(party):
        return SkippedParty(reason, party.party, party.currency, party.payable_minor or party.held_minor)
    if party.payable_minor <= 0 or party.payee is None:
        return None
    earning = Earning(party.party, party.currency, party.payable_minor, party.paid_this_year_minor)
    withheld = tax.withhold(earning)
    return PayoutPlan(*party[:2], party.payable_minor - withheld.amount_minor, withheld, party.payee)


def _reason_against(party: PayableParty) -> str | None:
    """Why a party with money gets no payout."""
    if party.payable_minor <= 0:
        if party.held_minor <= 0:
            return None
        if party.is_owner_held:
            return OWNER_HELD
        return PAYOUT_REFUSED if party.refused_minor else HELD
    if party.payee is None:
        return NO_PAYEE
    return BELOW_MINIMUM if party.payable_minor < party.minimum_minor else None


def tax_rows(plan: PayoutPlan, occasion: Occasion) -> list[EntryDraft]:
    """The rows that keep tax back."""
    authority, amount = plan.withheld
    if authority is None:
        return []
    accounts = chart.payable(plan.party), chart.withheld(authority)
    return transfer(Kind.TAX_WITHHELD, "withheld", *accounts, amount, occasion)


def instruction_rows(plan: PayoutPlan, occasion: Occasion) -> list[EntryDraft]:
    """The rows that take a payout off the party, at once, so that nothing is ever in two."""
    accounts = chart.payable(plan.party), chart.in_transit(plan.payee.rail)
    return transfer(Kind.PAYOUT_INSTRUCTED, "instructed", *accounts, plan.amount_minor, occasion)


def cancellation_rows(plan: PayoutPlan, occasion: Occasion) -> list[EntryDraft]:
    """The mirror of both."""
    payable, (authority, withheld) = chart.payable(plan.party), plan.withheld
    rows = transfer(
        Kind.PAYOUT_CANCELLED, "cancelled", chart.in_transit(plan.payee.rail), payable, plan.amount_minor, occasion
    )
    if authority is not None:
        of_tax = chart.withheld(authority), payable
        rows += transfer(Kind.PAYOUT_CANCELLED, "cancelled_tax", *of_tax, withheld, occasion)
    return rows
