"""Registry events as the domain's own objects. Bodies are the valid JSON objects of the public contract."""

from collections.abc import Mapping
from typing import Any

from services.kernel.time import parse_rfc3339
from services.settlement.domain.pricing.house import DEFAULT_HOUSE, House
from services.settlement.domain.pricing.plans import DEFAULT_ZONE_MINUTES, Plan, Split, Tier
from services.settlement.domain.pricing.relations import Relation
from services.settlement.domain.settling.contents import Content, Spend

PLAN = "plan.published"
RELATION = "relation.set"
HOUSE = "house.set"
CONTENT = "content.registered"
ACCEPTED = "script_fee.accepted"
SPEND = "spend.reported"

Body = Mapping[str, Any]


def plan_of(body: Body) -> Plan:
    """The plan version of a plan.published.

    Tiers and bonus are sums in the plan's currency; a version without one has neither (the contract refuses it now, and
    books may hold one from before).
    """
    in_money = body.get("currency") is not None
    return Plan(
        plan_id=body["plan_id"],
        version=body["version"],
        kind=body["kind"],
        rate_ppm=body["rate_ppm"],
        base=body["base"],
        effective_from=parse_rfc3339(body["effective_from"]),
        effective_to=_time(body.get("effective_to")),
        paid_traffic_rate_ppm=body.get("paid_traffic_rate_ppm"),
        splits=tuple(Split(s["role"], s["of"], s["share_ppm"]) for s in body.get("splits") or ()),
        brand_id=body.get("brand_id"),
        product_ids=_names(body.get("product_ids")),
        category_ids=_names(body.get("category_ids")),
        koc_ids=_names(body.get("koc_ids")),
        campaign_id=body.get("campaign_id"),
        platforms=_names(body.get("platforms")),
        currency=body.get("currency"),
        return_window_days=body.get("return_window_days"),
        tiers=tuple(Tier(t["from_minor"], t["rate_ppm"]) for t in (body.get("tiers") or ()) if in_money),
        bonus_minor=(body.get("new_customer_bonus_minor") or 0) if in_money else 0,
        zone_minutes=_given(body, "zone_minutes", DEFAULT_ZONE_MINUTES),
        auto_receive_days=body.get("auto_receive_days"),
    )


def relation_of(body: Body) -> Relation:
    """The relation of a relation.set."""
    parties = {role: party for role, party in (body.get("parties") or {}).items() if party is not None}
    since, until = parse_rfc3339(body["effective_from"]), _time(body.get("effective_to"))
    return Relation(body["koc_id"], parties, since, until)


def house_of(body: Body) -> House:
    """Our settings of a house.set; a field that it leaves out has its default, whatever was set before."""
    return House(
        effective_from=parse_rfc3339(body["effective_from"]),
        vat_ppm=_given(body, "vat_ppm", DEFAULT_HOUSE.vat_ppm),
        netting_share_ppm=_given(body, "netting_share_ppm", DEFAULT_HOUSE.netting_share_ppm),
        reserve_ppm=_given(body, "reserve_ppm", DEFAULT_HOUSE.reserve_ppm),
        reserve_days=_given(body, "reserve_days", DEFAULT_HOUSE.reserve_days),
        payout_minimum_minor=_given(body, "payout_minimum_minor", DEFAULT_HOUSE.payout_minimum_minor),
        return_window_days=_given(body, "return_window_days", DEFAULT_HOUSE.return_window_days),
    )


def content_of(body: Body) -> Content:
    """The content of a content.registered."""
    return Content(
        content_id=body["content_id"],
        koc_id=body["koc_id"],
        platform=body["platform"],
        brand_id=body.get("brand_id"),
        script_fee_minor=body.get("script_fee_minor") or 0,
        currency=body.get("currency"),
    )


def spend_of(body: Body) -> Spend:
    """The spend of a spend.reported."""
    paid_by = body.get("paid_by") or "brand"
    return Spend(body["spend_id"], body["content_id"], body["amount_minor"], body["currency"], paid_by)


def _given(body: Body, field: str, default: Any) -> Any:
    """What a field says; null and absent are its default."""
    value = body.get(field)
    return default if value is None else value


def _time(text: str | None) -> int | None:
    return None if text is None else parse_rfc3339(text)


def _names(names: list[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)
