"""Registry events as the domain's own objects. Bodies are the valid JSON objects of the public contract."""

from collections.abc import Mapping
from typing import Any

from services.kernel.time import parse_rfc3339
from services.settlement.domain.pricing.plans import Plan, Split
from services.settlement.domain.pricing.relations import Relation
from services.settlement.domain.settling.contents import Content, Spend

PLAN = "plan.published"
RELATION = "relation.set"
CONTENT = "content.registered"
ACCEPTED = "script_fee.accepted"
SPEND = "spend.reported"

Body = Mapping[str, Any]


def plan_of(body: Body) -> Plan:
    """The plan version of a plan.published."""
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
    )


def relation_of(body: Body) -> Relation:
    """The relation of a relation.set."""
    parties = {role: party for role, party in (body.get("parties") or {}).items() if party is not None}
    since, until = parse_rfc3339(body["effective_from"]), _time(body.get("effective_to"))
    return Relation(body["koc_id"], parties, since, until)


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


def _time(text: str | None) -> int | None:
    return None if text is None else parse_rfc3339(text)


def _names(names: list[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)
