"""What a party will be paid next, and when, in a few sentences for each currency."""

from collections.abc import Iterator
from typing import NamedTuple

from services.console.parties.coming import Coming
from services.console.values import MoneyCell
from services.console.words.labels import SKIPPED_LINES
from services.kernel.sentences import Sentence, with_commas
from services.settlement.books.lookups.party import PartyMoneyStates
from services.settlement.domain.paying import payouts
from services.settlement.domain.paying.payouts import PayoutPlan, SkippedParty
from services.settlement.payouts.forecast import NextPayout


class PartyAnswer(NamedTuple):
    """A party's money in one currency.

    Attributes:
        money: as it is.
        next: what a proposal of payouts would decide; None = the party has nothing that one could move.
        coming: what is pending, by when; None = it is not told.
        paid_minor: what it has been paid in all.
    """

    money: PartyMoneyStates
    next: NextPayout | None
    coming: Coming | None
    paid_minor: int

    @property
    def currency(self) -> str:
        """Of all amounts."""
        return self.money.currency

    @property
    def next_minor(self) -> int:
        """What the next payout brings, by a table without tax; 0 = there is none."""
        decided = self.next and self.next.decided
        return decided.amount_minor if isinstance(decided, PayoutPlan) else 0

    @property
    def sentences(self) -> list[str]:
        """The answer: the next payout, what comes after it, what is on its way."""
        coming = _coming(self.coming) if self.coming else ()
        return [*_next(self.next, self.currency), *coming, *_besides(self.money)]

    def amount(self, minor: int) -> MoneyCell:
        """An amount in this currency."""
        return MoneyCell(minor, self.currency)


def money_text(minor: int, currency: str) -> str:
    """`1,234.50 CNY`, for sentences."""
    return f"{MoneyCell(minor, currency)} {currency}"


def _next(found: NextPayout | None, currency: str) -> Iterator[str]:
    """The next payout, and what it does to debts and to held money."""
    if found is None or found.decided is None:
        yield "Nothing can be paid now."
    elif isinstance(found.decided, PayoutPlan):
        amount = money_text(found.decided.amount_minor, currency)
        yield Sentence("The next payout brings {amount}: as soon as somebody proposes payouts.", amount=amount)
    else:
        yield _skipped(found, found.decided)
    if found is None:
        return
    net = found.net
    if netted := net.netted_payable + net.netted_held:
        yield Sentence("First, {amount} of its money pays what is owed back.", amount=money_text(netted, currency))
    if owed := found.given.clawback - netted if found.given.clawback > 0 else 0:
        yield Sentence("{amount} is still owed back: the next earnings pay it.", amount=money_text(owed, currency))
    if net.held_delta < 0:
        freed = money_text(-net.held_delta, currency)
        yield Sentence("It takes {amount} that need not be held any more.", amount=freed)
    if net.held_delta > 0:
        yield Sentence("{amount} more is held back then.", amount=money_text(net.held_delta, currency))


def _skipped(found: NextPayout, skipped: SkippedParty) -> str:
    """Why the party gets no payout although it has money."""
    amount = money_text(skipped.amount_minor, found.currency)
    match skipped.reason:
        case payouts.BELOW_MINIMUM:
            least = money_text(found.minimum_minor, found.currency)
            return Sentence("{amount} is payable, and waits: no payout is below {least}.", amount=amount, least=least)
        case payouts.NO_PAYEE:
            return Sentence("{amount} is payable, but nobody has said where this party is paid.", amount=amount)
        case payouts.OWNER_HELD:
            return Sentence("{amount} is held, because there is a hold on this party.", amount=amount)
        case payouts.PAYOUT_REFUSED:
            return Sentence("{amount} is held, because a payout came back.", amount=amount)
        case _:
            return Sentence("{amount} is held, and nothing else can be paid now.", amount=amount)


def _coming(coming: Coming) -> Iterator[str]:
    """What is pending: what is due, the next day, what has none, and what is blocked."""
    if coming.ready_minor:
        amount = money_text(coming.ready_minor, coming.currency)
        yield Sentence("{amount} is pending and due: the next settlement run makes it payable.", amount=amount)
    if coming.next_day is not None:
        amount, day = money_text(coming.later[coming.next_day], coming.currency), coming.next_day.isoformat()
        yield Sentence("{amount} is pending until {day}.", amount=amount, day=day)
        if rest := sum(coming.later.values()) - coming.later[coming.next_day]:
            yield Sentence("{amount} comes later.", amount=money_text(rest, coming.currency))
    if coming.undated_minor:
        amount = money_text(coming.undated_minor, coming.currency)
        yield Sentence("{amount} is pending without a date: not received yet, or something is missing.", amount=amount)
    if coming.blocked:
        amount = money_text(sum(part.amount_minor for part in coming.blocked), coming.currency)
        why = with_commas([Sentence(SKIPPED_LINES[part.blocked]) for part in coming.blocked if part.blocked])
        yield Sentence(
            "{amount} is pending and blocked ({why}): the next settlement run does not settle it.",
            amount=amount,
            why=why,
        )


def _besides(money: PartyMoneyStates) -> Iterator[str]:
    """What is on its way."""
    if money.in_transit_minor:
        amount = money_text(money.in_transit_minor, money.currency)
        yield Sentence("{amount} is on its way: no bank has confirmed it yet.", amount=amount)
