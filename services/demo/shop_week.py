"""A generated shop week: what buyers did and bought, what came back, and what prices it. Seeded, never "now"."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from services.demo.events import Event, click, later, line, paid, plan, relation
from services.demo.settling_facts import first_facts
from services.kernel.time import DAY, HOUR, MINUTE, SECOND, format_rfc3339, parse_rfc3339

BEGIN = parse_rfc3339("2026-09-02T00:00:00+08:00")
PLATFORMS = ("douyin", "xiaohongshu", "wechat_channels", "kuaishou")
BRANDS = 12
KOCS = 60
CONTENTS = 240
PRODUCTS = 90
UNPRICED_BRAND = "br_11"
"""The brand without a plan: its lines are attributed, kept and unpriced."""
SETTLING_PLANS: dict[str, Event] = {
    "br_4": {"currency": "CNY", "tiers": [{"from_minor": 100_000, "rate_ppm": 180_000}]},
    "br_5": {"currency": "CNY", "new_customer_bonus_minor": 500},
    "br_8": {"auto_receive_days": 12},
}
"""What settling reads of plans: a rate that rises with a KOC's month, a bonus, a shop that reports no receipt."""
RETURN_WINDOW = 7 * DAY
FIRST_RUN, SECOND_RUN = BEGIN + 14 * DAY, BEGIN + 28 * DAY
"""The moments of the two runs, two and four weeks after the begin."""
PAID_AT = SECOND_RUN + 12 * HOUR
"""The moment of the payouts: still in the month of the week."""
RECEIVED_AFTER = 2 * DAY
DUE_BEFORE = FIRST_RUN - RETURN_WINDOW - RECEIVED_AFTER
"""Received orders that were paid before are due in the first run."""


@dataclass
class Week:
    """What happened, in no particular order, and the reference data that prices it."""

    registry: list[Event] = field(default_factory=list)
    log: list[Event] = field(default_factory=list)


