"""Scripts of what happens to orders and money: told to the reference model, to the pure rules, or published for real.

Days count from DAY_ZERO; something happens at that hour of its day, `minutes` later where it says so. Every order has
one line, `1`, which is received when it is paid unless the script says otherwise. Amounts are minor units.
"""

from dataclasses import dataclass, field

DAY_ZERO = "2026-01-05T04:00:00Z"
"""Noon in Shanghai, far enough back that no script reaches into the future."""

MILLION = 1_000_000
WINDOW_DAYS = 7
"""Days from receipt until a line may be settled, where neither plan nor house says otherwise."""


@dataclass(frozen=True)
class PlanOf:
    """A version of a commission plan; `splits` are (role, of, share_ppm), `tiers` are (from_minor, rate_ppm)."""

    plan_id: str
    rate_ppm: int
    splits: tuple[tuple[str, str, int], ...] = ()
    version: int = 1
    koc_ids: tuple[str, ...] | None = None
    currency: str | None = None
    base: str = "goods_paid"
    paid_traffic_rate_ppm: int | None = None
    tiers: tuple[tuple[int, int], ...] = ()
    bonus_minor: int = 0
    zone_minutes: int = 480
    window_days: int | None = None
    auto_receive_days: int | None = None


@dataclass(frozen=True)
class HouseOf:
    """Our own settings, in force from `day` on."""

    day: int = -1_000
    vat_ppm: dict[str, int] = field(default_factory=lambda: {"CNY": 60_000})
    share_ppm: int = MILLION
    reserve_ppm: int = 0
    reserve_days: int = 0
    minimum: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class CreditOf:
    """Who is credited, with what share of 1,000,000."""

    content_id: str
    koc_id: str
    weight_ppm: int = MILLION
    campaign_id: str | None = None
    traffic: str = "natural"

    @property
    def name(self) -> str:
        return f"{self.content_id}|{self.koc_id}|{self.campaign_id or ''}|{self.traffic}"


# What happens


@dataclass(frozen=True)
class Published:
    """A plan version, or house settings."""

    what: PlanOf | HouseOf


@dataclass(frozen=True)
class Related:
    """Who fills which role for a KOC, from the beginning."""

    koc_id: str
    parties: dict[str, str]


@dataclass(frozen=True)
class Paid:
    order_id: str
    goods_minor: int
    credits: tuple[CreditOf, ...]
    day: int = 0
    minutes: int = 0
    received: bool = True
    currency: str = "CNY"
    brand_id: str = "br_2"
    buyer_id: str = "b_1"
    new_customer: bool = False
    discount_minor: int = 0


@dataclass(frozen=True)
class Received:
    order_id: str
    day: int
    buyer_id: str = "b_1"


@dataclass(frozen=True)
class Refunded:
    """So much is refunded by now; less than before means that refunds were reversed."""

    order_id: str
    total_minor: int
    buyer_id: str = "b_1"


@dataclass(frozen=True)
class Cancelled:
    order_id: str
    buyer_id: str = "b_1"


@dataclass(frozen=True)
class Credited:
    """A late touch moves the credit."""

    order_id: str
    credits: tuple[CreditOf, ...]
    buyer_id: str = "b_1"


@dataclass(frozen=True)
class FeeAccepted:
    content_id: str
    koc_id: str
    fee_minor: int
    currency: str = "CNY"
    brand_id: str = "br_2"


@dataclass(frozen=True)
class ContentRemoved:
    content_id: str


@dataclass(frozen=True)
class Spent:
    """Paid traffic that we bought on a content and its KOC bears."""

    spend_id: str
    content_id: str
    koc_id: str
    amount_minor: int
    currency: str = "CNY"


@dataclass(frozen=True)
class BudgetSet:
    campaign_id: str
    amount_minor: int
    currency: str = "CNY"


@dataclass(frozen=True)
class HoldPlaced:
    """Of exactly one: an order, a content, an owner (`ROLE:ID`)."""

    hold_id: str
    order_id: str | None = None
    content_id: str | None = None
    owner: str | None = None


@dataclass(frozen=True)
class HoldReleased:
    hold_id: str


@dataclass(frozen=True)
class DisputeOpened:
    dispute_id: str
    order_id: str


@dataclass(frozen=True)
class DisputeDecided:
    dispute_id: str
    order_id: str
    denied: bool


@dataclass(frozen=True)
class WrittenOff:
    """The command that gives up what a party owes."""

    party: str
    amount_minor: int
    currency: str = "CNY"


@dataclass(frozen=True)
class BrandPaid:
    brand_id: str
    amount_minor: int
    currency: str = "CNY"


@dataclass(frozen=True)
class Run:
    """A run as of that day, planned and applied."""

    day: int


@dataclass(frozen=True)
class RunPlanned:
    """The plan alone is committed; what follows comes before its lines are settled."""

    day: int


@dataclass(frozen=True)
class RunApplied:
    """The planned run goes on to its end."""


@dataclass(frozen=True)
class PayeeSet:
    """Where a party (`ROLE:ID`) is paid, from now on."""

    owner: str
    rail: str = "bank"


@dataclass(frozen=True)
class KocLeft:
    koc_id: str
    day: int


@dataclass(frozen=True)
class Proposed:
    """A proposal of payouts as of that day, under this name."""

    batch: str
    day: int


@dataclass(frozen=True)
class Replied:
    """A file of the bank about all payouts of a batch, or about one party's: confirmed, rejected or returned.

    The same file may come twice.
    """

    batch: str
    outcome: str
    party: str | None = None
    file: str = "f1"


@dataclass(frozen=True)
class Released:
    """What is held for a batch's refused payouts, or for one party's, may be paid again."""

    batch: str
    party: str | None = None


@dataclass(frozen=True)
class PayoutCancelled:
    """A batch, or the payout of one party in it, before it is exported."""

    batch: str
    party: str | None = None


Happening = (
    Published | Related | Paid | Received | Refunded | Cancelled | Credited | FeeAccepted | ContentRemoved | Spent
    | BudgetSet | HoldPlaced | HoldReleased | DisputeOpened | DisputeDecided | WrittenOff | BrandPaid
    | Run | RunPlanned | RunApplied | PayeeSet | KocLeft | Proposed | Replied | Released | PayoutCancelled
)  # fmt: skip


@dataclass(frozen=True)
class Expected:
    """All balances of one currency that are not zero, by account key."""

    what: str
    balances: dict[str, int]
    currency: str = "CNY"


@dataclass(frozen=True)
class Case:
    """A worked case: what happens, and in between what the books then hold by hand."""

    title: str
    script: tuple[Happening | Expected, ...]
