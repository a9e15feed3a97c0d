"""What is in the way of a party's money: blocked lines, reserves, refused payouts, holds, minima, debts."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from services.console.render import moment
from services.console.values import CellValue, LinkCell, MoneyCell, WordsCell, path
from services.console.words.labels import SKIPPED_LINES
from services.kernel.sentences import Sentence
from services.settlement.books.lookups.party_coming import MOST_ORDERS, PendingPart
from services.settlement.books.lookups.party_facts import OpenReserve, RefusedPayout
from services.settlement.domain.paying import payouts
from services.settlement.domain.paying.payouts import SkippedParty
from services.settlement.domain.settling.facts import Hold
from services.settlement.payouts.forecast import NextPayout


class HeldFor(NamedTuple):
    """What money of a party is held for, as the books have it.

    `holds` are those on the party itself; those on orders and contents show in what a proposal keeps back.
    """

    reserves: Sequence[OpenReserve]
    refused: Sequence[RefusedPayout]
    holds: Sequence[Hold]


def obstacle_rows(
    nexts: Sequence[NextPayout], held_for: HeldFor, parts: Sequence[PendingPart]
) -> list[list[CellValue]]:
    """What, amount, currency, until when, and where to look: of settled money by currency, then of pending money."""
    settled = [row for one in nexts for row in (*_held(one, held_for), *_unpaid(one))]
    return [*settled, *(_blocked(part, part.blocked) for part in parts if part.blocked is not None)]


def _blocked(part: PendingPart, reason: str) -> list[CellValue]:
    """Pending money that no run settles, with the orders that it is of."""
    words = Sentence("Pending, and no run settles it: {why}", why=Sentence(SKIPPED_LINES[reason]))
    return _row(words, MoneyCell(part.amount_minor, part.currency), _order_links(part.orders))


def _order_links(orders: Sequence[str]) -> list[LinkCell]:
    return [LinkCell(order, path("order", order)) for order in orders]


def _row(words: str, amount: MoneyCell, see: CellValue = None, until: int | None = None) -> list[CellValue]:
    return [WordsCell(words), amount, amount.currency, None if until is None else moment(until), see]


def _held(one: NextPayout, held_for: HeldFor) -> Iterator[list[CellValue]]:
    """What is kept back, and for what."""
    for hold in held_for.holds:
        words = "A hold on this party keeps everything back"
        yield _row(words, MoneyCell(one.held_minor, one.currency), hold.hold_id)
    for reserve in held_for.reserves:
        if reserve.currency == one.currency:
            link = LinkCell(reserve.run, path("run", reserve.run))
            amount = MoneyCell(reserve.amount_minor, one.currency)
            yield _row("Reserve for returns", amount, link, reserve.until)
    for payout in held_for.refused:
        if payout.currency == one.currency:
            link = LinkCell(payout.id, path("payout", payout.id))
            amount = MoneyCell(payout.amount_minor, one.currency)
            yield _row("A payout came back: a new payee or a release frees it", amount, link)
    if one.given.on_hold:
        orders = list(dict.fromkeys(subject.split("/")[0] for subject in one.kept))[:MOST_ORDERS]
        yield _row("Orders in a hold or a dispute", MoneyCell(one.given.on_hold, one.currency), _order_links(orders))


def _unpaid(one: NextPayout) -> Iterator[list[CellValue]]:
    """Why what is left is not paid, or not all of it."""
    if one.given.clawback > 0:
        yield _row("It owes this back", MoneyCell(one.given.clawback, one.currency))
    if isinstance(one.decided, SkippedParty):
        if one.decided.reason == payouts.NO_PAYEE:
            words = "Nobody has said where it is paid: publish payee.set"
            yield _row(words, MoneyCell(one.payable_minor, one.currency))
        if one.decided.reason == payouts.BELOW_MINIMUM:
            yield _row("No payout is below this", MoneyCell(one.minimum_minor, one.currency))
