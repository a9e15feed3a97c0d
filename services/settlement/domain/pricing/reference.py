"""The registry's reference data in every version: what stands now, and what stood as of an earlier offset.

A settled line is priced as of the offset of its run for ever, whatever is published later; denied disputes are no
prices and hold in any case.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet

from services.settlement.domain.pricing.facts import HOUSE, PLAN, RELATION, Body, house_of, plan_of, relation_of
from services.settlement.domain.pricing.house import House, HouseSettings
from services.settlement.domain.pricing.plans import Plan, Plans
from services.settlement.domain.pricing.relations import Relation, Relations
from services.settlement.domain.settling.facts import DENIED, DISPUTE_DECIDED, Dispute, RegistryFact, dispute_of

PricingFact = Plan | Relation | House
Denials = AbstractSet[tuple[str, str | None]]
"""(order_id, line_id; None = all lines of the order)."""

_FACTS: dict[str, Callable[[Body], PricingFact]] = {PLAN: plan_of, RELATION: relation_of, HOUSE: house_of}
PRICING_KINDS = (*_FACTS, DISPUTE_DECIDED)
"""Kinds of registry events that change what lines are worth, or when they are due."""

_VIEWS_KEPT = 64


class Reference:
    """Plans, relations and house settings as the registry has them at one revision.

    `denied` are the order lines whose dispute is lost: nothing is owed for them.
    """

    def __init__(self) -> None:
        self.plans = Plans()
        self.relations = Relations()
        self.houses = HouseSettings()
        self.denied: Denials = frozenset()
        self.revision = 0
        self._versions: list[tuple[int, PricingFact]] = []
        self._decided: dict[str, Dispute] = {}
        self._views: OrderedDict[int, Reference] = OrderedDict()

    def learn(self, facts: Iterable[tuple[int, PricingFact]]) -> None:
        """Take in facts in the order of their registry offsets; one with an old one's identity takes its place."""
        new = list(facts)
        self._versions += new
        self._views.clear()
        self.plans.put(fact for _, fact in new if isinstance(fact, Plan))
        self.relations.put(fact for _, fact in new if isinstance(fact, Relation))
        self.houses.put(fact for _, fact in new if isinstance(fact, House))

    def take(self, events: Iterable[RegistryFact]) -> None:
        """Take in registry events in the order of their offsets; those that no price depends on are left out."""
        known = [event for event in events if event.kind in PRICING_KINDS]
        self.learn((event.position, _FACTS[event.kind](event.body)) for event in known if event.kind in _FACTS)
        decided = [dispute_of(event.body) for event in known if event.kind == DISPUTE_DECIDED]
        if decided:
            self._decided.update({dispute.dispute_id: dispute for dispute in decided})
            denied = (dispute for dispute in self._decided.values() if dispute.outcome == DENIED)
            self.denied = frozenset((dispute.order_id, dispute.line_id) for dispute in denied)

    def as_of(self, registry_offset: int) -> "Reference":
        """What stood when the registry was read up to this offset, without it."""
        view = self._views.get(registry_offset)
        if view is None:
            view = self._views[registry_offset] = Reference()
            view.learn(version for version in self._versions if version[0] < registry_offset)
            view.revision = self.revision
            if len(self._views) > _VIEWS_KEPT:
                self._views.popitem(last=False)
        else:
            self._views.move_to_end(registry_offset)
        return view

    def decision(self, dispute_id: str) -> Dispute | None:
        """The decision of a dispute as it stands."""
        return self._decided.get(dispute_id)

    def is_denied(self, order_id: str, line_id: str) -> bool:
        """Whether a dispute of the order or of this line of it is lost."""
        return (order_id, None) in self.denied or (order_id, line_id) in self.denied
