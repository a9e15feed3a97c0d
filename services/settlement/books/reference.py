"""Reference data in the database, every version of it, as the domain's plans, relations, house settings and denials."""

from collections.abc import Iterable

from sqlalchemy import Connection, RowMapping, select

from services.kernel.time import parse_rfc3339
from services.settlement.books.ports import ReferenceEvent
from services.settlement.books.tables import reference as table
from services.settlement.domain.pricing.facts import HOUSE, PLAN, RELATION, house_of, plan_of, relation_of
from services.settlement.domain.pricing.reference import PricingFact, Reference
from services.settlement.domain.settling.facts import DISPUTE_DECIDED, denials

PRICING = (PLAN, RELATION, HOUSE)


def refresh(connection: Connection, reference: Reference, revision: int) -> None:
    """Bring reference data from the revision that is known to this one; only what changed is read."""
    changed = (
        select(table)
        .where(table.c.revision > reference.revision, table.c.kind.in_((*PRICING, DISPUTE_DECIDED)))
        .order_by(table.c.position)
    )
    events = [stored_event(row) for row in connection.execute(changed).mappings()]
    learn(reference, events)
    if any(event.kind == DISPUTE_DECIDED for event in events):
        decided = connection.execute(select(table).where(table.c.kind == DISPUTE_DECIDED)).mappings()
        deny(reference, map(stored_event, decided))
    reference.revision = revision


def learn(reference: Reference, events: Iterable[ReferenceEvent]) -> None:
    """Take in plans, relations and house settings in the order of their offsets; other kinds are left out."""
    reference.learn([(event.position, pricing_fact(event)) for event in events if event.kind in PRICING])


def deny(reference: Reference, events: Iterable[ReferenceEvent]) -> None:
    """Set which disputes are lost, by all decisions that there ever were."""
    reference.denied = frozenset((dispute.order_id, dispute.line_id) for dispute in denials(events))


def pricing_fact(event: ReferenceEvent) -> PricingFact:
    """The domain's object of an event that prices depend on."""
    if event.kind == PLAN:
        return plan_of(event.body)
    return relation_of(event.body) if event.kind == RELATION else house_of(event.body)


def stored_event(row: RowMapping) -> ReferenceEvent:
    """A row of the table `reference`."""
    body = row["body"]
    return ReferenceEvent(row["position"], row["kind"], row["identity"], parse_rfc3339(body["occurred_at"]), body)
