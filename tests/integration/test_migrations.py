"""Migrations carry a filled book over, up and down, and what the poster does next is the same."""

import psycopg
import pytest
from alembic import command
from sqlalchemy import text

from services.kernel.errors import InvariantBroken, StartRefused
from services.runtime.database import engine
from services.runtime.local.stack import Stack
from services.settlement.books import migrations
from services.settlement.verify.verify import verify
from tests.kit.books import Books
from tests.kit.commands import given
from tests.kit.registry_events import ANY_CURRENCY, CONTENT, PLAN, RELATION, SPEND
from tests.kit.schema_differences import differences
from tests.kit.settlement_book import fill, order
from tests.kit.settlement_facts import DAY, Fact

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


LINES_AS_SETTLED = """
SELECT order_id, line_id, buyer_id, content_hash, first_seq, settled_accounts, settled_amounts, terms, grants
FROM line ORDER BY 1, 2, 3
"""
PARTY_LEGS = "SELECT * FROM party_leg ORDER BY 1, 2, 3"
CONTENTS = """
SELECT kind, identity, currency, accounts, amounts, settled_accounts FROM content_position
WHERE cardinality(accounts) > 0 ORDER BY 1, 2, 3
"""
JOBS = "SELECT id, count(*) FROM reprice_job JOIN reprice_progress ON job = id WHERE NOT done GROUP BY 1"
HINTS = "SELECT partition, settle_on::text, order_id, line_id, buyer_id FROM due ORDER BY 1, 2, 3"


def test_a_book_from_before_settling_has_all_that_it_would_have_today(books: Books) -> None:
    fill(books)
    received = order(60, received_at=order(60).paid_at + DAY, status="received", new_customer=True)
    books.assert_lines(received, partition=4)
    books.take_registry(CONTENT | {"event_id": "r3b", "script_fee_minor": 0}, SPEND | {"event_id": "r5b"})
    before = {query: books.rows(query) for query in (LINES_AS_SETTLED, PARTY_LEGS, CONTENTS, HINTS)}
    journal = books.rows("SELECT * FROM journal ORDER BY writer, seq")
    assert len(before[HINTS]) == 1

    migrate_to("0002")
    assert books.rows("SELECT count(*), count(DISTINCT (kind, identity)) FROM reference") == [(7, 7)]
    assert books.rows(LINES)
    migrate_to("head")

    after = {query: books.rows(query) for query in (LINES_AS_SETTLED, PARTY_LEGS, CONTENTS)}
    assert after == {query: before[query] for query in after}
    assert books.rows("SELECT * FROM journal ORDER BY writer, seq") == journal
    with engine("owner").connect() as connection:
        assert differences(connection) == []


def test_a_line_from_before_settling_takes_the_same_assertion_again_and_is_due_once_it_is_priced_again(
    books: Books,
) -> None:
    fill(books)
    received = order(60, received_at=order(60).paid_at + DAY, status="received", new_customer=True)
    books.assert_lines(received, partition=4)
    hints = books.rows(HINTS)
    entries = len(books.journal())
    migrate_to("0002")
    migrate_to("head")
    again = books.assert_lines(received, partition=4)
    assert again.assertions == {"same": 1}
    assert (books.rows(HINTS), books.rows(JOBS)) == ([], [(-1, 12)])
    books.store.reconnect()
    assert books.reprice() == 1
    assert books.rows(HINTS) == hints
    assert len(books.journal()) == entries, "pricing again has moved nothing"
    with books.store.snapshot() as snapshot:
        assert verify(snapshot).differences == []
    migrate_to("0002")
    migrate_to("head")
    assert books.rows(JOBS) == [(-2, 12)], "no number is used twice"


def test_the_last_fact_of_an_identity_stands_after_the_way_down_and_its_right_to_change_it_comes_back(
    books: Books,
) -> None:
    allowed = "SELECT has_table_privilege('koc_writer', 'reference', 'UPDATE')"
    books.take_registry(PLAN, PLAN | {"event_id": "r1b", "rate_ppm": 1}, RELATION)
    assert books.rows(allowed) == [(False,)]
    migrate_to("0002")
    standing = "SELECT identity, position, body ->> 'rate_ppm' FROM reference WHERE kind = 'plan.published'"
    assert books.rows(standing) == [("pl_1|1", 1, "1")]
    assert books.rows(allowed) == [(True,)]


