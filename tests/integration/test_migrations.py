"""Migrations carry a filled book over, up and down, and what the poster does next is the same."""

from alembic import command

from services.runtime.database import engine
from services.settlement.books import migrations
from tests.kit.books import Books
from tests.kit.registry_events import PLAN, RELATION
from tests.kit.schema_differences import differences
from tests.kit.settlement_book import order

LINES = "SELECT order_id, booked_steps FROM line ORDER BY order_id"


def migrate_to(revision: str) -> None:
    step = command.downgrade if revision != "head" else command.upgrade
    with engine("owner").begin() as connection:
        step(migrations.config(connection), revision)


def test_an_unpriced_line_forgets_its_steps_on_the_way_up_and_has_them_again_on_the_way_down(books: Books) -> None:
    books.register(PLAN, RELATION)
    unpriced = order(2, brand_id="br_unknown").refunded(5)
    books.assert_lines(order(1), unpriced)
    assert books.rows(LINES) == [("o_1", ["o1_paid"]), ("o_2", [])]
    migrate_to("0001")
    assert books.rows(LINES) == [("o_1", ["o1_paid"]), ("o_2", ["o1_paid", "o1_ref"])]
    migrate_to("head")
    assert books.rows(LINES) == [("o_1", ["o1_paid"]), ("o_2", [])]
    entries = books.rows("SELECT count(*) FROM journal")
    books.assert_lines(order(1), unpriced)
    assert books.rows("SELECT count(*) FROM journal") == entries, "the same again books nothing"
    with engine("owner").connect() as connection:
        assert differences(connection) == []
