"""Rows of a statement by content and by order: at most so many, so that a statement stays a document.

The greatest amounts are listed; what is left of a kind is one row without a name.
"""

from collections.abc import Iterable, Sequence

from services.settlement.domain.statements.facts import ContentShare, OrderReversal, StatementFact

LISTED = 5_000
"""Rows of a list; with all of them a statement has about 500 KB."""


def listed_contents(facts: Iterable[StatementFact], limit: int = LISTED) -> list[ContentShare]:
    """What was settled, by kind and content."""
    found = [fact for fact in facts if isinstance(fact, ContentShare)]
    shown = _greatest(found, limit)
    rest: dict[str, ContentShare] = {}
    for one in found:
        if one not in shown:
            so_far = rest.get(one.kind, ContentShare(one.kind, None, None, 0, 0))
            lines, amount = so_far.lines + one.lines, so_far.amount_minor + one.amount_minor
            rest[one.kind] = so_far._replace(lines=lines, amount_minor=amount)
    return [*(one for one in found if one in shown), *rest.values()]


def listed_reversals(facts: Iterable[StatementFact], limit: int = LISTED) -> list[OrderReversal]:
    """What came back, by kind and order."""
    found = [fact for fact in facts if isinstance(fact, OrderReversal)]
    shown = _greatest(found, limit)
    rest: dict[str, OrderReversal] = {}
    for one in found:
        if one not in shown:
            so_far = rest.get(one.kind, OrderReversal(one.kind, None, 0, 0))
            orders, amount = so_far.orders + one.orders, so_far.amount_minor + one.amount_minor
            rest[one.kind] = so_far._replace(orders=orders, amount_minor=amount)
    return [*(one for one in found if one in shown), *rest.values()]


def _greatest(found: Sequence[ContentShare | OrderReversal], limit: int) -> set[ContentShare | OrderReversal]:
    """Those with the greatest amounts, whatever their sign; of equal ones the first."""
    return set(sorted(found, key=lambda one: -abs(one.amount_minor))[:limit])
