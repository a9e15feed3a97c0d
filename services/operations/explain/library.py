"""Explanations of the running service: the books as the reader role, the orders and clicks topics, the dead letters."""

from services.operations.explain.booked_order import read_booked
from services.operations.explain.explain import OrderExplanation, explain
from services.operations.explain.inquiry import Inquiry, Rulebook, WhyNotAnswer
from services.operations.explain.orders_log import read_published
from services.operations.explain.sources import BookedOrder, PublishedOrder
from services.operations.explain.touches import LiveTouchLibrary
from services.operations.explain.why_not import why_not
from services.settlement.books.reader import books_reader


class LiveLibrary:
    """`sources.Library` of the running service."""

    def booked(self, order_id: str) -> BookedOrder:
        """What the books hold, from one snapshot.

        Raises:
            StartRefused: the database has another schema than this code.
        """
        with books_reader() as reader:
            unchanging = reader.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with unchanging.connect() as connection:
                return read_booked(connection, order_id)

    def published(self, order_id: str, booked: BookedOrder) -> PublishedOrder:
        """What the orders topic and its dead letters hold."""
        return read_published(order_id, booked)


def explain_order(order_id: str) -> OrderExplanation:
    """Explain an order of the running service.

    Raises:
        NotExplained: the books know nothing of it; one sentence says why.
    """
    return explain(order_id, LiveLibrary())


def answer_why_not(order_id: str, inquiry: Inquiry, rulebook: Rulebook) -> WhyNotAnswer:
    """What became of a content or KOC in an order of the running service.

    Raises:
        NotExplained: neither the books nor the orders topic have such a paid order; one sentence says why.
    """
    return why_not(order_id, inquiry, LiveLibrary(), LiveTouchLibrary(), rulebook)