class Shop:
    """Makes events from a seed; the same seed makes the same week."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.week = Week()

    def touch(self, buyer: str, number: int, order_at: int, product: int) -> Event:
        """Something the buyer saw in the days before (or just after) an order."""
        chance = self.chance
        content = chance.randrange(CONTENTS)
        koc = f"k_{content % KOCS}" if chance.random() > 0.01 else buyer
        near = chance.random()
        brand = product % BRANDS if near < 0.8 else chance.randrange(BRANDS)
        return click(
            f"t_{buyer}_{number}",
            order_at - int(chance.expovariate(1 / (20 * HOUR))) + (HOUR if near > 0.97 else 0),
            buyer,
            f"v_{content}",
            koc,
            event_type=chance.choice(("click", "click", "click", "view", "view", "code")),
            platform=PLATFORMS[content % len(PLATFORMS)],
            content_type="live" if content % 7 == 0 else "video",
            product_id=f"p_{product}" if near < 0.6 else f"p_{chance.randrange(PRODUCTS)}",
            shop_id=f"s_{brand}",
            brand_id=f"br_{brand}",
            campaign_id=f"c_{content % 5}" if content % 3 == 0 else None,
            traffic=chance.choice(("natural", "natural", "boosted", "paid")),
        )

    def order(self, number: int, buyer: str) -> Iterator[Event]:
        """An order with the touches before it and what became of it."""
        chance = self.chance
        order, at = f"o_{number}", BEGIN + chance.randrange(7 * DAY // SECOND) * SECOND
        product = chance.randrange(PRODUCTS)
        for touch in range(chance.choice((0, 1, 2, 3, 3, 4))):
            yield self.touch(buyer, number * 10 + touch, at, product)
        products = [product, *(chance.randrange(PRODUCTS) for _ in range(chance.choice((0, 0, 0, 1, 2))))]
        lines = [self.line(str(index + 1), one) for index, one in enumerate(products)]
        declared = None
        if chance.random() < 0.03:
            content = chance.randrange(CONTENTS)
            declared = {"content_id": f"v_{content}", "koc_id": f"k_{content % KOCS}", "traffic": "natural"}
        platform, shop = chance.choice(PLATFORMS), f"s_{product % BRANDS}"
        more = {"platform": platform, "shop_id": shop, "declared": declared, "new_customer": number % 10 == 0}
        yield paid(order, at, buyer, lines, **more)
        yield from self.aftermath(order, at, buyer, lines)

    def line(self, line_id: str, product: int) -> Event:
        """One product, with a discount now and then."""
        amount = self.chance.randrange(900, 60_000)
        discount = amount // 10 if self.chance.random() < 0.3 else 0
        return line(
            line_id,
            amount,
            product_id=f"p_{product}",
            sku_id=f"p_{product}_a",
            brand_id=f"br_{product % BRANDS}",
            category_id=f"cat_{product % 9}",
            platform_discount_minor=discount,
        )

    def aftermath(self, order: str, at: int, buyer: str, lines: list[Event]) -> Iterator[Event]:
        """Receipt, completion, refunds, their reversal, cancellation."""
        chance = self.chance
        fate = chance.random()
        if fate < 0.04:
            yield later("cancelled", "cancelled", order, at + 2 * HOUR, buyer, line_ids=None, reason="oversold")
            return
        if fate < 0.75:
            yield later("received", "received", order, at + RECEIVED_AFTER, buyer, line_ids=None)
        if fate < 0.30:
            yield later("completed", "completed", order, at + 4 * DAY, buyer)
        if chance.random() < 0.12:
            one, share = chance.choice(lines), chance.choice((1, 2, 4))
            amount = one["goods_paid_minor"] // share
            refund = [{"line_id": one["line_id"], "refund_minor": amount, "quantity": 0}]
            yield later("refunded", "refund_a", order, at + 3 * DAY, buyer, refund_id="rf_a", lines=refund)
            if chance.random() < 0.15:
                yield later(
                    "refund_reversed", "reversal", order, at + 4 * DAY, buyer, refund_id="rf_a", line_id=one["line_id"]
                )
            elif chance.random() < 0.3:
                rest = [{"line_id": one["line_id"], "refund_minor": one["goods_paid_minor"] - amount, "quantity": 1}]
                yield later("refunded", "refund_b", order, at + 5 * DAY, buyer, refund_id="rf_b", lines=rest)

    def registry(self) -> Iterator[Event]:
        """Plans of all kinds and versions, relations, contents with script fees, and paid traffic."""
        month = BEGIN - 30 * DAY
        for brand in range(BRANDS):
            if f"br_{brand}" == UNPRICED_BRAND:
                continue
            base = "goods_paid" if brand % 2 else "before_platform_discount"
            rate, scope = 80_000 + 10_000 * brand, f"br_{brand}"
            more: Event = {"brand_id": scope, "base": base, **SETTLING_PLANS.get(scope, {})}
            yield plan(f"pl_{brand}", 1, month, rate, **more)
            yield plan(f"pl_{brand}", 2, BEGIN + 3 * DAY, rate + 20_000, paid_traffic_rate_ppm=40_000, **more)
        for brand in range(0, BRANDS - 1, 3):
            kocs = [f"k_{koc}" for koc in range(brand, KOCS, 7)]
            yield plan(f"pl_t{brand}", 1, BEGIN + DAY, 250_000, brand_id=f"br_{brand}", kind="targeted", koc_ids=kocs)
        for koc in range(KOCS):
            if koc % 4:
                parties = {"mcn": f"m_{koc % 8}"} | ({"recruiter": f"r_{koc % 15}"} if koc % 3 else {})
                yield relation(f"k_{koc}", month, parties)
        yield from self.contents(BEGIN - DAY)

    def contents(self, at: int) -> Iterator[Event]:
        """A few contents with script fees, their acceptance, and what was spent on them."""
        for content in range(0, CONTENTS, 12):
            common = {"occurred_at": format_rfc3339(at), "content_id": f"v_{content}"}
            yield {
                **common,
                "event_id": f"reg_{content}",
                "event_type": "content.registered",
                "koc_id": f"k_{content % KOCS}",
                "platform": PLATFORMS[content % len(PLATFORMS)],
                "brand_id": f"br_{content % BRANDS}",
                "script_fee_minor": 30_000 + content * 100,
                "currency": "CNY",
            }
            yield {**common, "event_id": f"fee_{content}", "event_type": "script_fee.accepted"}
            yield {
                **common,
                "event_id": f"spend_{content}",
                "event_type": "spend.reported",
                "spend_id": f"sp_{content}",
                "amount_minor": 10_000,
                "currency": "CNY",
                "paid_by": ("brand", "platform", "koc")[content // 12 % 3],
            }


def shop_week(orders: int, seed: int = 7) -> Week:
    """A week of so many orders (about 5 events each) of a third as many buyers."""
    shop = Shop(seed)
    for number in range(orders):
        shop.week.log += shop.order(number, f"b_{shop.chance.randrange(max(1, orders // 3))}")
    facts = list(first_facts(BEGIN, due_orders(shop.week.log)))
    half = len(facts) // 2
    shop.week.registry = [*facts[:half], *shop.registry(), *facts[half:]]
    return shop.week


def paid_orders(log: Iterable[Event]) -> dict[str, Event]:
    """The order.paid of a log by order."""
    return {event["order_id"]: event for event in log if event["event_type"] == "order.paid"}


def due_orders(log: Iterable[Event]) -> list[str]:
    """Orders that the first run finds due, whole: received in time, and nothing of them came back."""
    log = list(log)
    kinds: dict[str, set[str]] = {}
    for event in log:
        if "order_id" in event:
            kinds.setdefault(event["order_id"], set()).add(event["event_type"])
    whole = {"order.paid", "order.received", "order.completed"}
    return [
        order
        for order, paid_event in paid_orders(log).items()
        if "order.received" in kinds[order] and kinds[order] <= whole and _at(paid_event) < DUE_BEFORE
    ]


LATEST_ARRIVAL = 36 * HOUR
ARRIVE_TWICE_PPM = 100_000


def arrivals(log: list[Event], seed: int) -> list[Event]:
    """The log as it comes in: each event up to LATEST_ARRIVAL late, ARRIVE_TWICE_PPM of them a second time.

    LATEST_ARRIVAL is below the lateness limit of three days, so every order of arrival has the same events accepted.
    """
    chance = random.Random(seed)
    coming = [(_at(event) + chance.randrange(LATEST_ARRIVAL), index, event) for index, event in enumerate(log)]
    for index, event in enumerate(log):
        if chance.randrange(1_000_000) < ARRIVE_TWICE_PPM:
            coming.append((_at(event) + chance.randrange(LATEST_ARRIVAL), len(log) + index, event))
    coming.sort(key=lambda one: one[:2])
    return [event for _, _, event in coming]


def _at(event: Event) -> int:
    return parse_rfc3339(event["occurred_at"])


NEAR_END = BEGIN + 13 * DAY + MINUTE
"""After the last event of the week; what is published to follow it may be dated so."""
