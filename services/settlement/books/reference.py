"""Reference data in the database: what stands, as the domain's plans, relations and house settings."""

from sqlalchemy import Connection, RowMapping, select

from services.kernel.time import parse_rfc3339
from services.settlement.books.ports import ReferenceEvent
from services.settlement.books.tables import reference as table
from services.settlement.domain.pricing.reference import PRICING_KINDS, Reference


def refresh(connection: Connection, reference: Reference, revision: int) -> None:
    """Bring reference data from the revision that is known to this one; only what changed is read."""
    changed = (
        select(table.c.position, table.c.kind, table.c.body)
        .where(table.c.revision > reference.revision, table.c.kind.in_(PRICING_KINDS))
        .order_by(table.c.position)
    )
    reference.take(connection.execute(changed).all())
    reference.revision = revision


def stored_event(row: RowMapping) -> ReferenceEvent:
    """A row of the table `reference`."""
    body = row["body"]
    return ReferenceEvent(row["position"], row["kind"], row["identity"], parse_rfc3339(body["occurred_at"]), body)
