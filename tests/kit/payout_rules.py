"""The product's pure rules of payouts, driven by scripts; books in memory remember every leg with what it is about."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from services.kernel.time import DAY
from services.settlement.domain.book.chart import clawback, held, payable
from services.settlement.domain.book.drafts import EntryDraft
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.lines.line import Line
from services.settlement.domain.paying.entry_sets import NOT_COVERED
from services.settlement.domain.paying.payees import Payee
from services.settlement.domain.paying.payouts import (
    CANCELLED,
    INSTRUCTED,
    PayableParty,
    PayoutPlan,
    cancellation_rows,
    decide_payout,
    instruction_rows,
)
from services.settlement.domain.paying.withholding import NO_TAX
from services.settlement.domain.remittance.replies import (
    AwaitedPayout,
    PayoutOutcome,
    ReplyMove,
    ReplyRow,
    judge_reply,
)
from services.settlement.domain.settling.transfers import Occasion
from tests.reference import settling_script as script


class BookedLeg(NamedTuple):
    """A leg, and the line or script fee that it is about."""

    account: tuple[str, str]
    amount: int
    kind: Kind
    of: object


class PlayedPayout(NamedTuple):
    """A payout: its plan, where its batch's nets ended among all legs, its state, and whether it is held."""

    batch: str
    plan: PayoutPlan
    cut: int
    status: str
    kept: frozenset[object]
    is_refused: bool = False


class PayoutRules:
    """The part of the rules' books that pays.

    Attributes:
        legs: in the order in which they were booked.
        paid: all payouts, in the order in which they were proposed.
    """

    def __init__(self) -> None:
        self.legs: list[BookedLeg] = []
        self.paid: list[PlayedPayout] = []
        self._payees: dict[str, Payee] = {}
        self._left: dict[str, int] = {}

    @abstractmethod
    def _book(self, currency: str, rows: Sequence[EntryDraft], of: object = None) -> None:
        """Book rows."""

    @abstractmethod
    def _net_all(self, as_of: int) -> list[tuple[str, str]]:
        """Bring all parties' money to target, as a proposal of that moment does; the parties."""

    @abstractmethod
    def _has(self, account: str, currency: str) -> int:
        """What an account holds as a credit."""

    @abstractmethod
    def _lines_on_hold(self, party: str, currency: str) -> list[Line]:
        """Lines of it in an open hold or dispute, in no payout yet."""

    @abstractmethod
    def _minimum(self, currency: str, as_of: int) -> int:
        """Of a payout."""

    def since(self, party: str, currency: str, account: str) -> list[BookedLeg]:
        """The legs of a party's account since its last payout."""
        cuts = [one.cut for one in self.paid if one.plan[:2] == (party, currency) and one.status != CANCELLED]
        return [leg for leg in self.legs[max(cuts, default=0) :] if leg.account == (account, currency)]

    def netted_since(self, party: str, currency: str) -> int:
        """N of a net."""
        legs = [leg for account in (payable(party), held(party)) for leg in self.since(party, currency, account)]
        return sum(leg.amount for leg in legs if leg.kind is Kind.CLAWBACK_NETTED)

    def unpaid(self, party: str, currency: str) -> set[object]:
        """Lines and fees in no payout yet: settled since the last one, or left held by that."""
        own = [one for one in self.paid if one.plan[:2] == (party, currency) and one.status != CANCELLED]
        kept = own[-1].kept if own else frozenset()
        return {leg.of for leg in self.since(party, currency, payable(party))} - {None} | kept

    def clawed_back_unpaid(self, party: str, currency: str) -> int:
        """X of a net."""
        unpaid, account = self.unpaid(party, currency), (clawback(party), currency)
        return max(0, sum(leg.amount for leg in self.legs if leg.account == account and leg.of in unpaid))

    def refused(self, party: str, currency: str) -> int:
        """What came back and is held."""
        own = [one for one in self.paid if one.plan[:2] == (party, currency) and one.is_refused]
        return sum(one.plan.amount_minor for one in own)

    def _on_PayeeSet(self, event: script.PayeeSet) -> None:  # noqa: N802
        self._payees[event.owner] = Payee(event.rail, "a_ref")
        self.paid = [one._replace(is_refused=one.is_refused and one.plan.party != event.owner) for one in self.paid]

    def _on_KocLeft(self, event: script.KocLeft) -> None:  # noqa: N802
        self._left[f"koc:{event.koc_id}"] = event.day * DAY

    def propose(self, batch: str, as_of: int, since_zero: int) -> None:
        """Nets of all parties, then their payouts; times are microseconds, `since_zero` counts from day 0."""
        parties = self._net_all(as_of)
        cut = len(self.legs)
        for party, currency in parties:
            has_left = self._left.get(party, since_zero + 1) <= since_zero
            minimum = 0 if has_left else self._minimum(currency, as_of)
            refused = self.refused(party, currency)
            money = [self._has(account, currency) for account in (payable(party), held(party))]
            known = PayableParty(party, currency, *money, refused, False, self._payees.get(party), minimum, 0)
            plan = decide_payout(known, NO_TAX)
            if isinstance(plan, PayoutPlan):
                legs = [leg for leg in self.since(party, currency, payable(party)) if leg.kind not in NOT_COVERED]
                assert sum(leg.amount for leg in legs) == -plan.gross_minor, "a payout covers its amount"
                kept = frozenset(line.key for line in self._lines_on_hold(party, currency))
                self._book(currency, instruction_rows(plan, Occasion(batch, as_of)))
                self.paid.append(PlayedPayout(batch, plan, cut, INSTRUCTED, kept))

    def _on_Replied(self, event: script.Replied) -> None:  # noqa: N802
        for place, one in self._meant(event.batch, event.party):
            plan, row = one.plan, ReplyRow("", PayoutOutcome(event.outcome), None, None, None, 0)
            awaited = AwaitedPayout("", plan.party, plan.currency, plan.amount_minor, plan.payee.rail, one.status)
            if isinstance(move := judge_reply(row, awaited), ReplyMove):
                self._book(plan.currency, [EntryDraft(move.kind, "", "reply", 0, move.legs)])
                self.paid[place] = one._replace(status=event.outcome, is_refused=event.outcome != "confirmed")

    def _on_Released(self, event: script.Released) -> None:  # noqa: N802
        for place, one in self._meant(event.batch, event.party):
            self.paid[place] = one._replace(is_refused=False)

    def _on_PayoutCancelled(self, event: script.PayoutCancelled) -> None:  # noqa: N802
        for place, one in self._meant(event.batch, event.party):
            if one.status == INSTRUCTED:
                self._book(one.plan.currency, cancellation_rows(one.plan, Occasion("cancelled", 0)))
                self.paid[place] = one._replace(status=CANCELLED)

    def _meant(self, batch: str, party: str | None) -> list[tuple[int, PlayedPayout]]:
        every = enumerate(self.paid)
        return [(place, one) for place, one in every if one.batch == batch and party in (None, one.plan.party)]
