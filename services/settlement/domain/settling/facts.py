"""Registry events that stop or limit payments, as the domain's own objects; and which disputes and holds are open.

A dispute is told by two facts, a hold by two. Both are functions of the facts that stand, in whatever order they came:
a dispute that is decided is over, also where its decision came first; of a hold's two facts the newest offset decides.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from services.settlement.domain.pricing.facts import Body

DISPUTE_OPENED = "dispute.opened"
DISPUTE_DECIDED = "dispute.decided"
HOLD_PLACED = "hold.placed"
HOLD_RELEASED = "hold.released"
BUDGET = "campaign.budget_set"
REMOVED = "content.removed"

CASE_KINDS = (DISPUTE_OPENED, DISPUTE_DECIDED, HOLD_PLACED, HOLD_RELEASED)
"""What disputes and holds are told by."""

DENIED = "denied"


@dataclass(frozen=True, slots=True)
class Dispute:
    """A dispute about an order, or one line of it; `outcome` is allowed or denied, None while it is open."""

    dispute_id: str
    order_id: str
    line_id: str | None
    outcome: str | None


@dataclass(frozen=True, slots=True)
class Hold:
    """Money kept back, of exactly one thing: an order (or one line of it), a content, or an owner (`ROLE:ID`)."""

    hold_id: str
    order_id: str | None
    line_id: str | None
    content_id: str | None
    owner: str | None


@dataclass(frozen=True, slots=True)
class BudgetLimit:
    """The total that a campaign may cost in a currency."""

    campaign_id: str
    currency: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Removal:
    """A content that is no longer published, and whether its script fee is taken back."""

    content_id: str
    cancels_script_fee: bool


class RegistryFact(Protocol):
    """A registry event, as the books keep it."""

    @property
    def position(self) -> int:
        """Its offset in the registry."""

    @property
    def kind(self) -> str:
        """Its event_type."""

    @property
    def body(self) -> Body:
        """Its fields."""


def dispute_of(body: Body) -> Dispute:
    """The dispute of a dispute.opened or a dispute.decided."""
    return Dispute(body["dispute_id"], body["order_id"], body.get("line_id"), body.get("outcome"))


def hold_of(body: Body) -> Hold:
    """The hold of a hold.placed."""
    what = (body.get(field) for field in ("order_id", "line_id", "content_id", "owner"))
    return Hold(body["hold_id"], *what)


def budget_of(body: Body) -> BudgetLimit:
    """The budget of a campaign.budget_set."""
    return BudgetLimit(body["campaign_id"], body["currency"], body["amount_minor"])


def removed_of(body: Body) -> Removal:
    """The removal of a content.removed; it takes the script fee back unless it says that it does not."""
    return Removal(body["content_id"], body.get("cancels_script_fee") is not False)


def open_disputes(facts: Iterable[RegistryFact]) -> list[Dispute]:
    """Disputes that are opened and not decided, by dispute_id; the facts may be of any kind and version."""
    newest = _newest(facts, "dispute_id")
    decided = {name for kind, name in newest if kind == DISPUTE_DECIDED}
    return [
        dispute_of(fact.body)
        for (kind, name), fact in sorted(newest.items())
        if kind == DISPUTE_OPENED and name not in decided
    ]


def open_holds(facts: Iterable[RegistryFact]) -> list[Hold]:
    """Holds whose newest fact, of both kinds, is that it was placed, by hold_id."""
    newest = _newest(facts, "hold_id")
    return [
        hold_of(fact.body)
        for (kind, name), fact in sorted(newest.items())
        if kind == HOLD_PLACED
        and ((HOLD_RELEASED, name) not in newest or newest[HOLD_RELEASED, name].position < fact.position)
    ]


def _newest(facts: Iterable[RegistryFact], field: str) -> dict[tuple[str, str], RegistryFact]:
    """The newest fact of each kind and name; facts without that field are left out."""
    named = (fact for fact in sorted(facts, key=lambda fact: fact.position) if field in fact.body)
    return {(fact.kind, fact.body[field]): fact for fact in named}
