"""Short ways to say touches, orders and facts in tests of attribution's rules."""

from typing import Any, NamedTuple

from services.attribution.domain.buyer import Buyer, Order
from services.attribution.domain.facts import Declaration, Fact, PaidLine, Payment, Touch
from services.attribution.domain.policy import ALWAYS, BRAND, Policy, Rules
from services.kernel.time import DAY, HOUR

NOW = 20_000 * DAY
POLICY = Policy(
    "last_click", "last_click", BRAND, {"click": 15 * DAY, "code": 15 * DAY, "view": DAY}, {"live": 24 * HOUR}
)
RULES = Rules(1, "0" * 64, ((ALWAYS, POLICY),), {})


class Records(NamedTuple):
    """Records [first, next) of one topic, as a store applies them."""

    topic: str
    first: int
    next: int
    records: tuple[Any, ...] = ()


def read_to(store, topic, offset):
    """Have a store read a topic up to an offset, without any effect."""
    with store.applying(Records(topic, store.next_offsets[topic], offset)):
        pass


def touch(event_id="t1", at=NOW - HOUR, kind="click", **other):
    words = {
        "event_id": event_id, "kind": kind, "occurred_at": at, "platform": "douyin", "koc_id": "k_1",
        "content_id": f"v_{event_id}", "content_type": "video", "product_id": "p_1", "shop_id": "s_1",
        "brand_id": "br_1", "campaign_id": None, "traffic": "natural",
    }  # fmt: skip
    return Touch(**{**words, **other})


def line(line_id="1", **other):
    words = {
        "line_id": line_id, "product_id": "p_1", "sku_id": None, "brand_id": "br_1", "category_id": None, "quantity": 1,
        "goods_paid_minor": 1000, "platform_discount_minor": 0, "shop_discount_minor": 0, "tax_minor": 0,
        "shipping_minor": 0,
    }  # fmt: skip
    return PaidLine(**{**words, **other})


def payment(order_id="o_1", at=NOW, declared=None, lines=None, event_id="paid"):
    return Payment(event_id, order_id, at, "douyin", "s_1", "CNY", False, declared, lines or (line(),))


def declared(koc_id="k_9"):
    return Declaration("v_9", koc_id, None, "paid")


def fact(kind, event_id="e1", at=NOW + HOUR, line_ids=None, refund_id="", refunds=()):
    return Fact(kind, event_id, at, line_ids, refund_id, refunds, None)


def order_of(*facts, paid=None):
    return Order(paid or payment(), {f.event_id: f for f in facts}, 1, [])


def buyer_with(touches=(), orders=()):
    return Buyer(dict(enumerate(touches)), {order.payment.order_id: order for order in orders})


def policy(model):
    """The default policy with another model, for all touches alike."""
    return Policy(model, model, BRAND, POLICY.windows, {})


def path(*names, step=HOUR):
    """Touches of these contents, one a step, the last one a step before the payment."""
    return [touch(f"t{i}", NOW - (len(names) - i) * step, content_id=name) for i, name in enumerate(names)]
