"""What is unusual about an order line, in sentences: why it is worth nothing, what it waits for, what does not fit."""

from collections.abc import Sequence

from services.kernel.sentences import Sentence
from services.operations.explain.refunds import RefundExplanation
from services.operations.explain.sources import ExplainableAssertion
from services.settlement.domain.book.currencies import decimal_text
from services.settlement.domain.lines.assertions import is_cancelled
from services.settlement.domain.lines.line import OTHER_PAID_AT, Line


def money(amount_minor: int, told: ExplainableAssertion) -> str:
    """An amount in the decimals of the line's currency, with its code."""
    return f"{decimal_text(amount_minor, told.currency)} {told.currency}"


def nothing_because(
    line: Line, told: ExplainableAssertion, owner: str | None, set_aside: str | None, *, is_denied: bool
) -> str | None:
    """Why a line is worth nothing, whatever the plans say; None where it has a base that plans can price.

    Args:
        line: as the books have it.
        told: its assertion.
        owner: the buyer whose line of this order line stands.
        set_aside: why the journal can hold nothing of it.
        is_denied: whether a dispute of it is lost.
    """
    if not line.standing:
        if owner:
            return Sentence("the order line belongs to buyer {owner}", owner=owner)
        return Sentence("the order line belongs to another buyer")
    if is_denied:
        return Sentence("a dispute of the line is lost")
    if set_aside is not None:
        return Sentence("the line is set aside, because {why}", why=set_aside)
    if is_cancelled(told):
        return Sentence("the line is cancelled")
    if told.goods_paid_minor <= 0:
        return Sentence("nothing was paid for the goods, so no base remains")
    if told.refunded_minor >= told.goods_paid_minor:
        return Sentence("all that was paid for the goods is refunded, so no base remains")
    return None


def line_remarks(
    line: Line,
    told: ExplainableAssertion,
    nothing: str | None,
    refunds: Sequence[RefundExplanation] | None,
    *,
    is_as_priced: bool,
) -> list[str]:
    """A sentence for each thing that a reader would not expect.

    Args:
        line: as the books have it.
        told: its assertion.
        nothing: why it is worth nothing; None = it is worth something.
        refunds: that the orders topic shows; None = unknown.
        is_as_priced: whether what is booked is what the plans of today give.
    """
    remarks: list[str] = []
    # what takes or keeps its worth
    if nothing is not None:
        remarks.append(Sentence("{nothing}: this line is worth {money}", nothing=nothing, money=money(0, told)))
    if line.quarantined is not None:
        remarks.append(_quarantine_sentence(line.quarantined))
    # what is still to come
    if line.below_join:
        remarks.append(Sentence("the line is incomplete: an assertion that knows all of its events is still to come"))
    if not is_as_priced:
        remarks.append(
            Sentence("the plans of today give another amount than is booked: it waits to be priced again, or is frozen")
        )
    # what the two sources say differently
    if refunds is not None and (listed := sum(one.counted_minor for one in refunds)) != told.refunded_minor:
        remarks.append(
            Sentence(
                "the refunds listed here add up to {listed}, the books count {booked}: the orders topic no longer "
                "holds all of them",
                listed=money(listed, told),
                booked=money(told.refunded_minor, told),
            )
        )
    return remarks


def _quarantine_sentence(reason: str) -> str:
    """Why a line is frozen: in the words of a person, or for the one reason that the books find themselves."""
    why = Sentence(OTHER_PAID_AT) if reason == OTHER_PAID_AT else reason
    return Sentence("the line is quarantined, so it stays at what is booked: {why}", why=why)
