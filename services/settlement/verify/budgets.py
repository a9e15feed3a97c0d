"""Campaign budgets and bonuses: what lines take of a budget, its accounts, and one bonus a buyer and brand."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence

from services.settlement.books.decode_credits import decode_assertion
from services.settlement.books.run_records_port import BonusClaim, BudgetClaim, RunRecord
from services.settlement.books.snapshot_port import Balance
from services.settlement.domain.lines.worth import worth_of_line
from services.settlement.domain.pricing.reference import Reference
from services.settlement.domain.settling.budgets import BudgetKey
from services.settlement.domain.settling.candidates import Candidate
from services.settlement.domain.settling.granting import charged_for_grants
from services.settlement.verify.findings import Difference, Note

_AVAILABLE, _COMMITTED, _LIMIT = "available", "committed", "limit"


class BudgetCheck:
    """Takes all balances, then what lines take of budgets.

    Args:
        reference: the newest.
        runs: all of them.
    """

    def __init__(self, reference: Reference, runs: Sequence[RunRecord]) -> None:
        self._reference = reference
        self._unfinished = [record.run for record in runs if not record.is_done]
        self._balances: dict[BudgetKey, Counter[str]] = {}
        self._taken: Counter[BudgetKey] = Counter()

    def watched(self, balances: Iterable[tuple[int, Balance]]) -> Iterator[tuple[int, Balance]]:
        """The balances as they come; those of budgets are kept."""
        for account, balance in balances:
            owner, _, rest = balance.account.partition(":")
            if owner == "budget":
                campaign_id, _, purpose = rest.rpartition(":")
                key = BudgetKey(campaign_id, balance.currency)
                self._balances.setdefault(key, Counter())[purpose] = balance.amount_minor
            yield account, balance

    def claim(self, claim: BudgetClaim) -> Iterator[Difference]:
        """What one line takes. What has changed since it was worked out is trued up by the next run, not before."""
        self._taken[claim.budget] += claim.taken.charged_minor
        where = f"line {'/'.join(claim.key)} in {_name(claim.budget)}"
        if claim.line is None or claim.raw is None:
            yield Difference("budget line", where, "a line that is not there", "a line that runs granted something")
            return
        line, assertion = claim.line, decode_assertion(claim.raw)
        is_worthless = not line.standing or self._reference.is_denied(*line.key[:2])
        if self._unfinished or (line.vector, is_worthless) != (claim.taken.vector, claim.taken.is_worthless):
            return
        worth = worth_of_line(line, assertion, self._reference)
        derived = charged_for_grants(Candidate(line, assertion, worth, None)).get(claim.budget, 0)
        if claim.taken.charged_minor != derived:
            yield Difference("budget line", where, str(claim.taken.charged_minor), str(derived))

    def end(self) -> Iterator[Difference]:
        """The accounts of each budget: they come to zero, and what is committed is what lines take."""
        for run in self._unfinished:
            for budget in run.counts["budgets"]:
                planned = budget["worth_minor"] + budget["charged_minor"] - budget["committed_minor"]
                self._taken[BudgetKey(budget["campaign_id"], budget["currency"])] -= planned
        for key in sorted(self._balances.keys() | self._taken.keys()):
            accounts = self._balances.get(key, Counter())
            if total := accounts.total():
                yield Difference("budget", _name(key), f"accounts that come to {total}", "0")
            if accounts[_COMMITTED] != self._taken[key]:
                stored = f"{accounts[_COMMITTED]} committed"
                yield Difference("budget", _name(key), stored, f"{self._taken[key]}, which its lines take")

    def notes(self) -> Iterator[Note]:
        """Budgets that take more than their limit: refunds were reversed, or the limit was lowered."""
        for key, accounts in sorted(self._balances.items()):
            if (over := accounts[_COMMITTED] + accounts[_LIMIT]) > 0:
                detail = f"{_name(key)}: {over} over its limit of {-accounts[_LIMIT]}; runs grant nothing more"
                yield Note("budget over its limit", detail)


def check_bonuses(claims: Iterable[BonusClaim], unfinished: Collection[str]) -> Iterator[Difference]:
    """Each line with a bonus has the slot of its brand and buyer, and each slot's line has its bonus.

    Args:
        claims: slots and lines.
        unfinished: runs whose grants may not have come to the lines yet.
    """
    for claim in claims:
        where = f"line {'/'.join(claim.key)}"
        if claim.slot_run in unfinished and not claim.bonus_minor:
            continue
        if claim.slot_brand is None:
            yield Difference("bonus", where, f"a bonus of {claim.bonus_minor}", "none: it has no slot of its buyer")
        elif claim.line_brand is None:
            yield Difference("bonus", where, "a slot without a bonus", "the bonus for which the slot was taken")
        elif claim.line_brand != claim.slot_brand:
            yield Difference("bonus", where, f"a slot of brand {claim.slot_brand}", f"one of brand {claim.line_brand}")


def _name(key: BudgetKey) -> str:
    return f"budget {key.campaign_id} {key.currency}"
