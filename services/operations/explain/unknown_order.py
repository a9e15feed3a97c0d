"""Why the books know nothing of an order, in a sentence that names where its events lie."""

from services.kernel.sentences import Sentence, with_semicolons
from services.kernel.time import format_rfc3339, to_micros
from services.operations.explain.sources import BookedOrder, Library, NotExplained, OrderLogRecord, PublishedOrder


def find_order(order_id: str, library: Library) -> tuple[BookedOrder, PublishedOrder | None]:
    """What the books hold of an order; where they hold nothing, also what the orders topic holds of it."""
    booked = library.booked(order_id)
    if booked.lines:
        return booked, None
    published = library.published(order_id, booked)
    booked = library.booked(order_id)  # it may have arrived while the topic was read
    return booked, None if booked.lines else published


def not_explained(order_id: str, published: PublishedOrder) -> NotExplained:
    """The reason as an exception to raise."""
    return NotExplained(_why(order_id, published), published.refused)


def _why(order_id: str, published: PublishedOrder) -> str:
    """Tell apart: never published, on its way, refused, not paid, nobody to credit."""
    payment = published.payment
    if not published.records:
        return Sentence("order {order_id} is unknown: no event of it was ever published", order_id=order_id)
    if published.on_its_way and (payment is not None or not published.refused):
        return Sentence(
            "order {order_id} was published and is still on its way to the books: `koc drain` waits for it",
            order_id=order_id,
        )
    if payment is not None:
        return Sentence(
            "order {order_id}, paid {paid_at} by {buyer_id}, has neither a touch that could be credited nor a "
            "declaration: nobody earns anything from it",
            order_id=order_id,
            paid_at=format_rfc3339(to_micros(payment.occurred_at)),
            buyer_id=payment.buyer_id,
        )
    refused_payments = [one for one in published.refused if one.event_type in (None, "order.paid")]
    if refused_payments:
        refusal = refusal_sentence(refused_payments[-1])
        return Sentence("order {order_id} is not in the books: {refusal}", order_id=order_id, refusal=refusal)
    return _never_paid(order_id, published)


def _never_paid(order_id: str, published: PublishedOrder) -> str:
    """Nothing of the order is a payment, good or bad."""
    never_paid = Sentence(
        "order {order_id} has no order.paid among its published events: nobody earns anything until it comes",
        order_id=order_id,
    )
    return with_semicolons([never_paid, *map(refusal_sentence, published.refused[-1:])])


def refusal_sentence(record: OrderLogRecord) -> str:
    """What was refused, why, and the command that shows it."""
    return Sentence(
        "its {what} at {position} was refused as {refusal}; `koc dlq show {position}` shows it",
        what=record.event_type or Sentence("event"),
        position=record.position,
        refusal=record.refusal and record.refusal.sentence,
    )
