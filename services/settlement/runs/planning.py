"""Plan a run in one snapshot: which lines and script fees are settled, by how much, and why others are not.

Most lines need no decision: what they are worth is settled. They stream from the snapshot into the plan. Those whose
credits have tiers, a bonus or a budget wait until all are known, for these are decided in the order of the sales.
"""

from collections import Counter
from collections.abc import Iterator
from operator import attrgetter
from typing import TYPE_CHECKING

from services.settlement.books.decode_credits import decode_assertion
from services.settlement.books.run_ports import BudgetLine, DueLine, RunSnapshot
from services.settlement.domain.lines.clock import settle_at_of, settled_less
from services.settlement.domain.lines.worth import grants_may_exceed_limit, pricing_reference, worth_of_line
from services.settlement.domain.settling.budgets import Budget, BudgetKey
from services.settlement.domain.settling.candidates import (
    CONTENT_HELD,
    SET_ASIDE,
    Candidate,
    OpenCases,
    blocking_reason,
)
from services.settlement.domain.settling.granting import (
    Allowances,
    BonusSlot,
    LineSettlement,
    charged_for_grants,
    needs_decision,
    settle_line,
)
from services.settlement.domain.settling.place import owed_by, owed_of
from services.settlement.domain.settling.plan_hash import ContentPlan, LinePlan
from services.settlement.domain.settling.shares import Shares
from services.settlement.runs.tally import RunTally

if TYPE_CHECKING:
    from services.settlement.domain.lines.line import Key


class LinePlanner:
    """Plans the lines of a run; `tally` counts what is settled and what is left out.

    Args:
        snapshot: of the run.
        as_of: the moment of the run, microseconds.
        cases: open disputes and holds.
        tally: what the result says.
    """

    def __init__(self, snapshot: RunSnapshot, as_of: int, cases: OpenCases, tally: RunTally) -> None:
        self._snapshot = snapshot
        self._as_of = as_of
        self._cases = cases
        self._tally = tally
        self._reference = snapshot.reference()
        self._undecided: list[tuple[DueLine, Candidate]] = []
        self.allowances = Allowances()
        self.slots: dict[BonusSlot, Key] = {}
        self.charged: Counter[BudgetKey] = Counter()
        self.budget_lines: dict[tuple[BudgetKey, Key], BudgetLine] = {}
        self.budgets: dict[BudgetKey, Budget] = {}

    def plans(self) -> Iterator[tuple[LinePlan, str]]:
        """The lines that the run settles, each with its currency: as they come, then those to be decided in order."""
        self._read_budgets()
        for due in self._snapshot.due_lines(self._as_of):
            candidate = self._candidate(due)
            if reason := blocking_reason(candidate, self._as_of, self._cases):
                self._tally.skip(reason, candidate.line.currency, _above(candidate))
            elif needs_decision(candidate, self.allowances):
                if grants_may_exceed_limit(candidate.assertion, candidate.worth.terms):
                    self._tally.skip(SET_ASIDE, candidate.line.currency, _above(candidate))
                else:
                    self._undecided.append((due, candidate))
            elif settlement := settle_line(candidate, self.allowances):
                yield self._planned(due, candidate, settlement)
        yield from self._decided()

    def _candidate(self, due: DueLine) -> Candidate:
        """A line with what it is worth at the run's point, whatever reprice jobs are open."""
        line, assertion = due.line, decode_assertion(due.raw)
        worth = worth_of_line(line, assertion, self._reference)
        houses = pricing_reference(line, self._reference).houses
        return Candidate(line, assertion, worth, settle_at_of(assertion, worth, houses, line.settled))

    def _decided(self) -> Iterator[tuple[LinePlan, str]]:
        """The lines with tiers, a bonus or a budget, by (paid_at, order_id, line_id, buyer_id)."""
        if self._undecided:
            wanted = {(one.line.brand_id, one.line.key[2]) for _, one in self._undecided}
            self.allowances.counted = self._snapshot.tier_counters()
            self.allowances.slots = self._snapshot.taken_slots(wanted)
        for due, candidate in sorted(self._undecided, key=lambda one: (one[1].line.paid_at, one[1].line.key)):
            if settlement := settle_line(candidate, self.allowances):
                self._charge(candidate, settlement)
                yield self._planned(due, candidate, settlement)

    def _read_budgets(self) -> None:
        """What is left of each budget, once it is trued up to what its granted credits are worth at the point."""
        worth = self._snapshot.budget_worth()
        for key, stored, due in self._snapshot.changed_budget_lines():
            now = charged_for_grants(self._candidate(due)).get(key, 0)
            worth[key] = worth.get(key, 0) + now - stored.charged_minor
            line = due.line
            is_worthless = not line.standing or self._reference.is_denied(*line.key[:2])
            self.budget_lines[key, line.key] = BudgetLine(now, line.vector, is_worthless)
        for key, (limit, committed) in self._snapshot.budgets().items():
            self.budgets[key] = Budget(limit, committed, worth.get(key, 0))
            self.allowances.budgets[key] = self.budgets[key].left_minor

    def _charge(self, candidate: Candidate, settlement: LineSettlement) -> None:
        """Note what a decided line takes of budgets, together with what its earlier grants take."""
        line = candidate.line
        before = charged_for_grants(candidate) if line.grants.credits else {}
        for key, minor in settlement.charged.items():
            self.charged[key] += minor
            self.budget_lines[key, line.key] = BudgetLine(before.get(key, 0) + minor, line.vector, is_worthless=False)

    def _planned(self, due: DueLine, candidate: Candidate, settlement: LineSettlement) -> tuple[LinePlan, str]:
        line = candidate.line
        plan = LinePlan(line.partition, line.key, due.position, settlement.settled, settlement.grants, settlement.parts)
        self._tally.settle(line.brand_id, line.currency, line.settled, settlement.settled)
        if settlement.slot is not None:
            self.slots[settlement.slot] = line.key
        return plan, line.currency


def plan_contents(snapshot: RunSnapshot, cases: OpenCases, tally: RunTally) -> list[ContentPlan]:
    """The script fees that the run settles."""
    plans = []
    for fee in sorted(snapshot.script_fees(), key=attrgetter("content_id", "currency")):
        owed = owed_by(fee.booked, fee.settled)
        if not settled_less(fee.settled, owed):
            continue
        if fee.content_id in cases.content_holds:
            tally.skip(CONTENT_HELD, fee.currency, _difference(owed, fee.settled))
            continue
        settled = {one: max(fee.settled.get(one, 0), owed.get(one, 0)) for one in {**fee.settled, **owed}}
        tally.settle_content(fee.booked, fee.currency, fee.settled, settled)
        plans.append(ContentPlan(fee.content_id, fee.currency, settled))
    return plans


def _above(candidate: Candidate) -> int:
    """What of a line is owed and not settled, minor units."""
    return _difference(owed_of(candidate.worth.target), candidate.line.settled)


def _difference(owed: Shares, settled: Shares) -> int:
    return sum(max(0, amount - settled.get(claimant, 0)) for claimant, amount in owed.items())
