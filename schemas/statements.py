"""settlement.statements.v1: what a closed month says of one party and currency, with a proof that it was sealed.

`sha256` is that of the statement's canonical JSON: names sorted, no spaces, UTF-8. `path` leads from it to `root`, of
which each close has one (docs/finance.md has the program). Sums are minor units.
"""

from typing import Annotated, Literal

from pydantic import Field

from schemas.fields import Currency, Identifier, Message, Moment, Word
from schemas.ledger import KIND_PATTERN, PERIOD_PATTERN, Hash

MAX_ZONE_MINUTES = 24 * 60

PARTY_PATTERN = r"^platform$|^[a-z][a-z0-9_]{0,31}:[A-Za-z0-9._~=+@:-]{1,128}$"
PATH_STEP_PATTERN = r"^0[01][0-9a-f]{64}$"
PAYOUT_ID_PATTERN = r"^[A-Z2-7]{26}$"

Sum = Annotated[int, Field(ge=-(2**63), le=2**63 - 1, description="minor units")]
Total = Annotated[int, Field(ge=0, le=2**63 - 1, description="minor units")]
EntryKind = Annotated[str, Field(pattern=KIND_PATTERN)]
Period = Annotated[str, Field(pattern=PERIOD_PATTERN)]
PartyName = Annotated[str, Field(pattern=PARTY_PATTERN)]
PathStep = Annotated[str, Field(pattern=PATH_STEP_PATTERN, description="00: the hash is to the left, 01: to the right")]


class PendingSums(Message):
    """What a party has earned and no run has settled."""

    pending_minor: Sum


class BalanceSums(Message):
    """What a party has: balance = payable + held - owed back."""

    payable_minor: Sum
    held_minor: Sum
    owed_back_minor: Sum = Field(description="a debt to us is positive")
    balance_minor: Sum


class AccruedSums(Message):
    """What a brand owes that is not yet billed."""

    accrued_minor: Sum


class ReceivableSums(Message):
    """What a brand owes of its bills."""

    receivable_minor: Sum = Field(description="below zero: paid in advance")


class AccountSums(Message):
    """An account as in the ledger."""

    amount_minor: Sum = Field(description="debit positive")


class OfKind(Message):
    """A movement of the month itself."""

    kind: EntryKind


class OfEarlierMonth(OfKind):
    """A movement that belongs to an earlier month, which was closed when it came."""

    month: Period


class PendingMovement(OfKind, PendingSums):
    """What rows of one kind move."""


class EarlierPendingMovement(OfEarlierMonth, PendingSums):
    """What rows of one kind and earlier month move."""


class BalanceMovement(OfKind, BalanceSums):
    """What rows of one kind move."""


class EarlierBalanceMovement(OfEarlierMonth, BalanceSums):
    """What rows of one kind and earlier month move."""


class AccruedMovement(OfKind, AccruedSums):
    """What rows of one kind move."""


class EarlierAccruedMovement(OfEarlierMonth, AccruedSums):
    """What rows of one kind and earlier month move."""


class ReceivableMovement(OfKind, ReceivableSums):
    """What rows of one kind move."""


class EarlierReceivableMovement(OfEarlierMonth, ReceivableSums):
    """What rows of one kind and earlier month move."""


class AccountMovement(OfKind, AccountSums):
    """What rows of one kind move."""


class EarlierAccountMovement(OfEarlierMonth, AccountSums):
    """What rows of one kind and earlier month move."""


class PendingBlock(Message):
    """Opening + movements + those of earlier months = closing = the next month's opening."""

    opening: PendingSums
    movements: list[PendingMovement]
    earlier: list[EarlierPendingMovement]
    closing: PendingSums


class BalanceBlock(Message):
    """Opening + movements + those of earlier months = closing = the next month's opening, column by column."""

    opening: BalanceSums
    movements: list[BalanceMovement]
    earlier: list[EarlierBalanceMovement]
    closing: BalanceSums


class AccruedBlock(Message):
    """Opening + movements + those of earlier months = closing = the next month's opening."""

    opening: AccruedSums
    movements: list[AccruedMovement]
    earlier: list[EarlierAccruedMovement]
    closing: AccruedSums


