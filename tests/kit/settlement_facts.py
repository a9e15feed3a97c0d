"""Assertions, plans and relations for tests of the books: everything has a default, a test names what it is about."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

from services.kernel.time import format_rfc3339, parse_rfc3339
from services.settlement.domain.pricing.plans import Plan, Split
from services.settlement.domain.pricing.reference import Reference
from services.settlement.domain.pricing.relations import Relation

PAID_AT = parse_rfc3339("2026-11-01T09:00:00Z")
DAY = 86_400_000_000
SPLITS = (
    Split("platform", "commission", 100_000),
    Split("mcn", "koc", 200_000),
    Split("recruiter", "koc", 125_000),
)


@dataclass(frozen=True)
class FactCredit:
    content_id: str = "v_93"
    koc_id: str = "k_7"
    campaign_id: str | None = "c_1111"
    traffic: str = "natural"
    touch_id: str = "clk_01"
    touched_at: int = PAID_AT - DAY
    weight_ppm: int = 1_000_000


@dataclass(frozen=True)
class FactStep:
    event_id: str = "o1_paid"
    at: int = PAID_AT
    refunded_minor: int = 0
    cancelled: bool = False


@dataclass(frozen=True)
class FactVersion:
    log: int = 0
    rules: int = 1
    touch: int = 1
    order: int = 1


@dataclass(frozen=True)
class Fact:
    """A credit assertion as the domain sees it; `wire()` is what attribution publishes of it."""

    order_id: str = "o_1"
    line_id: str = "1"
    buyer_id: str = "b_1"
    platform: str = "douyin"
    shop_id: str = "s_1"
    brand_id: str = "br_2"
    product_id: str = "p_5"
    sku_id: str | None = "p_5_red"
    category_id: str | None = "cat_1"
    currency: str = "CNY"
    quantity: int = 1
    new_customer: bool = False
    goods_paid_minor: int = 20_000
    platform_discount_minor: int = 0
    shop_discount_minor: int = 0
    refunded_minor: int = 0
    status: str = "paid"
    paid_at: int = PAID_AT
    received_at: int | None = None
    completed_at: int | None = None
    as_of: int = PAID_AT
    steps: tuple[FactStep, ...] = (FactStep(),)
    policy: str = "last_click"
    credits: tuple[FactCredit, ...] = (FactCredit(),)
    considered: tuple[dict[str, Any], ...] = ()
    version: FactVersion = field(default_factory=FactVersion)
    source_partition: int = 3

    def but(self, **changes: Any) -> "Fact":
        return replace(self, **changes)

    def refunded(self, amount: int, *, event_id: str = "o1_ref", at: int = PAID_AT + 4 * DAY) -> "Fact":
        """The same line after one more refund, with a greater vector."""
        step = FactStep(event_id, at, self.refunded_minor + amount)
        version = replace(self.version, order=self.version.order + 1)
        return self.but(refunded_minor=step.refunded_minor, steps=(*self.steps, step), as_of=at, version=version)

    def wire(self) -> bytes:
        body: dict[str, Any] = {**vars(self), "version": vars(self.version)}  # asdict takes four times as long
        for at in ("paid_at", "received_at", "completed_at", "as_of"):
            body[at] = None if body[at] is None else format_rfc3339(body[at])
        body["steps"] = [{**vars(step), "at": format_rfc3339(step.at)} for step in self.steps]
        body["credits"] = [{**vars(one), "touched_at": format_rfc3339(one.touched_at)} for one in self.credits]
        return json.dumps(body, separators=(",", ":")).encode()


def plan(plan_id: str = "pl_1", **changes: Any) -> Plan:
    values: dict[str, Any] = {
        "version": 1, "kind": "open", "rate_ppm": 200_000, "base": "goods_paid", "effective_from": PAID_AT - 30 * DAY,
        "splits": SPLITS, "brand_id": "br_2",
    }  # fmt: skip
    return Plan(plan_id, **{**values, **changes})


def reference(*facts: Plan | Relation) -> Reference:
    known = Reference()
    known.plans.put(fact for fact in facts if isinstance(fact, Plan))
    known.relations.put(fact for fact in facts if isinstance(fact, Relation))
    known.revision = 1
    return known


BOTH = Relation("k_7", {"mcn": "m_1", "recruiter": "r_1"}, PAID_AT - 30 * DAY)


def usual(**changes: Any) -> Reference:
    """The page's worked example, or a change of its plan: 20 %, platform 10 %, agency 20 %, recruiter 12.5 %."""
    return reference(plan(**changes), BOTH)
