"""Take a batch of registry events: what stands now, what it moves by itself, and which lines to price again.

One transaction a batch. Of one identity the newest offset stands. Script fees and spend are booked under writer N to
a target per content, so their facts may come in any order; plans and relations leave one reprice job.
"""

from collections.abc import Sequence

from services.kernel.time import format_rfc3339
from services.settlement.books.entry_builder import EntryBuilder, PostingCounts
from services.settlement.books.ports import LineChange, PostedEntry, ReferenceEvent, RegistryTransaction, RepriceJob
from services.settlement.domain.pricing.facts import HOUSE, PLAN, RELATION, house_of, plan_of, relation_of
from services.settlement.domain.pricing.reference import PRICING_KINDS, Reference
from services.settlement.domain.pricing.scopes import scope_of
from services.settlement.domain.settling.facts import DISPUTE_DECIDED, dispute_of
from services.settlement.posting.book_contents import book_contents
from services.settlement.posting.post_credits import Fenced


def take_registry(
    transaction: RegistryTransaction,
    bounds: tuple[int, int],
    events: Sequence[ReferenceEvent],
    reference: Reference,
    writer: int,
    zone_minutes: int,
) -> PostingCounts:
    """Take valid events within a transaction that the caller commits; refused ones are already dead letters.

    Args:
        transaction: open, nothing done in it yet.
        bounds: the batch's first offset and the fetch position after it.
        events: in offset order.
        reference: plans and relations as last seen; brought up to date, but not with this batch.
        writer: number of writer N.
        zone_minutes: the settlement time zone, minutes east of UTC.

    Raises:
        Fenced: another owner has moved on; roll back and seek (partition 0 is the registry's).
    """
    first, end = bounds
    if (at := transaction.lock_registry()) != first:
        raise Fenced({0: at})
    writers = transaction.lock_writers({writer})
    moment = transaction.moment(reference)
    newest = list({(event.kind, event.identity): event for event in events}.values())
    counts = PostingCounts()
    builder = EntryBuilder(writers, moment, zone_minutes, counts)
    entries: list[PostedEntry] = []
    if newest:
        if job := _job(first, newest, reference):
            transaction.add_job(job)
        transaction.put_facts(events, reference.revision + 1)
        entries = book_contents(transaction, newest, builder, writer)
    transaction.write([LineChange(entries)], [], writers, moment.now)
    transaction.save_registry(end, reference.revision + (1 if newest else 0))
    return counts


def _job(first: int, newest: Sequence[ReferenceEvent], reference: Reference) -> RepriceJob | None:
    """The job that prices again what the batch's events can change; None where they change no line."""
    pricing = [event for event in newest if event.kind in PRICING_KINDS]
    plans = [plan_of(event.body) for event in pricing if event.kind == PLAN]
    relations = [relation_of(event.body) for event in pricing if event.kind == RELATION]
    displaced = [reference.relations.get(relation.koc_id, relation.effective_from) for relation in relations]
    scope = scope_of(
        [[plan, *reference.plans.versions(plan.plan_id)] for plan in plans],
        [*relations, *(relation for relation in displaced if relation)],
        [house_of(event.body) for event in pricing if event.kind == HOUSE],
        _disputed(pricing, reference),
    )
    if scope is None:
        return None
    last = max(pricing, key=lambda event: event.occurred_at)
    others = f" and {len(pricing) - 1} more" if len(pricing) > 1 else ""
    return RepriceJob(first, scope, f"{_name(last)}{others}", last.occurred_at)


def _disputed(pricing: Sequence[ReferenceEvent], reference: Reference) -> list[str]:
    """The orders of decided disputes, those among them whose decision another one takes the place of."""
    decided = [dispute_of(event.body) for event in pricing if event.kind == DISPUTE_DECIDED]
    before = [reference.decision(dispute.dispute_id) for dispute in decided]
    return [dispute.order_id for dispute in (*decided, *before) if dispute is not None]


def _name(event: ReferenceEvent) -> str:
    """An event as a cause names it; some stored identities hold microseconds."""
    if event.kind == PLAN:
        plan = plan_of(event.body)
        return f"{event.kind} {plan.plan_id} version {plan.version}"
    if event.kind == RELATION:
        relation = relation_of(event.body)
        return f"{event.kind} {relation.koc_id} from {format_rfc3339(relation.effective_from)}"
    if event.kind == HOUSE:
        return f"{event.kind} from {format_rfc3339(house_of(event.body).effective_from)}"
    return f"{event.kind} {event.identity}"