def test_an_empty_book_is_left_no_job(books: Books) -> None:
    migrate_to("0002")
    migrate_to("head")
    assert books.rows(JOBS) == []


def test_a_hash_that_is_not_the_assertions_stops_the_migration(books: Books) -> None:
    books.register(ANY_CURRENCY)
    books.assert_lines(Fact(), order(2))
    migrate_to("0002")
    books.plant("UPDATE line SET content_hash = 'another' WHERE order_id = 'o_2'")
    with pytest.raises(InvariantBroken, match="the content hash of line o_2/1/b_2"):
        migrate_to("head")


def test_settled_books_do_not_go_back(books: Books) -> None:
    books.plant(
        "INSERT INTO run (id, as_of, status, point, terms, plan_sha256, counts, by, planned_at) "
        "VALUES ('r', now(), 'done', '{}', 1, '', '{}', 'ann', now())"
    )
    with pytest.raises(InvariantBroken, match="the books have settlement runs"):
        migrate_to("0002")


def test_commands_may_go_and_come_again_and_what_they_booked_stays(books: Books) -> None:
    given("brand", "paid", "br_2", "30.00", "CNY", "--id", "paid")
    journal = books.rows("SELECT idem_key, encode(chain, 'hex') FROM journal")
    migrate_to("0003")
    assert books.rows("SELECT to_regclass('command'), to_regclass('command_relay')") == [(None, None)]
    migrate_to("head")
    with engine("owner").connect() as connection:
        assert differences(connection) == []
    assert books.rows("SELECT idem_key, encode(chain, 'hex') FROM journal") == journal
    assert given("brand", "paid", "br_2", "30.00", "CNY", "--id", "another")["seq"] == 1


def test_a_server_without_the_group_roles_is_refused_with_the_statements_that_make_them(
    on_stack: Stack, empty_database: str
) -> None:
    del empty_database
    with psycopg.connect(on_stack.superuser_dsn(), autocommit=True) as server:
        server.execute("ALTER ROLE koc_operator RENAME TO another_group")
        try:
            with pytest.raises(StartRefused) as refused:
                migrations.migrate(engine("owner"))
        finally:
            server.execute("ALTER ROLE another_group RENAME TO koc_operator")
    assert str(refused.value) == (
        "the server lacks roles that the schema gives rights to: as a superuser, run `CREATE ROLE koc_operator IN ROLE "
        "koc_writer`, then `koc settlement migrate` again"
    )


RIGHTS = """
SELECT tablename, privilege FROM pg_tables, unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS privilege
WHERE schemaname = 'public' AND has_table_privilege(:role, tablename, privilege)
"""


def test_posters_delete_hints_and_traces_alone_and_change_neither_facts_nor_plans(books: Books) -> None:
    def tables(role: str, privilege: str) -> set[str]:
        return {table for table, right in books.rows(RIGHTS.replace(":role", f"'{role}'")) if right == privilege}

    settling = {"due", "terms", "party_leg", "run", "run_line", "run_progress", "run_content", "run_party", "run_skip",
                "tier_counter", "bonus_slot", "budget_line"}  # fmt: skip
    assert tables("koc_writer", "DELETE") == {"due", "traced_entry"}
    assert tables("koc_writer", "TRUNCATE") == set()
    assert tables("koc_writer", "INSERT") >= settling
    assert tables("koc_writer", "UPDATE") & {*settling, "reference"} == {
        "run", "run_progress", "tier_counter", "budget_line",
    }  # fmt: skip
    assert [tables("koc_reader", privilege) for privilege in ("INSERT", "UPDATE", "DELETE", "TRUNCATE")] == [set()] * 4


def test_code_works_on_a_later_schema_that_names_it_and_on_no_other(books: Books) -> None:
    with engine("owner").begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with engine("writer").connect() as connection:
        migrations.check_revision(connection)
    assert migrations.migrate(engine("owner")) == ("9999", "9999"), "nothing is to be done, and nothing is undone"
    books.register(PLAN, RELATION)
    books.assert_lines(order(1))
    with engine("owner").begin() as connection:
        connection.execute(text("DELETE FROM compatible_code"))
    refusal = r"at revision 9999, which is newer than this code"
    with pytest.raises(StartRefused, match=refusal):
        migrations.migrate(engine("owner"))
    with engine("writer").connect() as connection, pytest.raises(StartRefused, match=refusal):
        migrations.check_revision(connection)