class ReceivableBlock(Message):
    """Opening + movements + those of earlier months = closing = the next month's opening."""

    opening: ReceivableSums
    movements: list[ReceivableMovement]
    earlier: list[EarlierReceivableMovement]
    closing: ReceivableSums


class AccountBlock(Message):
    """One account of ours: opening + movements + those of earlier months = closing = the next month's opening."""

    account: Annotated[str, Field(min_length=3, max_length=300)]
    nature: Literal["asset", "liability", "revenue", "expense"]
    opening: AccountSums
    movements: list[AccountMovement]
    earlier: list[EarlierAccountMovement]
    closing: AccountSums


class SettledContent(Message):
    """What runs settled for one content. A line that two runs settled counts in the second by the difference.

    At most 5,000 contents are listed; null stands for all others of the kind.
    """

    kind: EntryKind
    content_id: Identifier | None
    koc_id: Identifier | None
    lines: Annotated[int, Field(ge=1)]
    amount_minor: Sum


class Reversal(Message):
    """What came back, or was restored, of an order; of a script fee the content, of paid traffic the spend.

    At most 5,000 are listed; null stands for all others of the kind.
    """

    kind: EntryKind
    about: Identifier | None
    orders: Annotated[int, Field(ge=1)]
    amount_minor: Sum


class StatementPayout(Message):
    """A payout that was under way in the month, or instructed in it, as it stood when the month was closed."""

    payout_id: Annotated[str, Field(pattern=PAYOUT_ID_PATTERN)]
    rail: Word
    amount_minor: Total
    withheld_minor: Total
    state: Literal["instructed", "cancelled", "confirmed", "rejected", "returned"]
    instructed_at: Moment
    state_at: Moment


class BrandReceipt(Message):
    """A payment of a brand."""

    command_id: Identifier
    at: Moment
    amount_minor: Total


class OpenAge(Message):
    """What is open and at least so many days old, but of no greater age."""

    from_days: Annotated[int, Field(ge=0)]
    amount_minor: Total


class OpenBill(Message):
    """What a brand owes at the month's end by age; payments and credit notes go to the oldest bill."""

    ages: Annotated[list[OpenAge], Field(min_length=1)]
    prepaid_minor: Total


class PlatformResult(Message):
    """What the month brought us: earnings and costs are both positive."""

    fee_minor: Sum = Field(description="without VAT")
    vat_minor: Sum
    traffic_minor: Sum
    written_off_minor: Sum
    payout_fee_minor: Sum


class StatementHead(Message):
    """What every statement begins with."""

    form: Literal["koc-statement-1"]
    party: PartyName
    currency: Currency
    period: Period
    revision: Annotated[int, Field(ge=1)]
    zone_minutes: Annotated[int, Field(ge=-MAX_ZONE_MINUTES, le=MAX_ZONE_MINUTES)] = Field(
        description="the zone in which the month lies, minutes east of UTC"
    )
    closed_at: Moment
    seal: Hash = Field(description="of the close")


class PartyStatement(StatementHead):
    """Of a KOC, an agency, a recruiter or another role. Amounts are in the party's favour."""

    kind: Literal["party"]
    pending: PendingBlock
    balance: BalanceBlock
    settled: list[SettledContent]
    clawbacks: list[Reversal]
    payouts: list[StatementPayout]


class BrandStatement(StatementHead):
    """Of a brand: its bill. Amounts are what it owes; a credit note is negative."""

    kind: Literal["brand"]
    accrued: AccruedBlock
    receivable: ReceivableBlock
    bill: list[SettledContent]
    credit_notes: list[Reversal]
    receipts: list[BrandReceipt]
    open: OpenBill


class PlatformStatement(StatementHead):
    """Ours: every account that is no party's and no brand's."""

    kind: Literal["platform"]
    result: PlatformResult
    accounts: list[AccountBlock]


class IssuedStatement(Message):
    """One statement with its proof."""

    seq: Annotated[int, Field(ge=1)]
    period: Period
    revision: Annotated[int, Field(ge=1)]
    party: PartyName
    currency: Currency
    statement: Annotated[PartyStatement | BrandStatement | PlatformStatement, Field(discriminator="kind")]
    sha256: Hash
    root: Hash
    path: list[PathStep]

    @property
    def key(self) -> str:
        """The record's key."""
        return self.party
