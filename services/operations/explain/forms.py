"""An explained order as text for a person and as JSON for a program."""

from collections.abc import Iterator
from typing import Any

from services.kernel.money import MILLION
from services.kernel.time import format_rfc3339
from services.operations.explain.explain import Booked, CreditExplained, Explained, LineExplained, verdict_sentence
from services.settlement.domain.book.currencies import decimal_text
from services.settlement.domain.book.positions import Position
from services.settlement.domain.pricing.price import SplitShare
from services.settlement.domain.pricing.relations import fills


def as_text(explained: Explained) -> Iterator[str]:
    """Lines of text; amounts in the currency's decimals, debit positive in entries."""
    yield f"order {explained.order_id}"
    for one in explained.lines:
        yield from _line_text(one)


def _line_text(one: LineExplained) -> Iterator[str]:
    told, line = one.told, one.line
    paid, refunded = (money(amount, one) for amount in (told.goods_paid_minor, told.refunded_minor))
    yield ""
    yield f"line {told.line_id} · product {told.product_id} · brand {told.brand_id} · buyer {told.buyer_id}"
    yield f"  status {told.status} · paid {format_rfc3339(told.paid_at)}: {paid} · refunded: {refunded}"
    for remark in one.remarks:
        yield f"  ! {remark}"
    rule = f"policy {told.policy}, rules revision {told.version.rules}"
    yield f"  considered, by the {rule}:" if told.considered else "  no touch was considered"
    for touch in told.considered:
        what = "declared by the platform"
        if touch.touched_at is not None:
            what = f"{touch.touch_id}  {format_rfc3339(touch.touched_at)}"
        why = verdict_sentence(touch.verdict)
        yield f"    {touch.verdict:16} {what}  content {touch.content_id} of {touch.koc_id}: {why}"
    if not told.credits:
        yield "  nobody is credited"
    for credit in one.credits:
        yield from _credit_text(credit, one)
    if line.unpriced is not None:
        yield f"  ! unpriced ({line.unpriced}): {money(line.unpriced_minor, one)} of its base waits for a plan"
    yield "  entries:" if one.entries else "  no entry was booked"
    for booked in one.entries:
        yield from _entry_text(booked)


def _credit_text(credited: CreditExplained, one: LineExplained) -> Iterator[str]:
    credit, plan = credited.credit, credited.terms.plan
    campaign = f", campaign {credit.campaign_id}" if credit.campaign_id else ""
    yield (
        f"  credit {percent(credit.weight_ppm)} to {credit.koc_id}, content {credit.content_id} "
        f"({credit.traffic}{campaign})"
    )
    if plan is None:
        yield f"    no plan prices it: {money(credited.base_minor, one)} of base is unpriced"
        return
    commission, base = money(credited.commission_minor, one), money(credited.base_minor, one)
    yield (
        f"    plan {plan.plan_id} version {plan.version} ({plan.kind}): {percent(credited.terms.rate_ppm)} of "
        f"{base} ({credited.base_kind}) = {commission}"
    )
    for taken in credited.taken:
        yield f"    {_taken_text(taken, one)}"
    for role, amount in credited.keeps.items():
        party = fills(role, credit.koc_id, credited.terms.parties)
        yield f"    -> {role if party in (None, role) else f'{role} {party}'} has {money(amount, one)}"


def _taken_text(taken: SplitShare, one: LineExplained) -> str:
    what = f"{percent(taken.share_ppm)} of {taken.of} {money(taken.whole_minor, one)}"
    if taken.party is None:
        return f"{taken.role}: nobody fills this role, so it takes nothing ({what})"
    return f"{taken.role}: {what} = {money(taken.amount_minor, one)}"


def _entry_text(booked: Booked) -> Iterator[str]:
    entry = booked.entry
    yield f"    {booked.entry_id}  {entry.kind.text}  {format_rfc3339(entry.effective_at)}  ({entry.cause})"
    for account, amount in entry.legs:
        yield f"      {decimal_text(amount, entry.currency):>14} {entry.currency}  {account}"


def money(amount_minor: int, one: LineExplained) -> str:
    """In the currency's decimals, with its code."""
    return f"{decimal_text(amount_minor, one.told.currency)} {one.told.currency}"


def percent(ppm: int) -> str:
    """Exact, without trailing zeros: 125000 is 12.5 %."""
    whole, fraction = divmod(ppm, MILLION // 100)
    digits = f"{fraction:04d}".rstrip("0")
    return f"{whole}.{digits} %" if digits else f"{whole} %"


def as_json(explained: Explained) -> dict[str, Any]:
    """A JSON object; amounts in minor units, times in RFC 3339, positions with debits positive."""
    return {"order_id": explained.order_id, "lines": [_line_json(one) for one in explained.lines]}


def _line_json(one: LineExplained) -> dict[str, Any]:
    told, line = one.told, one.line
    return {
        "line_id": told.line_id,
        "buyer_id": told.buyer_id,
        "brand_id": told.brand_id,
        "product_id": told.product_id,
        "currency": told.currency,
        "status": told.status,
        "paid_at": format_rfc3339(told.paid_at),
        "goods_paid_minor": told.goods_paid_minor,
        "refunded_minor": told.refunded_minor,
        "standing": line.standing,
        "remarks": one.remarks,
        "policy": told.policy,
        "rules": told.version.rules,
        "considered": [
            {
                "touch_id": touch.touch_id,
                "content_id": touch.content_id,
                "koc_id": touch.koc_id,
                "touched_at": None if touch.touched_at is None else format_rfc3339(touch.touched_at),
                "verdict": touch.verdict,
                "why": verdict_sentence(touch.verdict),
            }
            for touch in told.considered
        ],
        "credits": [_credit_json(credit) for credit in one.credits],
        "unpriced": line.unpriced,
        "unpriced_minor": line.unpriced_minor,
        "target": _position_json(one.target),
        "booked": _position_json(line.booked),
        "entries": [_entry_json(booked) for booked in one.entries],
    }


def _credit_json(credited: CreditExplained) -> dict[str, Any]:
    credit, plan = credited.credit, credited.terms.plan
    return {
        "koc_id": credit.koc_id,
        "content_id": credit.content_id,
        "campaign_id": credit.campaign_id,
        "traffic": credit.traffic,
        "weight_ppm": credit.weight_ppm,
        "plan_id": plan.plan_id if plan else None,
        "plan_version": plan.version if plan else None,
        "rate_ppm": credited.terms.rate_ppm if plan else None,
        "base": credited.base_kind,
        "base_minor": credited.base_minor,
        "commission_minor": credited.commission_minor if plan else None,
        "splits": [taken._asdict() for taken in credited.taken],
        "keeps": [
            {"role": role, "party": fills(role, credit.koc_id, credited.terms.parties), "amount_minor": amount}
            for role, amount in credited.keeps.items()
        ]
        if plan
        else [],
    }


def _entry_json(booked: Booked) -> dict[str, Any]:
    entry = booked.entry
    return {
        "entry_id": booked.entry_id,
        "kind": entry.kind.text,
        "effective_at": format_rfc3339(entry.effective_at),
        "period": entry.period,
        "cause": entry.cause,
        "legs": [leg._asdict() for leg in entry.legs],
    }


def _position_json(position: Position) -> list[dict[str, Any]]:
    return [{"account": account, "amount_minor": amount} for account, amount in sorted(position.items())]
