"""Reference data in the database: what stands, as the domain's plans and relations."""

from sqlalchemy import Connection, select

from services.settlement.books.tables import reference as table
from services.settlement.domain.pricing.facts import PLAN, RELATION, plan_of, relation_of
from services.settlement.domain.pricing.reference import Reference


def refresh(connection: Connection, reference: Reference, revision: int) -> None:
    """Bring plans and relations from the revision that is known to this one; only what changed is read."""
    changed = (
        select(table.c.position, table.c.kind, table.c.body)
        .where(table.c.revision > reference.revision, table.c.kind.in_((PLAN, RELATION)))
        .order_by(table.c.position)
    )
    rows = connection.execute(changed).all()
    reference.learn([(position, plan_of(body) if kind == PLAN else relation_of(body)) for position, kind, body in rows])
    reference.revision = revision
