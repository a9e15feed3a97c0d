"""Reference data in the database: what stands, as the domain's plans, relations and house settings."""

from sqlalchemy import Connection, select

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
