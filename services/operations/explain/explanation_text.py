"""An explained order as text for a person."""

from collections.abc import Iterator

from services.kernel.money import MILLION
from services.kernel.time import format_rfc3339
from services.operations.explain.explain import CreditExplanation, LineExplanation, OrderExplanation
from services.operations.explain.refunds import RefundExplanation
from services.operations.explain.remarks import money
from services.operations.explain.settling_text import settling_text
from services.operations.explain.sources import ConsideredTouch, ExplainableAssertion, OrderLogRecord
from services.operations.explain.verdicts import verdict_sentence
from services.settlement.books.journal_entry import JournalEntry
from services.settlement.domain.book.currencies import decimal_text
from services.settlement.domain.pricing.price import SplitShare
from services.settlement.domain.pricing.relations import fills


def order_text(explanation: OrderExplanation) -> Iterator[str]:
    """Lines of text; amounts in the currency's decimals, debit positive in entries."""
    yield f"order {explanation.order_id}"
    for remark in explanation.remarks:
        yield f"  ! {remark}"
    for one in explanation.lines:
        yield ""
        yield from _line_text(one)
    if explanation.refused:
        yield ""
        yield "refused events of the order:"
    for record in explanation.refused:
        yield f"  {_refused_text(record)}"


def _refused_text(record: OrderLogRecord) -> str:
    what = " ".join(filter(None, (record.event_type, record.event_id))) or "an event"
    return f"{what} at {record.position}: {record.refusal}"


def _line_text(one: LineExplanation) -> Iterator[str]:
    """One line: what it is, what is unusual, refunds, touches, credits, entries."""
    told, line = one.told, one.line
    # what it is
    paid, refunded = (money(amount, told) for amount in (told.goods_paid_minor, told.refunded_minor))
    yield f"line {told.line_id} · product {told.product_id} · brand {told.brand_id} · buyer {told.buyer_id}"
    yield f"  status {told.status} · paid {format_rfc3339(told.paid_at)}: {paid} · refunded: {refunded}"
    for remark in one.remarks:
        yield f"  ! {remark}"
    if one.refunds:
        yield "  refunds:"
    for refund in one.refunds or ():
        yield f"    {_refund_text(refund, told)}"
    # who could be credited, and who is
    rule = f"policy {told.policy}, rules revision {told.version.rules}"
    yield f"  considered, by the {rule}:" if told.considered else "  no touch was considered"
    for touch in told.considered:
        yield f"    {_touch_text(touch)}"
    if not told.credits:
        yield "  nobody is credited"
    for credit in one.credits:
        yield from _credit_text(credit, one)
    if line.unpriced is not None:
        yield f"  ! unpriced ({line.unpriced}): {money(line.unpriced_minor, told)} of its base waits for a plan"
    # how far it is from its money, and what is booked
    yield from settling_text(one.settling, told)
    yield "  entries:" if one.entries else "  no entry was booked"
    for booked in one.entries:
        yield from _entry_text(booked)


def _refund_text(one: RefundExplanation, told: ExplainableAssertion) -> str:
    refund = one.refund
    amount = money(refund.refund_minor, told)
    return f"{refund.refund_id}  {format_rfc3339(refund.occurred_at)}  {amount}  ({refund.event_id}): {one.why}"


def _touch_text(touch: ConsideredTouch) -> str:
    what = "declared by the platform"
    if touch.touched_at is not None:
        what = f"{touch.touch_id}  {format_rfc3339(touch.touched_at)}"
    why = verdict_sentence(touch.verdict)
    return f"{touch.verdict:16} {what}  content {touch.content_id} of {touch.koc_id}: {why}"


def _credit_text(credited: CreditExplanation, one: LineExplanation) -> Iterator[str]:
    """One credit: its plan, its commission, its splits and what each role keeps."""
    credit, plan, told = credited.credit, credited.terms.plan, one.told
    campaign = f", campaign {credit.campaign_id}" if credit.campaign_id else ""
    share = f"{percent(credit.weight_ppm)} to {credit.koc_id}, content {credit.content_id}"
    yield f"  credit {share} ({credit.traffic}{campaign})"
    # without a base or a plan there is no commission to divide
    if one.nothing_because is not None:
        yield f"    earns {money(0, told)}: {one.nothing_because}"
        return
    if plan is None:
        yield f"    no plan prices it: {money(credited.base_minor, told)} of base is unpriced"
        return
    commission = money(credited.commission_minor, told)
    yield f"    plan {plan.plan_id} version {plan.version} ({plan.kind}): {_how_much(credited, told)} = {commission}"
    for taken in credited.taken:
        yield f"    {_taken_text(taken, told)}"
    for role, amount in credited.keeps.items():
        party = fills(role, credit.koc_id, credited.terms.parties)
        yield f"    -> {role if party in (None, role) else f'{role} {party}'} has {money(amount, told)}"


def _how_much(credited: CreditExplanation, told: ExplainableAssertion) -> str:
    """What makes a credit's commission: its rate, or what a run granted for good, and the bonus."""
    terms, base = credited.terms, f"{money(credited.base_minor, told)} ({credited.base_kind})"
    grant = terms.grant
    how = f"{percent(terms.rate_ppm)} of {base}"
    if grant is not None:
        granted = f"{money(grant.commission_minor, told)} on {money(grant.base_minor, told)}"
        how = f"granted by a run {granted}, for {base} that remains"
        if grant.num < grant.den:
            left, wanted = money(grant.num, told), money(grant.den, told)
            how += f", cut because its campaign's budget had {left} left of the {wanted} that it needed"
    bonus = (
        f" + {money(terms.bonus_minor, told)} for a new customer" if terms.bonus_minor and credited.base_minor else ""
    )
    return how + bonus


def _taken_text(taken: SplitShare, told: ExplainableAssertion) -> str:
    what = f"{percent(taken.share_ppm)} of {taken.of} {money(taken.whole_minor, told)}"
    if taken.party is None:
        return f"{taken.role}: nobody fills this role, so it takes nothing ({what})"
    return f"{taken.role}: {what} = {money(taken.amount_minor, told)}"


def _entry_text(booked: JournalEntry) -> Iterator[str]:
    entry = booked.entry
    what = f"{booked.entry_id}  {entry.kind.text}  {format_rfc3339(entry.effective_at)}"
    yield f"    {what}  period {entry.period}  ({entry.cause})"
    for account, amount in entry.legs.items():
        yield f"      {decimal_text(amount, entry.currency):>14} {entry.currency}  {account}"


def percent(ppm: int) -> str:
    """Exact, without trailing zeros: 125000 is 12.5 %."""
    whole, fraction = divmod(ppm, MILLION // 100)
    digits = f"{fraction:04d}".rstrip("0")
    return f"{whole}.{digits} %" if digits else f"{whole} %"
