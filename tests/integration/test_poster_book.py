"""The poster's transaction on a real PostgreSQL: what the database holds and what it refuses."""

import hashlib
import threading
from collections.abc import Iterator, Sequence
from typing import LiteralString

import psycopg
import pytest
from psycopg import errors
from sqlalchemy import text

from services.kernel.time import to_micros
from services.runtime.database import engine, psycopg_dsn
from services.runtime.local.stack import Stack
from services.settlement.books import migrations
from services.settlement.books.failures import retry_cause
from services.settlement.domain.book.entries import GENESIS, KIND_BY_CODE, Entry, chain
from services.settlement.posting.post_credits import Fenced
from tests.kit.books import Books
from tests.kit.registry_events import ACCEPTED, ANY_CURRENCY, CONTENT, PLAN, RELATION, SPEND
from tests.kit.schema_differences import differences
from tests.kit.settlement_book import fill, order
from tests.kit.settlement_facts import DAY, PAID_AT, Fact
from tests.kit.stacks import empty_database_on

NET = """
SELECT order_id, line_id, a.key, a.currency, sum(v) FROM journal, unnest(accounts, amounts) AS leg (id, v)
JOIN account a USING (id) GROUP BY 1, 2, 3, 4 HAVING sum(v) <> 0 ORDER BY 1, 2, 3, 4
"""
JOURNAL = """
SELECT writer, seq, idem_key, cause, kind, currency, period, effective_at, recorded_at, order_id, line_id, corrects,
  accounts, amounts, chain FROM journal ORDER BY writer, seq
"""


@pytest.fixture
def another_books(books: Books, on_stack: Stack) -> Iterator[Books]:
    """Books in a database beside that of `books`; settings() lead to this one."""
    del books
    with empty_database_on(on_stack):
        opened = Books()
        yield opened
        opened.close()


def net_digest(books: Books) -> str:
    return hashlib.sha256(repr(books.rows(NET)).encode()).hexdigest()


def check_books(books: Books) -> int:
    """Chain valid, seq gapless, balances are the journal's sums, lines are what the journal says; returns entries."""
    names = dict(books.rows("SELECT id, key FROM account"))
    links = {}
    rows = books.rows(JOURNAL)
    for writer, seq, idem, cause, kind, currency, period, at, recorded, order_id, line_id, corrects, *rest in rows:
        accounts, amounts, head = rest
        legs = {names[i]: v for i, v in zip(accounts, amounts, strict=True)}
        entry = Entry(
            idem, cause, KIND_BY_CODE[kind], currency, period, to_micros(at), order_id, line_id, corrects, legs
        )
        links[writer] = chain(entry, writer, links.get(writer, GENESIS), to_micros(recorded))
        assert links[writer] == (seq, head)
    for number, seq, head in books.rows("SELECT partition, seq, chain_head FROM writer"):
        assert links.get(number, GENESIS) == (seq, head)
    assert books.rows("""
        SELECT * FROM balance FULL JOIN (SELECT id AS account_id, sum(v) AS s, count(*) AS n
          FROM journal, unnest(accounts, amounts) AS leg (id, v) GROUP BY 1) AS j USING (account_id)
        WHERE amount_minor IS DISTINCT FROM coalesce(s, 0) OR entries IS DISTINCT FROM coalesce(n, 0)
    """) == []  # fmt: skip
    assert books.rows("""
        SELECT * FROM (SELECT order_id, line_id, id, sum(v) AS v FROM journal, unnest(accounts, amounts) AS leg (id, v)
          WHERE order_id IS NOT NULL GROUP BY 1, 2, 3 HAVING sum(v) <> 0) AS j
        FULL JOIN (SELECT order_id, line_id, id, sum(v) AS v FROM line, unnest(accounts, amounts) AS leg (id, v)
          GROUP BY 1, 2, 3) AS l USING (order_id, line_id, id) WHERE j.v IS DISTINCT FROM l.v
    """) == []  # fmt: skip
    assert books.rows("SELECT coalesce(sum(amount_minor), 0) FROM balance") == [(0,)]
    return len(rows)


