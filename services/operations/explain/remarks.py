"""What is unusual about an order line, in sentences: why it is worth nothing, what it waits for, what does not fit."""

from collections.abc import Sequence

from services.operations.explain.refunds import RefundExplanation
from services.operations.explain.sources import ExplainableAssertion
from services.settlement.domain.book.currencies import decimal_text
from services.settlement.domain.lines.assertions import is_cancelled
from services.settlement.domain.lines.line import Line


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
        return f"the order line belongs to buyer {owner}" if owner else "the order line belongs to another buyer"
    if is_denied:
        return "a dispute of the line is lost"
    if set_aside is not None:
        return f"the line is set aside, because {set_aside}"
    if is_cancelled(told):
        return "the line is cancelled"
    if told.goods_paid_minor <= 0:
        return "nothing was paid for the goods, so no base remains"
    if told.refunded_minor >= told.goods_paid_minor:
        return "all that was paid for the goods is refunded, so no base remains"
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
    remarks = []
    if nothing is not None:
        remarks.append(f"{nothing}: this line is worth {money(0, told)}")
    if line.quarantined is not None:
        remarks.append(f"the line is quarantined, so it stays at what is booked: {line.quarantined}")
    if line.below_join:
        remarks.append("the line is incomplete: an assertion that knows all of its events is still to come")
    if not is_as_priced:
        remarks.append(
            "the plans of today give another amount than is booked: it waits to be priced again, or is frozen"
        )
    if refunds is not None and (listed := sum(one.counted_minor for one in refunds)) != told.refunded_minor:
        remarks.append(
            f"the refunds listed here add up to {money(listed, told)}, the books count "
            f"{money(told.refunded_minor, told)}: the orders topic no longer holds all of them"
        )
    return remarks
