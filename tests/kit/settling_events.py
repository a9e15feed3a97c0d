"""The happenings of a settling script as the events that a shop and a back office would publish.

Cases share one stack: each gets ids and a currency of its own, so that no account of one is an account of another.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from services.demo.events import Event, click, later, line, paid, plan, relation
from services.kernel.time import DAY, HOUR, MINUTE, format_rfc3339, parse_rfc3339
from tests.reference import settling_script as script

ZERO = parse_rfc3339(script.DAY_ZERO)
ALWAYS = ZERO - 1_000 * DAY
SHARED_BY_ALL = "kuaishou"
"""The platform whose orders are credited to all touches alike, by LINEAR_POLICIES."""
LINEAR_POLICIES = f"""
revision = 2

[horizons] # a case may go back to a day that another one has long passed
candidate_window_days = 2
touch_lateness_days = 21
order_lateness_days = 21
order_memory_days = 180

[[policies]]
name = "last_click"
model = "last_click"
widest_scope = "product"
window_hours = {{ click = 48, code = 48, view = 48 }}

[[policies]]
name = "all_alike"
model = "linear"
widest_scope = "product"
window_hours = {{ click = 48, code = 48, view = 48 }}
platforms = ["{SHARED_BY_ALL}"]
"""
"""Attribution's policies: the last click to an order's product, and for one platform all of them alike."""


@dataclass
class _Order:
    """What of an order later events must name."""

    name: str
    paid_at: int
    buyer_id: str
    brand_id: str
    events: int = 0
    touches: int = 0
    refunds: dict[str, int] = field(default_factory=dict)


class CaseEvents:
    """Events of one case.

    Args:
        mark: appended to all ids.
        currencies: of the case, by those of the script.

    Attributes:
        zero: the moment of day 0, microseconds.
    """

    def __init__(self, mark: str, currencies: Mapping[str, str]) -> None:
        self._mark = f".{mark}"
        self.zero = ZERO
        self._orders: dict[tuple[str, str], _Order] = {}
        self._facts: defaultdict[str, int] = defaultdict(int)
        self.currencies = currencies

    def name(self, identity: str) -> str:
        """The id of the case for an id of the script."""
        return identity + self._mark

    def account(self, key: str) -> str:
        """The account of the script for an account of the case."""
        return key.replace(self._mark, "")

    def moment(self, day: int) -> int:
        """Noon in Shanghai of that day of the case, microseconds."""
        return self.zero + day * DAY

    def of(self, happening: Any) -> list[Event]:
        """The events of something that is published; house settings belong to all cases and are none of it."""
        events: list[Event] = getattr(self, "_" + type(happening).__name__)(happening)
        return events

    def _Published(self, one: script.Published) -> list[Event]:  # noqa: N802 - named after the happening
        if isinstance(one.what, script.HouseOf):
            return []
        known = vars(one.what)
        named = {key: known[key] for key in ("base", "paid_traffic_rate_ppm", "zone_minutes", "auto_receive_days")}
        splits = [{"role": role, "of": of, "share_ppm": share} for role, of, share in one.what.splits]
        tiers = [{"from_minor": start, "rate_ppm": rate} for start, rate in one.what.tiers]
        currency = one.what.currency and self.currencies[one.what.currency]
        scope = {"brand_id": self.name("br_2"), "currency": currency, "return_window_days": one.what.window_days}
        name, rate, bonus = self.name(one.what.plan_id), one.what.rate_ppm, one.what.bonus_minor
        return [plan(name, one.what.version, ALWAYS, rate, splits=splits, tiers=tiers or None,
                     new_customer_bonus_minor=bonus, **scope, **named)]  # fmt: skip

    def _Related(self, one: script.Related) -> list[Event]:  # noqa: N802
        return [relation(self.name(one.koc_id), ALWAYS, {role: self.name(who) for role, who in one.parties.items()})]

    def _Paid(self, one: script.Paid) -> list[Event]:  # noqa: N802
        at = self.moment(one.day) + one.minutes * MINUTE
        order = _Order(self.name(one.order_id), at, self.name(one.buyer_id), self.name(one.brand_id))
        self._orders[one.order_id, one.buyer_id] = order
        product = f"p_{order.name}"
        goods = line("1", one.goods_minor, brand_id=order.brand_id, product_id=product,
                     platform_discount_minor=one.discount_minor)  # fmt: skip
        platform = "douyin" if len(one.credits) == 1 else SHARED_BY_ALL
        events = [*self._touches(order, one.credits),
                  paid(order.name, at, order.buyer_id, [goods], currency=self.currencies[one.currency],
                       platform=platform, new_customer=one.new_customer)]  # fmt: skip
        return events + ([later("received", "received", order.name, at, order.buyer_id)] if one.received else [])

    def _touches(self, order: _Order, credited: tuple[script.CreditOf, ...]) -> list[Event]:
        """Clicks before the payment, each later than those of the order that were published before."""
        first, order.touches = order.touches, order.touches + len(credited)
        return [
            click(
                f"t_{order.name}_{number}", order.paid_at - 12 * HOUR + number * HOUR, order.buyer_id,
                self.name(one.content_id), self.name(one.koc_id), product_id=f"p_{order.name}",
                brand_id=order.brand_id, campaign_id=one.campaign_id and self.name(one.campaign_id),
                traffic=one.traffic,
            )
            for number, one in enumerate(credited, first)
        ]  # fmt: skip

    def _Credited(self, one: script.Credited) -> list[Event]:  # noqa: N802
        return self._touches(self._orders[one.order_id, one.buyer_id], one.credits)

    def _Refunded(self, one: script.Refunded) -> list[Event]:  # noqa: N802
        order, events = self._orders[one.order_id, one.buyer_id], []
        if one.total_minor < sum(order.refunds.values()):
            events = [self._later(order, "refund_reversed", refund_id=name, line_id="1") for name in order.refunds]
            order.refunds = {}
        if more := one.total_minor - sum(order.refunds.values()):
            name = f"rf_{order.events}"
            order.refunds[name] = more
            amounts = [{"line_id": "1", "refund_minor": more, "quantity": 0}]
            events.append(self._later(order, "refunded", refund_id=name, lines=amounts))
        return events

    def _Cancelled(self, one: script.Cancelled) -> list[Event]:  # noqa: N802
        return [self._later(self._orders[one.order_id, one.buyer_id], "cancelled")]

    def _later(self, order: _Order, kind: str, **more: Any) -> Event:
        """What became of an order, a minute after what became of it before."""
        order.events += 1
        at = order.paid_at + HOUR + order.events * MINUTE
        return later(kind, f"{order.events}", order.name, at, order.buyer_id, **more)

    def _FeeAccepted(self, one: script.FeeAccepted) -> list[Event]:  # noqa: N802
        content = {"content_id": self.name(one.content_id)}
        return [
            self._fact("content.registered", **content, koc_id=self.name(one.koc_id), platform="douyin",
                       brand_id=self.name(one.brand_id), script_fee_minor=one.fee_minor,
                       currency=self.currencies[one.currency]),
            self._fact("script_fee.accepted", **content),
        ]  # fmt: skip

    def _ContentRemoved(self, one: script.ContentRemoved) -> list[Event]:  # noqa: N802
        return [self._fact("content.removed", content_id=self.name(one.content_id))]

    def _Spent(self, one: script.Spent) -> list[Event]:  # noqa: N802
        spend = {"content_id": self.name(one.content_id), "spend_id": self.name(one.spend_id), "paid_by": "koc"}
        amount = {"amount_minor": one.amount_minor, "currency": self.currencies[one.currency]}
        return [self._fact("spend.reported", **spend, **amount)]

    def _BudgetSet(self, one: script.BudgetSet) -> list[Event]:  # noqa: N802
        amount = {"amount_minor": one.amount_minor, "currency": self.currencies[one.currency]}
        return [self._fact("campaign.budget_set", campaign_id=self.name(one.campaign_id), **amount)]

    def _HoldPlaced(self, one: script.HoldPlaced) -> list[Event]:  # noqa: N802
        held = {key: self.name(value) for key, value in vars(one).items() if value}
        return [self._fact("hold.placed", **held)]

    def _HoldReleased(self, one: script.HoldReleased) -> list[Event]:  # noqa: N802
        return [self._fact("hold.released", hold_id=self.name(one.hold_id))]

    def _PayeeSet(self, one: script.PayeeSet) -> list[Event]:  # noqa: N802
        owner = self.name(one.owner)
        return [self._fact("payee.set", owner=owner, rail=one.rail, ref=f"ref_{owner}")]

    def _KocLeft(self, one: script.KocLeft) -> list[Event]:  # noqa: N802
        left_at = format_rfc3339(self.moment(one.day))
        return [self._fact("koc.left", koc_id=self.name(one.koc_id), left_at=left_at)]

    def _DisputeOpened(self, one: script.DisputeOpened) -> list[Event]:  # noqa: N802
        return [self._fact("dispute.opened", **self._dispute(one))]

    def _DisputeDecided(self, one: script.DisputeDecided) -> list[Event]:  # noqa: N802
        return [self._fact("dispute.decided", **self._dispute(one), outcome="denied" if one.denied else "allowed")]

    def _dispute(self, one: script.DisputeOpened | script.DisputeDecided) -> dict[str, str]:
        return {"dispute_id": self.name(one.dispute_id), "order_id": self.name(one.order_id)}

    def _fact(self, kind: str, **fields: Any) -> Event:
        """A registry event; what is booked for it is dated by day 0."""
        self._facts[kind] += 1
        name = self.name(f"{kind}_{self._facts[kind]}")
        return {"event_id": name, "event_type": kind, "occurred_at": format_rfc3339(self.zero), **fields}


def house_event(since: int, house: script.HouseOf, vat_ppm: Mapping[str, int]) -> Event:
    """House settings from a moment on, with the VAT of many cases' currencies."""
    return {
        "event_id": f"house_{since}",
        "event_type": "house.set",
        "occurred_at": format_rfc3339(since),
        "effective_from": format_rfc3339(since),
        "vat_ppm": dict(vat_ppm),
        "netting_share_ppm": house.share_ppm,
        "reserve_ppm": house.reserve_ppm,
        "reserve_days": house.reserve_days,
    }
