"""What stands in the registry at one offset: plans, roles, house rules, contents, disputes, holds and budgets.

Bodies are the models of the public contract; moments are microseconds.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from schemas.entities import micros
from services.operations.audit.line_facts import CreditFacts, LineFacts

KIND_ORDER = ("exclusive", "targeted", "activity", "open")
SHANGHAI_MINUTES = 480
MILLION = 1_000_000
NO_PARTIES: Mapping[str, str] = {}


class PricePlan(NamedTuple):
    """A plan version: its event, with times as microseconds and what its sums are in a currency."""

    said: Any
    since: int
    until: int | None
    tiers: tuple[tuple[int, int], ...]
    bonus_minor: int
    zone_minutes: int

    @property
    def name(self) -> str:
        """PLAN_ID|VERSION."""
        return f"{self.said.plan_id}|{self.said.version}"

    def is_in_force(self, paid_at: int) -> bool:
        """Whether it is for orders paid then."""
        return self.since <= paid_at and (self.until is None or paid_at < self.until)

    def fits(self, line: LineFacts, credit: CreditFacts) -> bool:
        """Whether every scope field that it has names the line or the credit."""
        said = self.said
        one_of = (
            (said.product_ids, line.product_id),
            (said.category_ids, line.category_id),
            (said.koc_ids, credit.koc_id),
            (said.platforms, line.platform),
        )
        same = ((said.brand_id, line.brand_id), (said.campaign_id, credit.campaign_id), (said.currency, line.currency))
        return all(names is None or name in names for names, name in one_of) and all(
            wanted is None or wanted == name for wanted, name in same
        )

    def order(self) -> tuple[object, ...]:
        """Sorts the most specific first."""
        said = self.said
        named = (said.product_ids is None, said.category_ids is None, said.campaign_id is None)
        return KIND_ORDER.index(said.kind), *named, -said.rate_ppm, said.plan_id


class HouseRules(NamedTuple):
    """Our own settings from a moment on."""

    since: int = 0
    vat_ppm: Mapping[str, int] = NO_PARTIES  # type: ignore[assignment] # nothing in it
    netting_share_ppm: int = MILLION
    reserve_ppm: int = 0
    reserve_days: int = 0
    return_window_days: int = 7
    payout_minimum_minor: Mapping[str, int] = NO_PARTIES  # type: ignore[assignment] # nothing in it


class OpenMatters(NamedTuple):
    """Disputes and holds that are open: (order_id, line_id; None = every line), contents, and owners."""

    order_lines: frozenset[tuple[str, str | None]]
    contents: frozenset[str]
    owners: frozenset[str]

    def stops(self, line: LineFacts) -> bool:
        """Whether one is about the line."""
        order = line.order_id
        if (order, None) in self.order_lines or (order, line.line_id) in self.order_lines:
            return True
        return bool(self.contents) and any(credit.content_id in self.contents for credit in line.credits)


class RegistryView:
    """What stands.

    Args:
        events: (offset, model of the contract) by offset.
        offset: the next one.
    """

    def __init__(self, events: Iterable[tuple[int, Any]], offset: int) -> None:
        self.offset = offset
        self._newest: dict[str, dict[str, tuple[int, Any]]] = {}
        for offset, event in events:
            self._newest.setdefault(event.event_type, {})[event.identity] = offset, event
        plans = [_plan_of(event) for event in self.standing("plan.published").values()]
        self._versions: dict[str, list[PricePlan]] = {}
        for plan in plans:
            self._versions.setdefault(plan.said.plan_id, []).append(plan)
        self._bounds = sorted({plan.since for plan in plans} | {plan.until for plan in plans if plan.until is not None})
        self._in_force: dict[tuple[str, int], list[PricePlan]] = {}
        self._relations: dict[str, list[Any]] = {}
        for event in self.standing("relation.set").values():
            self._relations.setdefault(event.koc_id, []).append(event)
        houses = [_house_of(event) for event in self.standing("house.set").values()]
        self._houses = sorted(houses, key=lambda house: -house.since)
        decided = self.standing("dispute.decided").values()
        self.denied = frozenset((one.order_id, one.line_id) for one in decided if one.outcome == "denied")
        self.open = self._open_matters()
        self.knows_auto_receive = any(plan.said.auto_receive_days is not None for plan in plans)

    def standing(self, kind: str) -> dict[str, Any]:
        """The newest events of a type by identity."""
        return {identity: event for identity, (_, event) in self._newest.get(kind, {}).items()}

    def find(self, kind: str, identity: str) -> Any:
        """The newest event of a type and identity; None = there is none."""
        return self._newest.get(kind, {}).get(identity, (-1, None))[1]

    def newest_offset(self, kind: str, identity: str) -> int:
        """Of that event; -1 = there is none."""
        return self._newest.get(kind, {}).get(identity, (-1, None))[0]

    def has_left(self, party: str, moment: int) -> bool:
        """Whether a KOC (`koc:ID`) had left by then."""
        said = self.find("koc.left", party.removeprefix("koc:")) if party.startswith("koc:") else None
        return said is not None and micros(said.left_at) <= moment

    def is_denied(self, order_id: str, line_id: str) -> bool:
        """Whether a dispute of the order or the line was lost."""
        return (order_id, None) in self.denied or (order_id, line_id) in self.denied

    def plan_for(self, line: LineFacts, credit: CreditFacts) -> PricePlan | None:
        """The plan that prices a credit."""
        stretch = bisect_right(self._bounds, line.paid_at)
        known = self._in_force.get((line.brand_id, stretch))
        if known is None:
            known = self._in_force[line.brand_id, stretch] = self._plans_at(line)
        return next((plan for plan in known if plan.fits(line, credit)), None)

    def parties(self, koc_id: str, paid_at: int) -> Mapping[str, str]:
        """Who fills which role for a KOC; of overlapping relations the one that began last."""
        found, began = NO_PARTIES, -1
        for one in self._relations.get(koc_id, ()):
            since = micros(one.effective_from)
            if began < since <= paid_at and (one.effective_to is None or paid_at < micros(one.effective_to)):
                found, began = one.parties, since
        return found

    def house_at(self, moment: int) -> HouseRules:
        """Our settings at a moment."""
        return next((house for house in self._houses if house.since <= moment), HouseRules())

    def _plans_at(self, line: LineFacts) -> list[PricePlan]:
        """Of each plan the greatest version in force, if it may be the brand's; the most specific first."""
        found = []
        for versions in self._versions.values():
            covering = [plan for plan in versions if plan.is_in_force(line.paid_at)]
            if covering:
                found.append(max(covering, key=lambda plan: plan.said.version))
        brand = line.brand_id
        return sorted((plan for plan in found if plan.said.brand_id in (None, brand)), key=PricePlan.order)

    def _open_matters(self) -> OpenMatters:
        """A dispute is open until it is decided, a hold while its newest event places it."""
        decided = self.standing("dispute.decided")
        opened = self.standing("dispute.opened").items()
        order_lines = {(one.order_id, one.line_id) for name, one in opened if name not in decided}
        released = self._newest.get("hold.released", {})
        placed = self._newest.get("hold.placed", {}).items()
        holds = [one for name, (offset, one) in placed if name not in released or released[name][0] < offset]
        order_lines |= {(one.order_id, one.line_id) for one in holds if one.order_id is not None}
        contents = frozenset(one.content_id for one in holds if one.content_id is not None)
        return OpenMatters(
            frozenset(order_lines), contents, frozenset(one.owner for one in holds if one.owner is not None)
        )


def _moment(at: datetime | None) -> int | None:
    return None if at is None else micros(at)


def _plan_of(said: Any) -> PricePlan:
    """Tiers and bonus count in the plan's currency alone."""
    has_currency = said.currency is not None
    tiers = tuple((tier.from_minor, tier.rate_ppm) for tier in said.tiers or ()) if has_currency else ()
    bonus = (said.new_customer_bonus_minor or 0) if has_currency else 0
    zone = SHANGHAI_MINUTES if said.zone_minutes is None else said.zone_minutes
    return PricePlan(said, micros(said.effective_from), _moment(said.effective_to), tiers, bonus, zone)


def _house_of(said: Any) -> HouseRules:
    """A field that is absent or null has its default."""
    fields = HouseRules._fields[1:]
    given = {name: getattr(said, name) for name in fields if getattr(said, name) is not None}
    return HouseRules(micros(said.effective_from), **given)