def test_tables_and_migrations_agree(books: Books) -> None:
    del books
    with engine("owner").connect() as connection:
        assert differences(connection) == []
        migrations.check_revision(connection)


def test_a_column_that_no_migration_makes_would_be_noticed(books: Books) -> None:
    books.plant()
    with engine("owner").begin() as connection:
        connection.execute(text("ALTER TABLE period ADD COLUMN forgotten int"))
        assert len(differences(connection)) == 1


def test_every_step_is_a_statement_of_its_own_in_the_order_of_the_page(books: Books) -> None:
    books.register(PLAN, RELATION)
    books.assert_lines(Fact(buyer_id="b_late", paid_at=PAID_AT + 1), order(2), partition=2)
    statements: list[str] = []
    with _Statements(statements):
        books.assert_lines(Fact(buyer_id="b_first"), order(2).refunded(5), order(3), partition=2)
    expected = [
        "pg_advisory_xact_lock_shared", "pg_advisory_xact_lock_shared", "FROM writer", "registry_position",
        "JOIN line USING", "COPY journal", "SET standing = false", "COPY line (", "COPY line_staged",
        "UPDATE line l SET vector", "COPY assertion (", "COPY assertion_staged", "UPDATE assertion",
        "FROM balance", "UPDATE balance", "UPDATE writer",
    ]  # fmt: skip
    assert [word for word, done in zip(expected, statements, strict=True) if word not in done] == [], statements


class _Statements:
    """Notes what the transaction's cursor executes and copies."""

    def __init__(self, into: list[str]) -> None:
        self._into = into

    def __enter__(self) -> None:
        from services.settlement.books import posting_transaction

        into = self._into

        class Cursor(psycopg.Cursor):
            def execute(self, query, *args, **kwargs):
                into.append(str(query))
                return super().execute(query, *args, **kwargs)

            def copy(self, statement, *args, **kwargs):
                into.append(str(statement))
                return super().copy(statement, *args, **kwargs)

        self._module, self._old = posting_transaction, posting_transaction.PostingTransaction.__init__

        def opened(transaction, connection, accounts, terms) -> None:
            self._old(transaction, connection, accounts, terms)
            raw = posting_transaction.psycopg_of(connection)
            raw.cursor_factory = Cursor
            transaction.cursor = raw.cursor(binary=True)
            raw.cursor_factory = psycopg.Cursor

        posting_transaction.PostingTransaction.__init__ = opened  # type: ignore[method-assign]

    def __exit__(self, *_: object) -> None:
        self._module.PostingTransaction.__init__ = self._old  # type: ignore[method-assign]


