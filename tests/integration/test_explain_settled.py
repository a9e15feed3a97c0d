"""Explanations of settled orders from PostgreSQL: what they are from the same books in memory."""

from services.operations.explain.booked_order import read_booked
from services.operations.explain.explain import OrderExplanation, explained_lines
from services.operations.explain.explanation_json import order_json
from services.operations.explain.sources import BookedOrder
from services.runtime.database import engine
from services.settlement.books.snapshot import repeatable_read
from tests.kit.book_driver import BookDriver, MemoryStore
from tests.kit.booked_orders import booked_order
from tests.kit.books import Books
from tests.kit.paid_book import fill_paid


def told(order_id: str, booked: BookedOrder) -> object:
    return order_json(OrderExplanation(order_id, explained_lines(booked, None), [], []))


def test_every_order_is_explained_as_from_memory(books: Books) -> None:
    other = BookDriver(MemoryStore())
    fill_paid(books)
    fill_paid(other)
    reader = engine("reader")
    with repeatable_read(reader) as connection:
        for number in range(14):
            order_id = f"o_{number}"
            booked = read_booked(connection, order_id)
            assert told(order_id, booked) == told(order_id, booked_order(other, order_id, booked.runs.now))
        about = {order_id: {event.identity for event in read_booked(connection, order_id).runs.cases}
                 for order_id in ("o_5", "o_6", "o_8")}  # fmt: skip
        assert about == {"o_5": {"d_1", "h_2", "h_3"}, "o_6": {"h_1"}, "o_8": {"h_3"}}
    reader.dispose()
