"""The product's pure rules of settling, driven by scripts: lines, plans and applies in memory, no database.

Told the same script as the reference model, they must come to the same balances.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from services.kernel.time import DAY, MINUTE, parse_rfc3339
from services.settlement.domain.book.chart import OURSELVES, clawback, held, payable, write_off
from services.settlement.domain.book.drafts import EntryDraft
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.book.positions import Position, difference
from services.settlement.domain.lines.booking import book_assertion, book_demotion, book_reprice
from services.settlement.domain.lines.clock import settle_at_of, settled_less
from services.settlement.domain.lines.line import Key, Line
from services.settlement.domain.lines.settlement import PlannedSettlement, book_settlement, freeze_terms
from services.settlement.domain.lines.terms import Terms
from services.settlement.domain.lines.worth import pricing_reference, vat_ppm_of, worth_of_line
from services.settlement.domain.pricing.house import House
from services.settlement.domain.pricing.plans import Plan, Split, Tier
from services.settlement.domain.pricing.reference import Reference
from services.settlement.domain.pricing.relations import Relation
from services.settlement.domain.settling.budgets import Budget, BudgetKey, commit_budget
from services.settlement.domain.settling.candidates import Candidate, OpenCases, blocking_reason
from services.settlement.domain.settling.contents import (
    Content,
    Spend,
    book_script_fee,
    budget_target,
    script_fee_worth,
    spend_target,
)
from services.settlement.domain.settling.granting import Allowances, charged_for_grants, settle_line
from services.settlement.domain.settling.netting import NetInput, net_party, net_rows, reserve_of
from services.settlement.domain.settling.place import owed_of, place
from services.settlement.domain.settling.plan_hash import (
    ContentPlan,
    LinePlan,
    PartyPlan,
    content_digest,
    line_digest,
    party_digest,
    plan_sha256,
)
from services.settlement.domain.settling.shares import Shares
from services.settlement.domain.settling.transfers import Occasion
from tests.kit.payout_rules import BookedLeg, PayoutRules
from tests.kit.settlement_facts import Fact, FactCredit, FactStep, FactVersion
from tests.reference import settling_script as script

ZERO = parse_rfc3339(script.DAY_ZERO)
ALWAYS = ZERO - 1_000 * DAY


@dataclass
class Fee:
    """A script fee in one currency, as booked."""

    content: Content
    booked: Position
    settled: Shares
    owed: Shares


@dataclass(frozen=True)
class RunPlan:
    """What a run has decided, and its proof."""

    as_of: int
    registry: int
    lines: list[LinePlan]
    fees: list[ContentPlan]
    parties: list[PartyPlan]
    budgets: dict[BudgetKey, tuple[Budget, int]]
    sha256: bytes


class SettlingRules(PayoutRules):
    """Books in memory that the pure rules write.

    Attributes:
        accounts: balance by (account, currency).
        lines, facts: by key; what is stored of a line, and its newest assertion.
        skipped: of the last planned run, why which line was left out.
        plan: the run that is planned or applied last.
    """

    def __init__(self) -> None:
        super().__init__()
        self.accounts: Counter[tuple[str, str]] = Counter()
        self.lines: dict[Key, Line] = {}
        self.facts: dict[Key, Fact] = {}
        self.fees: dict[tuple[str, str], Fee] = {}
        self.skipped: dict[Key, str] = {}
        self.plan: RunPlan | None = None
        self._reference = Reference()
        self._offset = 0
        self._allowances = Allowances()
        self._charged: set[tuple[BudgetKey, Key]] = set()
        self._limits: dict[BudgetKey, int] = {}
        self._holds: dict[str, script.HoldPlaced] = {}
        self._disputes: dict[str, str] = {}
        self._reserves: list[PartyPlan] = []
        self._settled_for: dict[Key, set[str]] = {}

    def balances(self, currency: str) -> dict[str, int]:
        """All balances of a currency that are not zero."""
        return {account: amount for (account, of), amount in sorted(self.accounts.items()) if of == currency and amount}

    # What happens

    def tell(self, event: script.Happening) -> None:
        """Take in what happens next."""
        getattr(self, "_on_" + type(event).__name__)(event)

    def _on_Published(self, event: script.Published) -> None:  # noqa: N802
        what = event.what
        self._learn(plan_of(what) if isinstance(what, script.PlanOf) else house_of(what))

    def _on_Related(self, event: script.Related) -> None:  # noqa: N802
        self._learn(Relation(event.koc_id, event.parties, ALWAYS))

    def _learn(self, fact: Plan | Relation | House) -> None:
        self._reference.learn([(self._offset, fact)])
        self._offset += 1
        self._reprice(line for line in self.lines.values() if line.terms is None)

    def _reprice(self, lines: Any) -> None:
        for line in lines:
            rows = book_reprice(line, self.facts[line.key], self._reference, "registry", ZERO)
            self._book(line.currency, rows, line.key)

    def _on_Paid(self, event: script.Paid) -> None:  # noqa: N802
        fact = paid_fact(event)
        key, paid_at = (fact.order_id, fact.line_id, fact.buyer_id), fact.paid_at
        line = self.lines[key] = Line(key, 0, paid_at, event.currency, event.brand_id)
        rivals = [one for one in self.lines.values() if one.key[:2] == key[:2] and one is not line]
        for rival in rivals:
            if rival.standing and rival.rank > line.rank:
                self._book(rival.currency, book_demotion(rival, self._reference, paid_at, "demoted"), rival.key)
            line.standing = line.standing and rival.rank > line.rank
        self._take(line, fact)

    def _take(self, line: Line, fact: Fact) -> None:
        self.facts[line.key] = fact
        line.take(fact, ZERO)
        self._book(line.currency, book_assertion(line, fact, self._reference, "assertion"), line.key)

    def _change(self, order: str, buyer: str, **changes: Any) -> None:
        """A new assertion of a line, with a greater vector."""
        key = order, "1", buyer
        new = changed_fact(self.facts[key], **changes)
        self._take(self.lines[key], new)

    def _on_Received(self, event: script.Received) -> None:  # noqa: N802
        self._change(event.order_id, event.buyer_id, received_at=ZERO + event.day * DAY)

    def _on_Refunded(self, event: script.Refunded) -> None:  # noqa: N802
        self._change(event.order_id, event.buyer_id, refunded_minor=event.total_minor)

    def _on_Cancelled(self, event: script.Cancelled) -> None:  # noqa: N802
        self._change(event.order_id, event.buyer_id, status="cancelled")

    def _on_Credited(self, event: script.Credited) -> None:  # noqa: N802
        self._change(event.order_id, event.buyer_id, credits=credits_of(event.credits))

    def _on_FeeAccepted(self, event: script.FeeAccepted) -> None:  # noqa: N802
        content = Content(event.content_id, event.koc_id, "douyin", event.brand_id, event.fee_minor, event.currency)
        fee = self.fees.setdefault((event.content_id, event.currency), Fee(content, {}, {}, {}))
        self._owe_fee(fee, cancelled=False)

    def _on_ContentRemoved(self, event: script.ContentRemoved) -> None:  # noqa: N802
        for (content_id, _), fee in self.fees.items():
            if content_id == event.content_id:
                self._owe_fee(fee, cancelled=True)

    def _owe_fee(self, fee: Fee, *, cancelled: bool) -> None:
        worth = script_fee_worth(fee.content, accepted=True, cancelled=cancelled)
        assert worth is not None
        fee.owed = worth.owed
        draft = EntryDraft(Kind.SCRIPT_FEE_ACCRUED, "", "fee", ZERO, {})
        rows, fee.booked = book_script_fee(fee.booked, fee.settled, fee.owed, worth.brand_id, draft)
        self._book(worth.currency, rows, (fee.content.content_id, worth.currency))

    def _on_Spent(self, event: script.Spent) -> None:  # noqa: N802
        content = Content(event.content_id, event.koc_id, "douyin", None, 0, None)
        spend = Spend(event.spend_id, event.content_id, event.amount_minor, event.currency, "koc")
        self._move(event.currency, spend_target(spend, content))

    def _on_BudgetSet(self, event: script.BudgetSet) -> None:  # noqa: N802
        key = BudgetKey(event.campaign_id, event.currency)
        before = budget_target(key.campaign_id, self._limits.get(key, 0))
        self._limits[key] = event.amount_minor
        self._move(key.currency, difference(budget_target(key.campaign_id, event.amount_minor), before))

    def _on_HoldPlaced(self, event: script.HoldPlaced) -> None:  # noqa: N802
        self._holds[event.hold_id] = event

    def _on_HoldReleased(self, event: script.HoldReleased) -> None:  # noqa: N802
        del self._holds[event.hold_id]

    def _on_DisputeOpened(self, event: script.DisputeOpened) -> None:  # noqa: N802
        self._disputes[event.dispute_id] = event.order_id

    def _on_DisputeDecided(self, event: script.DisputeDecided) -> None:  # noqa: N802
        self._disputes.pop(event.dispute_id, None)
        if event.denied:
            self._reference.denied = self._reference.denied | {(event.order_id, None)}
        self._reprice(line for line in self.lines.values() if line.key[0] == event.order_id)

    def _on_WrittenOff(self, event: script.WrittenOff) -> None:  # noqa: N802
        amount = event.amount_minor
        self._move(event.currency, {write_off(event.party): amount, clawback(event.party): -amount})

    def _on_BrandPaid(self, event: script.BrandPaid) -> None:  # noqa: N802
        amount = event.amount_minor
        self._move(event.currency, {"bank:main": amount, f"brand:{event.brand_id}:receivable": -amount})

    def _on_Run(self, event: script.Run) -> None:  # noqa: N802
        self.plan_run(event.day)
        self.apply_run()

    def _on_RunPlanned(self, event: script.RunPlanned) -> None:  # noqa: N802
        self.plan_run(event.day)

    def _on_RunApplied(self, _: script.RunApplied) -> None:  # noqa: N802
        self.apply_run()

    # A run

    def plan_run(self, day: int) -> None:
        """Decide what a run as of that day settles; `apply_run` books it."""
        as_of = ZERO + day * DAY
        cases, self.skipped = self._open_cases(), {}
        budgets = {key: self._budget(key) for key in self._limits}
        self._allowances.budgets = {key: budget.left_minor for key, budget in budgets.items()}
        charged: Counter[BudgetKey] = Counter()
        lines = []
        for line in sorted(self.lines.values(), key=lambda line: (line.paid_at, line.key)):
            candidate = self._candidate(line)
            if not settled_less(line.settled, owed_of(candidate.worth.target)):
                continue
            if reason := blocking_reason(candidate, as_of, cases):
                self.skipped[line.key] = reason
                continue
            found = settle_line(candidate, self._allowances)
            assert found is not None
            lines.append(LinePlan(0, line.key, candidate.assertion.version.order, found.settled, found.grants,
                                  found.parts))  # fmt: skip
            for key, minor in found.charged.items():
                charged[key] += minor
                self._charged.add((key, line.key))
        fees = [
            ContentPlan(*name, {one: max(fee.settled.get(one, 0), fee.owed.get(one, 0))
                                for one in {**fee.settled, **fee.owed}})
            for name, fee in self.fees.items()
            if settled_less(fee.settled, fee.owed) and name[0] not in cases.content_holds
        ]  # fmt: skip
        parties = self._nets(as_of, self._earned(lines, fees))
        digests = map(line_digest, lines), map(content_digest, fees), map(party_digest, parties)
        moved = {key: (budget, charged[key]) for key, budget in budgets.items()}
        self.plan = RunPlan(as_of, self._offset, lines, fees, parties, moved, plan_sha256(*digests))

    def _candidate(self, line: Line) -> Candidate:
        fact = self.facts[line.key]
        worth = worth_of_line(line, fact, self._reference)
        houses = pricing_reference(line, self._reference).houses
        return Candidate(line, fact, worth, settle_at_of(fact, worth, houses, line.settled))

    def _open_cases(self) -> OpenCases:
        return OpenCases(
            disputes={(order, None) for order in self._disputes.values()},
            holds={(hold.order_id, None) for hold in self._holds.values() if hold.order_id},
            content_holds={hold.content_id for hold in self._holds.values() if hold.content_id},
        )

    def _budget(self, key: BudgetKey) -> Budget:
        charged = [self.lines[one] for budget, one in self._charged if budget == key]
        worth = sum(charged_for_grants(self._candidate(line)).get(key, 0) for line in charged)
        return Budget(self._limits[key], self.accounts[f"budget:{key.campaign_id}:committed", key.currency], worth)

    def _earned(self, lines: list[LinePlan], fees: list[ContentPlan]) -> Counter[tuple[str, str]]:
        """What a plan settles for each party."""
        earned: Counter[tuple[str, str]] = Counter()
        settled = [(self.lines[one.key].currency, self.lines[one.key].settled, one.settled) for one in lines]
        settled += [(one.currency, self.fees[one.content_id, one.currency].settled, one.settled) for one in fees]
        for currency, before, after in settled:
            for claimant, amount in after.items():
                if claimant != OURSELVES:
                    earned[claimant, currency] += amount - before.get(claimant, 0)
        return earned

    def _nets(self, as_of: int, earned: Counter[tuple[str, str]]) -> list[PartyPlan]:
        house = self._reference.houses.at(as_of)
        parties = {(account.removeprefix("clawback:").removesuffix(":payable").removesuffix(":held"), currency)
                   for account, currency in self.accounts
                   if account.startswith("clawback:") or account.endswith((":payable", ":held"))}  # fmt: skip
        plans = []
        for party, currency in sorted(parties | {*earned}):
            reserve = reserve_of(earned[party, currency], house, as_of)
            kept = [one.reserve for one in self._reserves if (one.party, one.currency) == (party, currency)]
            before = NetInput(
                payable=earned[party, currency] - self.accounts[payable(party), currency],
                held=-self.accounts[held(party), currency],
                clawback=self.accounts[clawback(party), currency],
                written_off=self.accounts[write_off(party), currency],
                reserve=sum(one.amount_minor for one in [*kept, reserve] if one.until and one.until > as_of),
                on_hold=self._on_hold(party, currency),
                whole_owner_on_hold=any(hold.owner == party for hold in self._holds.values()),
                netted_since=self.netted_since(party, currency),
                clawed_back_unpaid=self.clawed_back_unpaid(party, currency),
                refused=self.refused(party, currency),
                share_ppm=house.netting_share_ppm,
            )
            plans.append(PartyPlan(party, currency, earned[party, currency], reserve, net_party(before)))
        return plans

    def _on_hold(self, party: str, currency: str) -> int:
        return sum(
            min(line.settled.get(party, 0), self._owed(line).get(party, 0))
            for line in self._lines_on_hold(party, currency)
        )

    def _lines_on_hold(self, party: str, currency: str) -> list[Line]:
        cases, unpaid = self._open_cases(), self.unpaid(party, currency)
        return [
            line
            for line in self.lines.values()
            if line.currency == currency
            and line.key in unpaid
            and (
                (line.key[0], None) in cases.disputes | cases.holds
                or not cases.content_holds.isdisjoint(self._settled_for.get(line.key, ()))
            )
        ]

    def position(self, line: Line) -> Position:
        """f(S, T) of a line, where its money should lie."""
        return place(line.settled, self._owed(line), line.brand_id, vat_ppm_of(line, self._reference))

    def _owed(self, line: Line) -> Shares:
        return owed_of(worth_of_line(line, self.facts[line.key], self._reference).target)

    def apply_run(self) -> None:
        """Book the planned run to its end."""
        assert self.plan is not None
        for one in self.plan.lines:
            self.apply_line(one)
        self.finish_run()

    def apply_line(self, one: LinePlan) -> None:
        """Settle one line of the plan."""
        assert self.plan is not None
        line, planned = self.lines[one.key], PlannedSettlement(one.settled, one.grants)
        self._settled_for.setdefault(line.key, set()).update(part.content_id for part in one.parts)
        freeze_terms(line, planned, Terms(1, self.plan.registry, self.plan.as_of))
        vat_ppm = vat_ppm_of(line, self._reference)
        rows = book_settlement(line, planned, self._owed(line), vat_ppm, "run", self.plan.as_of)
        self._book(line.currency, rows, line.key)

    def finish_run(self) -> None:
        """Script fees, budgets, nets."""
        assert self.plan is not None
        occasion = Occasion("run", self.plan.as_of)
        for one in self.plan.fees:
            fee = self.fees[one.content_id, one.currency]
            before = fee.booked
            _, fee.booked = book_script_fee({}, one.settled, fee.owed, fee.content.brand_id or "",
                                            EntryDraft(Kind.SCRIPT_FEE_ACCRUED, "", "", 0, {}))  # fmt: skip
            fee.settled = one.settled
            self._move(one.currency, difference(fee.booked, before), (one.content_id, one.currency))
        for key, (budget, charged) in self.plan.budgets.items():
            self._book(key.currency, commit_budget(key.campaign_id, budget, charged, occasion))
        for party in self.plan.parties:
            self._book(party.currency, net_rows(party.party, party.net, occasion))
        self._reserves += self.plan.parties

    def _on_Proposed(self, event: script.Proposed) -> None:  # noqa: N802
        self.propose(event.batch, ZERO + event.day * DAY, event.day * DAY)

    def _net_all(self, as_of: int) -> list[tuple[str, str]]:
        plans = self._nets(as_of, Counter())
        for one in plans:
            self._book(one.currency, net_rows(one.party, one.net, Occasion("batch", as_of)))
        return [(one.party, one.currency) for one in plans]

    def _has(self, account: str, currency: str) -> int:
        return -self.accounts[account, currency]

    def _minimum(self, currency: str, as_of: int) -> int:
        return self._reference.houses.at(as_of).payout_minimum_minor.get(currency, 0)

    def _move(self, currency: str, legs: Position, of: object = None) -> None:
        self._book(currency, [EntryDraft(Kind.ADJUSTMENT_POSTED, "", "", ZERO, legs)] if legs else [], of)

    def _book(self, currency: str, rows: Sequence[EntryDraft], of: object = None) -> None:
        for row in rows:
            assert sum(row.legs.values()) == 0, row
            assert 0 not in row.legs.values(), row
            for account, amount in row.legs.items():
                self.accounts[account, currency] += amount
                self.legs.append(BookedLeg((account, currency), amount, row.kind, of))
                assert not account.endswith((":pending", ":payable", ":held", "fee_deferred")) or (
                    self.accounts[account, currency] <= 0
                ), (account, row)


def plan_of(what: script.PlanOf) -> Plan:
    """A script's plan as the domain's."""
    return Plan(
        what.plan_id, what.version, "open", what.rate_ppm, what.base, ALWAYS,
        paid_traffic_rate_ppm=what.paid_traffic_rate_ppm, splits=tuple(Split(*split) for split in what.splits),
        koc_ids=None if what.koc_ids is None else frozenset(what.koc_ids), currency=what.currency,
        return_window_days=what.window_days, tiers=tuple(Tier(*tier) for tier in what.tiers),
        bonus_minor=what.bonus_minor, zone_minutes=what.zone_minutes, auto_receive_days=what.auto_receive_days,
    )  # fmt: skip


def house_of(what: script.HouseOf) -> House:
    """A script's house settings as the domain's."""
    since = ZERO + what.day * DAY
    return House(since, what.vat_ppm, what.share_ppm, what.reserve_ppm, what.reserve_days, what.minimum)


def credits_of(given: tuple[script.CreditOf, ...]) -> tuple[FactCredit, ...]:
    """A script's credits as an assertion has them."""
    return tuple(
        FactCredit(one.content_id, one.koc_id, one.campaign_id, one.traffic, weight_ppm=one.weight_ppm) for one in given
    )


def paid_fact(event: script.Paid) -> Fact:
    """The assertion of a script's order when it is paid."""
    paid_at = ZERO + event.day * DAY + event.minutes * MINUTE
    return Fact(
        order_id=event.order_id, buyer_id=event.buyer_id, brand_id=event.brand_id, currency=event.currency,
        goods_paid_minor=event.goods_minor, platform_discount_minor=event.discount_minor, paid_at=paid_at,
        received_at=paid_at if event.received else None, new_customer=event.new_customer, as_of=paid_at,
        credits=credits_of(event.credits), steps=(FactStep(f"{event.order_id}_paid", paid_at),),
    )  # fmt: skip


def changed_fact(fact: Fact, **changes: Any) -> Fact:
    """A newer assertion of the line, with a greater vector."""
    new = replace(fact, version=FactVersion(0, 1, fact.version.touch + 1, fact.version.order + 1), **changes)
    step = FactStep(
        f"{fact.order_id}_{new.version.order}", fact.as_of + 1, new.refunded_minor, new.status == "cancelled"
    )
    last = fact.steps[-1]
    if (last.refunded_minor, last.cancelled) != (step.refunded_minor, step.cancelled):
        new = replace(new, steps=(*fact.steps, step), as_of=step.at)
    return new
