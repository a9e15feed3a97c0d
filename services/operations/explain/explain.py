"""Who earns what from an order: each line's touches, credits, plans and splits, and the entries that were booked.

Prices are worked out anew by the rules that booked them, from the assertion and the reference data as they stand; the
result is held against what is booked.
"""

from collections.abc import Sequence
from typing import NamedTuple

from services.kernel.sentences import Sentence
from services.operations.explain.refunds import RefundExplanation, explain_refunds
from services.operations.explain.remarks import line_remarks, nothing_because
from services.operations.explain.settling import SettlingExplanation, explain_settling
from services.operations.explain.sources import (
    BookedOrder,
    ExplainableAssertion,
    Library,
    OrderLogRecord,
    PublishedOrder,
)
from services.operations.explain.unknown_order import find_order, not_explained
from services.settlement.books.journal_entry import JournalEntry
from services.settlement.domain.book.entries import Entry
from services.settlement.domain.book.positions import Position
from services.settlement.domain.lines.assertions import AssertedCredit
from services.settlement.domain.lines.line import Line
from services.settlement.domain.lines.worth import pricing_reference, vat_ppm_of, worth_of, worth_of_line
from services.settlement.domain.pricing.price import (
    GOODS_PAID,
    CreditTerms,
    SplitShare,
    allocated,
    commission_of,
    split,
)
from services.settlement.domain.pricing.reference import Reference
from services.settlement.domain.settling.place import owed_of, place


class CreditExplanation(NamedTuple):
    """One credit, priced: `base_minor` is its part of what remains after refunds; `keeps` is role -> amount."""

    terms: CreditTerms
    base_kind: str
    base_minor: int
    commission_minor: int
    taken: Sequence[SplitShare]
    keeps: dict[str, int]

    @property
    def credit(self) -> AssertedCredit:
        """What is credited."""
        return self.terms.credit


class LineExplanation(NamedTuple):
    """One line under one buyer.

    Attributes:
        target: what it is worth now, by account; the line has what is booked.
        nothing_because: why it is worth nothing whatever the plans say; None = it has a base.
        remarks: what is unusual about it, a sentence each.
        refunds: as far as the orders topic shows them; None = the topic could not be read.
        settling: how far it is from its money.
    """

    line: Line
    told: ExplainableAssertion
    credits: Sequence[CreditExplanation]
    target: Position
    nothing_because: str | None
    remarks: Sequence[str]
    entries: Sequence[JournalEntry]
    refunds: Sequence[RefundExplanation] | None
    settling: SettlingExplanation


class OrderExplanation(NamedTuple):
    """An order as the books have it.

    Attributes:
        refused: its refused events.
        remarks: what is unusual about the order as a whole, a sentence each.
    """

    order_id: str
    lines: Sequence[LineExplanation]
    refused: Sequence[OrderLogRecord]
    remarks: Sequence[str]


def explain(order_id: str, library: Library) -> OrderExplanation:
    """Explain an order.

    Raises:
        NotExplained: it was never published, is on its way, was refused, or has neither touch nor declaration.
    """
    booked, published = find_order(order_id, library)
    if published is not None:
        raise not_explained(order_id, published)
    try:
        found = library.published(order_id, booked)
    except ConnectionError as problem:
        unread = Sentence(
            "the orders topic cannot be read, so refunds and refused events are not listed: {problem}", problem=problem
        )
        return OrderExplanation(order_id, explained_lines(booked, None), [], [unread])
    late = Sentence("an event of the order is still on its way to the books: `koc drain` waits for it")
    return OrderExplanation(order_id, explained_lines(booked, found), found.refused, [late] if found.on_its_way else [])


def explained_lines(booked: BookedOrder, published: PublishedOrder | None) -> list[LineExplanation]:
    """The lines of an order that the books know."""
    return [_line(line, told, booked, published) for line, told in booked.lines]


def _line(
    line: Line, told: ExplainableAssertion, booked: BookedOrder, published: PublishedOrder | None
) -> LineExplanation:
    """Price a line again, with each step kept."""
    worth = worth_of_line(line, told, booked.reference)
    target = place(line.settled, owed_of(worth.target), line.brand_id, vat_ppm_of(line, booked.reference))
    owner = next((other.key[2] for other, _ in booked.lines if other.standing and other.key[:2] == line.key[:2]), None)
    settling = explain_settling(line, told, worth, booked)
    reason = nothing_because(line, told, owner, worth.set_aside, is_denied=booked.reference.is_denied(*line.key[:2]))
    refunds = None if published is None else explain_refunds(told, published.records)
    return LineExplanation(
        line,
        told,
        _credits(told, _terms_of(line, told, booked.reference), is_worthless=reason is not None),
        target,
        reason,
        line_remarks(line, told, reason, refunds, is_as_priced=target == line.booked),
        [recorded for recorded in booked.entries if _is_of(recorded.entry, line)],
        refunds,
        settling,
    )


def _terms_of(line: Line, told: ExplainableAssertion, reference: Reference) -> tuple[CreditTerms, ...]:
    """What prices the credits of a line, also of one that is worth nothing."""
    return worth_of(told, pricing_reference(line, reference), line.grants).terms


def _credits(
    told: ExplainableAssertion, priced: tuple[CreditTerms, ...], *, is_worthless: bool
) -> list[CreditExplanation]:
    """Each credit with its part of the base, its commission and its splits."""
    explained = []
    for index, terms in enumerate(priced):
        kind = terms.plan.base if terms.plan else GOODS_PAID
        base = 0 if is_worthless else allocated(told, priced, kind, told.refunded_minor)[index]
        commission = commission_of(terms, base)
        taken, keeps = split(terms, base, commission)
        explained.append(CreditExplanation(terms, kind, base, commission, taken, keeps))
    return explained


def _is_of(entry: Entry, line: Line) -> bool:
    """Whether an entry was booked for this line under this buyer; the line's name ends no later than the step."""
    if (entry.order_id, entry.line_id) != line.key[:2]:
        return False
    return "/".join(line.key) in entry.idem_key.split("|")
