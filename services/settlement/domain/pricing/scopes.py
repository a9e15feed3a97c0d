"""Which lines reference data can change: the scope of a reprice job, over-wide at worst, never too narrow."""

from collections.abc import Iterable
from typing import NamedTuple

from services.settlement.domain.pricing.house import House
from services.settlement.domain.pricing.plans import Plan
from services.settlement.domain.pricing.relations import Relation


class Scope(NamedTuple):
    """Lines paid in [paid_from, paid_to) that are of these brands, credited to these KOCs, or of these orders.

    `brands` None = of every brand, `paid_to` None = without end.
    """

    brands: frozenset[str] | None
    kocs: frozenset[str]
    paid_from: int
    paid_to: int | None
    orders: frozenset[str] = frozenset()


def scope_of(
    plans: Iterable[list[Plan]],
    relations: Iterable[Relation],
    houses: Iterable[House] = (),
    orders: Iterable[str] = (),
) -> Scope | None:
    """The union of what these affect, the ones they displace among them; None where there are none.

    Args:
        plans: for each changed plan version, itself and what stood in its place first, then the plan's other
            versions: a version hides lower ones in its time, whatever their brand.
        relations: changed ones and what stood in their place.
        houses: changed house settings: they date all lines paid from then on.
        orders: those of decided disputes, whenever they were paid.
    """
    brands: set[str] | None = set()
    kocs = set()
    starts: list[int] = []
    ends: list[int | None] = []
    for changed in plans:
        named = {plan.brand_id for plan in changed}
        brands = None if brands is None or None in named else brands | {brand for brand in named if brand}
        starts += [plan.effective_from for plan in changed]
        ends += [plan.effective_to for plan in changed]
    for relation in relations:
        kocs.add(relation.koc_id)
        starts.append(relation.effective_from)
        ends.append(relation.effective_to)
    for house in houses:
        brands = None
        starts.append(house.effective_from)
        ends.append(None)
    if disputed := frozenset(orders):
        starts.append(0)
        ends.append(None)
    if not starts:
        return None
    bounded = [end for end in ends if end is not None]
    paid_to = max(bounded) if len(bounded) == len(ends) else None
    return Scope(None if brands is None else frozenset(brands), frozenset(kocs), min(starts), paid_to, disputed)
