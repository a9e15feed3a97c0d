"""Take a batch of registry events: what stands now, what it moves by itself, and which lines to price again.

One transaction a batch. Of one identity the newest offset stands. Script fees and spend are booked under writer N to
a target per content, so their facts may come in any order; plans and relations leave one reprice job.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from services.kernel.time import format_rfc3339
from services.settlement.books.entry_builder import EntryBuilder, PostingCounts
from services.settlement.books.ports import (
    ContentPosition,
    LineChange,
    PostedEntry,
    ReferenceEvent,
    RegistryTransaction,
    RepriceJob,
)
from services.settlement.domain.book.drafts import ONLY, EntryDraft
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.book.positions import Position, difference
from services.settlement.domain.pricing.facts import (
    ACCEPTED,
    CONTENT,
    PLAN,
    RELATION,
    SPEND,
    content_of,
    plan_of,
    relation_of,
    spend_of,
)
from services.settlement.domain.pricing.reference import Reference
from services.settlement.domain.pricing.scopes import scope_of
from services.settlement.domain.settling.contents import (
    SCRIPT_FEE_POSITION,
    SPEND_POSITION,
    Content,
    script_fee_worth,
    spend_target,
)
from services.settlement.domain.settling.place import place
from services.settlement.posting.post_credits import Fenced


class _Target(NamedTuple):
    """What a content's fee or spend should stand at, since when, and by which event."""

    currency: str | None
    position: Position
    effective_at: int
    event: ReferenceEvent


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
        entries = _book_contents(transaction, newest, builder, writer)
    transaction.write([LineChange(entries)], [], writers, moment.now)
    transaction.save_registry(end, reference.revision + (1 if newest else 0))
    return counts


def _job(first: int, newest: Sequence[ReferenceEvent], reference: Reference) -> RepriceJob | None:
    """The job that prices again what the batch's plans and relations can change; None where it has none."""
    pricing = [event for event in newest if event.kind in (PLAN, RELATION)]
    plans = [plan_of(event.body) for event in pricing if event.kind == PLAN]
    relations = [relation_of(event.body) for event in pricing if event.kind == RELATION]
    displaced = [reference.relations.get(relation.koc_id, relation.effective_from) for relation in relations]
    scope = scope_of(
        [[plan, *reference.plans.versions(plan.plan_id)] for plan in plans],
        [*relations, *(relation for relation in displaced if relation)],
    )
    if scope is None:
        return None
    last = max(pricing, key=lambda event: event.occurred_at)
    others = f" and {len(pricing) - 1} more" if len(pricing) > 1 else ""
    return RepriceJob(first, scope, f"{_name(last)}{others}", last.occurred_at)


def _name(event: ReferenceEvent) -> str:
    """A plan version or a relation as a cause names it; its stored identity holds microseconds."""
    if event.kind == PLAN:
        plan = plan_of(event.body)
        return f"{event.kind} {plan.plan_id} version {plan.version}"
    relation = relation_of(event.body)
    return f"{event.kind} {relation.koc_id} from {format_rfc3339(relation.effective_from)}"


def _book_contents(
    transaction: RegistryTransaction, newest: Sequence[ReferenceEvent], builder: EntryBuilder, writer: int
) -> list[PostedEntry]:
    """Bring script fees and spend of the batch's contents to their targets."""
    fees = {event.identity: event for event in newest if event.kind in (CONTENT, ACCEPTED)}
    registered = {event.identity: event for event in newest if event.kind == CONTENT}
    spends = {event.identity: event for event in transaction.read_spends(list(registered))}
    spends |= {event.identity: event for event in newest if event.kind == SPEND}
    if not fees and not spends:
        return []
    content_ids = {*fees, *(str(event.body["content_id"]) for event in spends.values())}
    contents = {key: content_of(e.body) for key, e in transaction.read_facts(CONTENT, content_ids).items()}
    accepted = transaction.read_facts(ACCEPTED, list(fees))
    fee_targets = {key: _fee(event, contents.get(key), accepted.get(key)) for key, event in fees.items()}
    spend_targets = {
        key: _spend(event, contents, registered.get(str(event.body["content_id"]))) for key, event in spends.items()
    }
    return [
        *_book(transaction, SCRIPT_FEE_POSITION, Kind.SCRIPT_FEE_ACCRUED, fee_targets, builder, writer),
        *_book(transaction, SPEND_POSITION, Kind.SPEND_CONSUMED, spend_targets, builder, writer),
    ]


def _fee(event: ReferenceEvent, content: Content | None, accepted: ReferenceEvent | None) -> _Target:
    worth = script_fee_worth(content, accepted=accepted is not None, cancelled=False)
    target = place({}, worth.owed, worth.brand_id, 0) if worth else {}
    since = max(event.occurred_at, accepted.occurred_at) if accepted else event.occurred_at
    return _Target(content.currency if content else None, target, since, event)


def _spend(spent: ReferenceEvent, contents: dict[str, Content], registered: ReferenceEvent | None) -> _Target:
    spend = spend_of(spent.body)
    event = max((e for e in (spent, registered) if e), key=lambda e: e.position)
    since = max(spent.occurred_at, event.occurred_at)
    return _Target(spend.currency, spend_target(spend, contents.get(spend.content_id)), since, event)


def _book(
    transaction: RegistryTransaction,
    kind: str,
    entry_kind: Kind,
    targets: dict[str, _Target],
    builder: EntryBuilder,
    writer: int,
) -> list[PostedEntry]:
    """One entry per content or spend and currency whose booked position is not its target."""
    booked = transaction.read_positions(kind, list(targets))
    moved: dict[tuple[str, str], ContentPosition] = {}
    entries: list[PostedEntry] = []
    for identity, target in targets.items():
        known = {of: position for (name, of), position in booked.items() if name == identity}
        for of, goal in _goals(known, target):
            position = known.get(of, ContentPosition({}, {}))
            legs = difference(goal, position.booked)
            if not legs:
                continue
            cause = f"{target.event.kind} {target.event.identity}"
            row = EntryDraft(entry_kind, ONLY, cause, target.effective_at, legs)
            idem = f"registry|{target.event.position}|{kind}|{identity}|{of}"
            entries += builder.build(writer, idem, [row], of)
            moved[identity, of] = position._replace(booked=goal)
    transaction.put_positions(kind, moved)
    return entries


def _goals(known: Iterable[str], target: _Target) -> Iterable[tuple[str, Position]]:
    """What should be booked by currency; what is booked in another one than the target's is taken back first."""
    yield from ((currency, {}) for currency in known if currency != target.currency)
    if target.currency is not None:
        yield target.currency, target.position