def test_batches_of_any_size_and_duplicates_end_in_the_same_positions(books: Books, another_books: Books) -> None:
    fill(books)
    facts = [order(number) for number in range(40)]
    history: list[Fact] = []
    for index, fact in enumerate(facts):
        history += [fact, fact.refunded(fact.goods_paid_minor // (1 + index % 3))] if index < 12 else [fact]
    history += [order(50, currency="JPY"), order(51, currency="KWD"), order(52, brand_id="br_unknown")]
    for fact in history:
        another_books.assert_lines(fact, fact, partition=int(fact.order_id[2:]) % 3)
    another_books.assert_lines(order(8, buyer_id="z_later"), partition=6)
    another_books.assert_lines(order(7, buyer_id="a_earlier", paid_at=PAID_AT - DAY), partition=5)
    another_books.register(SPEND, ACCEPTED)
    another_books.register(ANY_CURRENCY | {"event_id": "r9", "version": 2, "rate_ppm": 300_000}, CONTENT)
    another_books.register(ANY_CURRENCY, RELATION | {"koc_id": "k_1"}, RELATION)
    assert net_digest(books) == net_digest(another_books)
    assert check_books(books) != check_books(another_books), "the histories did not differ"


def test_the_database_refuses_to_change_the_journal_to_writer_and_owner(books: Books) -> None:
    books.register(PLAN, RELATION)
    books.assert_lines(Fact())
    for change in ("UPDATE journal SET cause = 'x'", "DELETE FROM journal", "TRUNCATE journal"):
        with psycopg.connect(psycopg_dsn("writer")) as writer, pytest.raises(errors.InsufficientPrivilege):
            writer.execute(change)
        with psycopg.connect(psycopg_dsn("owner")) as owner, pytest.raises(errors.RestrictViolation, match="immutable"):
            owner.execute(change)
        with psycopg.connect(psycopg_dsn("reader")) as reader, pytest.raises(errors.InsufficientPrivilege):
            reader.execute(change)
    assert check_books(books) == 1


def test_the_database_refuses_an_entry_that_does_not_balance(books: Books) -> None:
    del books
    unbalanced = [("{1,2}", "{5,-4}"), ("{1}", "{0}"), ("{1,2,3}", "{5,-5}"), ("{1,2}", "{NULL,0}")]
    for accounts, amounts in [*unbalanced, ("{1,2}", "{NULL,NULL}")]:
        with psycopg.connect(psycopg_dsn("writer")) as writer, pytest.raises(errors.CheckViolation):
            writer.execute(
                "INSERT INTO journal VALUES (0, 1, 'k', 'c', 1, 'CNY', '2026-11', now(), now(), null, null, null,"
                f" '{accounts}', '{amounts}', '')"
            )


def test_an_order_line_has_one_owner_whoever_comes_first_and_wherever(books: Books, another_books: Books) -> None:
    first, second = Fact(buyer_id="b_a"), Fact(buyer_id="b_b", paid_at=PAID_AT + 1)
    for one, facts in ((books, ((3, first), (4, second))), (another_books, ((4, second), (3, first)))):
        one.register(PLAN, RELATION)
        for partition, fact in facts:
            one.assert_lines(fact, partition=partition)
        assert one.rows("SELECT buyer_id FROM line WHERE standing") == [("b_a",)]
    assert net_digest(books) == net_digest(another_books)
    assert (check_books(books), check_books(another_books)) == (1, 3)


def test_two_owners_at_once_collide_in_the_index_and_the_loser_reads_again(books: Books) -> None:
    """The other's claim commits between our read and our write: a unique violation, which is tried again."""
    books.assert_lines(Fact(buyer_id="b_b", paid_at=PAID_AT + 1), partition=4)
    with psycopg.connect(psycopg_dsn("writer")) as writer, pytest.raises(errors.UniqueViolation) as violation:
        writer.execute(
            "INSERT INTO line SELECT order_id, line_id, 'b_a', 3, true, vector, joined, below_since, content_hash,"
            " brand_id, koc_ids, paid_at, currency, revision, unpriced, unpriced_minor, quarantined, accounts, amounts,"
            " booked_steps FROM line"
        )
    assert retry_cause(violation.value) == "claimed_by_another"


def test_account_ids_are_not_burnt_by_batches_that_roll_back(books: Books) -> None:
    """ON CONFLICT and rollbacks burn identity values, and a cache would keep ids that never existed."""
    books.register(PLAN, RELATION)
    for _ in range(3):
        books.assert_lines(Fact())
        books.offsets[3] = 0
        with pytest.raises(Fenced):
            books.assert_lines(order(9))
        books.offsets[3] = books.rows("SELECT next_offset FROM writer WHERE partition = 3")[0][0]
    assert books.rows("SELECT max(id) - count(*) FROM account") == [(0,)]


@pytest.mark.parametrize(
    ("setting", "statement", "kind", "cause"),
    [
        ("transaction_timeout=50ms", "SELECT pg_sleep(5)", errors.TransactionTimeout, "timeout"),
        (
            "default_transaction_read_only=on",
            "UPDATE writer SET next_offset = next_offset",
            errors.ReadOnlySqlTransaction,
            "connection",
        ),
    ],
    ids=["held too long", "a primary that became a standby"],
)
def test_what_the_server_ends_though_no_operational_error_is_tried_again(
    books: Books, setting: str, statement: LiteralString, kind: type[psycopg.Error], cause: str
) -> None:
    """Both are InternalErrors: they must be among what is tried again."""
    del books
    with psycopg.connect(psycopg_dsn("writer"), options=f"-c {setting}") as writer:
        with pytest.raises(psycopg.Error) as ended:
            writer.execute(statement)
        assert isinstance(ended.value, kind)
        assert retry_cause(ended.value) == cause


def test_two_writers_that_touch_the_same_accounts_do_not_deadlock(books: Books) -> None:
    """Balances are locked in id order before they are moved: an UPDATE … FROM alone has no lock order."""
    books.register(PLAN, RELATION, CONTENT)
    twin = Books()
    twin.offsets = books.offsets
    failures: list[BaseException] = []

    def post(mine: Books, partition: int, facts: Sequence[Fact]) -> None:
        try:
            for start in range(0, len(facts), 20):
                mine.assert_lines(*facts[start : start + 20], partition=partition)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test is to show it
            failures.append(error)

    facts = [order(number) for number in range(400)]
    threads = [
        threading.Thread(target=post, args=(one, partition, chosen))
        for one, partition, chosen in ((books, 1, facts[:200]), (twin, 2, facts[:199:-1]))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    twin.close()
    assert failures == []
    assert check_books(books) == 400


def test_the_hot_read_does_not_hash_the_whole_table(books: Books) -> None:
    """Staging tables have no statistics: without enable_hashjoin=off the planner hashes every line there is."""
    from services.settlement.books.posting_transaction import SESSION
    from services.settlement.books.write_rows import _CHANGE_LINES, STAGING

    del books
    with psycopg.connect(psycopg_dsn("writer"), options=SESSION, autocommit=True) as writer:
        for statement in STAGING:
            writer.execute(statement)
        plan = "\n".join(row[0] for row in writer.execute(f"EXPLAIN {_CHANGE_LINES}").fetchall())
    assert "Hash" not in plan
    assert "Index" in plan


HUGE = 10**12
BEFORE_DISCOUNT = PLAN | {"rate_ppm": 1_000_000, "base": "before_platform_discount"}


def test_f01_a_line_over_a_limit_of_the_journal_is_set_aside_and_everything_else_goes_on(books: Books) -> None:
    books.register(BEFORE_DISCOUNT, RELATION)
    over = order(1, goods_paid_minor=HUGE, platform_discount_minor=HUGE)
    books.assert_lines(over, order(2), partition=3)
    kept = "SELECT order_id, set_aside, booked_steps, cardinality(accounts) > 0 FROM line ORDER BY order_id"
    reason = "2000000000000 on brand:br_2:accrued is over the journal's limit of 1000000000000"
    assert books.rows(kept) == [("o_1", reason, [], False), ("o_2", None, ["o1_paid"], True)]
    books.assert_lines(over.refunded(1), order(3), partition=3)
    assert books.rows("SELECT count(*) FROM line WHERE set_aside IS NOT NULL") == [(1,)]
    books.take_registry(PLAN | {"event_id": "r10", "version": 2})
    books.reprice()
    booked = books.rows("SELECT set_aside, booked_steps FROM line WHERE order_id = 'o_1'")
    assert booked == [(None, ["o1_paid", "o1_ref"])]
    assert books.rows("SELECT kind FROM journal WHERE order_id = 'o_1' ORDER BY seq") == [(1,), (2,)]
    check_books(books)
