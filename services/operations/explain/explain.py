"""Why an order earned whom what: each line's touches, credits, plans and splits, and the entries that were booked.

Prices are worked out anew by the rules that booked them, from the assertion and the reference data as they stand; the
result is held against what is booked.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from schemas.verdicts import MEANING as VERDICTS
from services.kernel.money import share
from services.kernel.time import format_rfc3339
from services.settlement.domain.book.entries import Entry
from services.settlement.domain.book.positions import Position
from services.settlement.domain.lines.assertions import AssertedCredit, LineAssertion, is_cancelled
from services.settlement.domain.lines.line import Line
from services.settlement.domain.pricing.price import (
    GOODS_PAID,
    CreditTerms,
    Reference,
    SplitShare,
    allocated,
    price,
    split,
    terms_of,
)

# ruff: noqa: D102 - what each field of an assertion means stands once, in the public contract (schemas)


class Candidate(Protocol):
    """A touch or the platform's declaration (without a touch) that was considered, and the verdict on it."""

    @property
    def touch_id(self) -> str | None: ...
    @property
    def content_id(self) -> str: ...
    @property
    def koc_id(self) -> str: ...
    @property
    def touched_at(self) -> int | None: ...
    @property
    def verdict(self) -> str: ...


class Told(LineAssertion, Protocol):
    """An assertion with what only a person reads."""

    @property
    def considered(self) -> Sequence[Candidate]: ...


class Booked(NamedTuple):
    """A journal entry by its number."""

    entry_id: str
    entry: Entry


class Known(NamedTuple):
    """What the books hold of an order, in one snapshot."""

    lines: Sequence[tuple[Line, Told]]
    entries: Sequence[Booked]
    reference: Reference


class Published(NamedTuple):
    """What the orders topic holds of an order that the books do not know.

    Attributes:
        events: how many records name it.
        paid_at: of its valid order.paid, microseconds; None = there is none.
        buyer_id: of that.
        refused: why a record of it is no valid event; None = all are.
        on_its_way: whether something that was published is not in the books yet.
    """

    events: int
    paid_at: int | None
    buyer_id: str | None
    refused: str | None
    on_its_way: bool


class Library(Protocol):
    """Where explanations are looked up."""

    def known(self, order_id: str) -> Known:
        """What the books hold; no lines where they know nothing."""

    def published(self, order_id: str) -> Published:
        """Look for it in the orders topic, from its first record to its present end."""


class NotExplained(Exception):  # noqa: N818 - what the answer is
    """There is nothing to explain, and the sentence says which of the reasons it is."""


class CreditExplained(NamedTuple):
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


class LineExplained(NamedTuple):
    """One line under one buyer. `target` is what it is worth now, by account; the line has what is booked."""

    line: Line
    told: Told
    credits: Sequence[CreditExplained]
    target: Position
    entries: Sequence[Booked]

    @property
    def remarks(self) -> list[str]:
        """What is unusual about it, a sentence each."""
        line, said = self.line, []
        if not line.standing:
            said.append("another buyer's line of the same order line stands: this one is worth nothing")
        if line.quarantined is not None:
            said.append(f"quarantined, frozen at what is booked: {line.quarantined}")
        if line.below_join:
            said.append("incomplete: an assertion that knows all of its events is still to come")
        if is_cancelled(self.told):
            said.append("cancelled: it is worth nothing")
        if self.target != line.booked:
            said.append("booked is not what the plans of today give: it waits to be priced again, or is frozen")
        return said


class Explained(NamedTuple):
    """An order as the books have it."""

    order_id: str
    lines: Sequence[LineExplained]


def explain(order_id: str, library: Library) -> Explained:
    """Explain an order.

    Raises:
        NotExplained: it was never published, is on its way, was refused, or has neither touch nor declaration.
    """
    lines = explained_lines(order_id, library)
    if not lines:
        raise NotExplained(why_unknown(order_id, library.published(order_id)))
    return Explained(order_id, lines)


def verdict_sentence(verdict: str) -> str:
    """A verdict in a sentence; a word that is newer than this reader is given as it is."""
    return VERDICTS.get(verdict, f"the verdict was {verdict}")


def explained_lines(order_id: str, library: Library) -> list[LineExplained]:
    """The lines of an order that the books know; none where they know nothing of it."""
    known = library.known(order_id)
    return [_line(line, told, known) for line, told in known.lines]


def _line(line: Line, told: Told, known: Known) -> LineExplained:
    """Price a line again, with each step kept."""
    priced = terms_of(told, known.reference)
    cancelled = is_cancelled(told)
    target = price(told, priced.terms, told.refunded_minor, cancelled=cancelled) if line.standing else {}
    credits_explained = []
    for index, terms in enumerate(priced.terms):
        kind = terms.plan.base if terms.plan else GOODS_PAID
        base = 0 if cancelled else allocated(told, priced.terms, kind, told.refunded_minor)[index]
        commission = share(base, terms.rate_ppm)
        taken, keeps = split(terms, base, commission)
        credits_explained.append(CreditExplained(terms, kind, base, commission, taken, keeps))
    entries = [booked for booked in known.entries if _is_of(booked.entry, line)]
    return LineExplained(line, told, credits_explained, target, entries)


def _is_of(entry: Entry, line: Line) -> bool:
    """Whether an entry was booked for this line under this buyer; the line's name ends no later than the step."""
    if (entry.order_id, entry.line_id) != line.key[:2]:
        return False
    return "/".join(line.key) in entry.idem_key.split("|")


def why_unknown(order_id: str, published: Published) -> str:
    """One sentence that tells apart why the books know nothing of an order."""
    if published.events == 0:
        return f"order {order_id} is unknown: no event of it was ever published"
    if published.refused is not None:
        return f"order {order_id} was published and refused ({published.refused}): see `koc dlq list`"
    if published.on_its_way:
        return f"order {order_id} was published and is still on its way to the books: see `koc drain`"
    if published.paid_at is None:
        return f"order {order_id} has no order.paid among what was published of it: it earns nobody anything until then"
    return (
        f"order {order_id}, paid {format_rfc3339(published.paid_at)} by {published.buyer_id}, has neither a touch that "
        "could be credited nor a declaration: it earns nobody anything"
    )
