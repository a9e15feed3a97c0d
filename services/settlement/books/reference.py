"""Reference data in the database: what stands, as the domain's plans and relations."""

from sqlalchemy import Connection, select

from services.settlement.books.tables import reference as table
from services.settlement.domain.pricing.facts import PLAN, RELATION, plan_of, relation_of
from services.settlement.domain.pricing.price import Reference


def refresh(connection: Connection, reference: Reference, revision: int) -> None:
    """Bring plans and relations from the revision that is known to this one; only what changed is read."""
    changed = (
        select(table.c.kind, table.c.body)
        .where(table.c.revision > reference.revision, table.c.kind.in_((PLAN, RELATION)))
        .order_by(table.c.position)
    )
    rows = connection.execute(changed).all()
    reference.plans.put(plan_of(body) for kind, body in rows if kind == PLAN)
    reference.relations.put(relation_of(body) for kind, body in rows if kind == RELATION)
    reference.revision = revision
