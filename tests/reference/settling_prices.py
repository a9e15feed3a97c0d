"""What a line's credits are worth to everyone, as plain dictionaries; imports nothing of the services."""

import hashlib
from typing import Any

from tests.reference.settling_script import MILLION, CreditOf, HouseOf, PlanOf, Related

DAY = 24 * 60
Fact = PlanOf | HouseOf | Related
Granted = tuple[int, int, int, int]
"""Base, commission, num, den."""


class Knowledge:
    """The registry: `facts` in the order in which they became known."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []

    def parts(self, line: dict[str, Any]) -> dict[int, dict[str, Any]]:
        """By index of the credit: its plan, base, commission and what each claimant gets of it."""
        greatest = min(range(len(line["credits"])), key=lambda i: (-line["credits"][i].weight_ppm, rank(line, i)),
                       default=None)  # fmt: skip
        found = {}
        for i, credit in enumerate(line["credits"]):
            plan = self.plan_of(line, credit)
            if plan is None:
                continue
            base = base_of(line, plan.base, i)
            granted, commission = line["grants"].get(credit.name), base * rate_of(plan, credit) // MILLION
            if granted is not None:
                commission = base * granted[1] // granted[0] * granted[2] // granted[3]
            if line["bonus"] and i == greatest and line["goods"] > line["refunded"]:
                commission += line["bonus"]
            shares = self.shares(line, credit, plan, base, commission, granted)
            found[i] = {"plan": plan, "base": base, "commission": commission, "shares": shares}
        return found

    def shares(
        self, line: dict[str, Any], credit: CreditOf, plan: PlanOf, base: int, commission: int,
        granted: Granted | None,
    ) -> dict[str, int]:  # fmt: skip
        """Who gets how much of one credit."""
        parties = self.parties_of(line, credit.koc_id) | {"koc": credit.koc_id, "platform": None}
        holds = {"koc": commission}
        for role, of, share_ppm in plan.splits:
            if role not in parties:
                continue
            if of == "base":
                taken = base * share_ppm // MILLION
                if granted is not None:
                    taken = taken * granted[2] // granted[3]
            else:
                source = "koc" if of == "commission" else of
                whole = commission if of == "commission" else holds.get(of, 0)
                taken = min(whole * share_ppm // MILLION, holds.get(source, 0))
                holds[source] = holds.get(source, 0) - taken
            holds[role] = holds.get(role, 0) + taken
        return {role if role == "platform" else f"{role}:{parties[role]}": n for role, n in holds.items() if n}

    def facts_for(self, line: dict[str, Any]) -> list[Fact]:
        """The registry that prices a line: all of it, or once settled what was known then."""
        return self.facts if line["terms"] is None else self.facts[: line["terms"][0]]

    def plan_of(self, line: dict[str, Any], credit: CreditOf) -> PlanOf | None:
        """The plan of a credit; a script has at most one that matches."""
        newest: dict[str, PlanOf] = {}
        for fact in self.facts_for(line):
            if isinstance(fact, PlanOf) and fact.version >= newest.get(fact.plan_id, fact).version:
                newest[fact.plan_id] = fact
        found = [
            plan for plan in newest.values()
            if plan.koc_ids is None or credit.koc_id in plan.koc_ids
            if plan.currency is None or plan.currency == line["cur"]
        ]  # fmt: skip
        assert len(found) < 2, "two plans match"
        return found[0] if found else None

    def parties_of(self, line: dict[str, Any], koc: str) -> dict[str, str]:
        """Who fills which role for a KOC."""
        related = [fact for fact in self.facts_for(line) if isinstance(fact, Related) and fact.koc_id == koc]
        return dict(related[-1].parties) if related else {}

    def house(self, moment: int, count: int | None = None) -> HouseOf:
        """Our settings at a moment, as the first so many facts have it."""
        known = {fact.day: fact for fact in self.facts[:count] if isinstance(fact, HouseOf)}
        return known[max(day for day in known if day * DAY <= moment)]


def rank(line: dict[str, Any], index: int) -> bytes:
    """The order of credits that are equal otherwise."""
    credit = line["credits"][index]
    names = [line["order"], "1", credit.content_id, credit.koc_id, credit.campaign_id or "", credit.traffic]
    return hashlib.sha256("|".join(names).encode()).digest()


def base_of(line: dict[str, Any], kind: str, index: int) -> int:
    """A credit's part of the remaining base: largest remainder by weight."""
    kept = line["goods"] - line["refunded"]
    whole = line["goods"] if kind == "goods_paid" else line["goods"] + line["discount"]
    total = whole * kept // line["goods"] if line["goods"] > 0 and kept > 0 else 0
    weights = [credit.weight_ppm for credit in line["credits"]]
    parts = [total * weight // sum(weights) for weight in weights]
    by_remainder = sorted(range(len(parts)), key=lambda i: (-(total * weights[i] % sum(weights)), rank(line, i)))
    return parts[index] + (index in by_remainder[: total - sum(parts)])


def is_tiered(plan: PlanOf, credit: CreditOf) -> bool:
    """Whether tiers decide the rate: not where paid traffic has a rate of its own."""
    return bool(plan.tiers) and not (plan.paid_traffic_rate_ppm is not None and credit.traffic == "paid")


def rate_of(plan: PlanOf, credit: CreditOf) -> int:
    """The plan's plain rate for a credit."""
    paid_rate = plan.paid_traffic_rate_ppm
    return paid_rate if paid_rate is not None and credit.traffic == "paid" else plan.rate_ppm
