"""What a poster exposes of settlement, from real books with two runs."""

from services.runtime.database import engine
from services.runtime.metrics import common, poster
from services.settlement.posting.gauges import read_debts, read_gauges, read_in_transit
from tests.kit import settled_book
from tests.kit.books import Books
from tests.kit.parties_due import PartyDue, instruct, propose_for
from tests.kit.runs import apply, plan
from tests.kit.settled_book import FIRST, SECOND, fill_before, fill_settled, received
from tests.kit.settlement_facts import DAY


def values(family: object) -> dict[tuple[str, ...], float]:
    """A gauge's values by labels."""
    (found,) = family.collect()  # type: ignore[attr-defined]
    return {tuple(sample.labels.values()): sample.value for sample in found.samples}


def read() -> tuple[float, float, float]:
    """Accounts in debit, unfinished runs, budgets over their limit."""
    with engine("writer").connect() as connection:
        read_gauges(connection)
        read_debts(connection)
        read_in_transit(connection)
    metrics = poster()
    return tuple(values(one)[()] for one in (metrics.in_debit, metrics.runs_unfinished, metrics.over_budget))  # type: ignore[return-value]


def test_a_run_is_unfinished_until_it_is_done(books: Books) -> None:
    fill_before(books)
    run = plan(books, FIRST)
    assert read() == (0, 1, 0)
    apply(books, run)
    assert read() == (0, 0, 0)
    assert values(poster().clawback) == {}


def test_what_is_owed_back_a_budget_over_its_limit_and_an_account_in_debit_show(books: Books) -> None:
    fill_settled(books)
    books.register(settled_book.BUDGET | {"event_id": "s9", "amount_minor": 100})
    fact = received(1)
    books.assert_lines(fact.refunded(fact.goods_paid_minor, at=SECOND + DAY), partition=1)
    assert read() == (0, 0, 1)
    owed = sum(line.settled["koc:k_1"] for line in _lines(books) if line.key[0] == "o_1")
    assert sum(values(poster().clawback).values()) >= owed
    assert {labels[1] for labels in values(poster().clawback)} == {"CNY"}
    before = common().invariants.labels("liability_in_debit")._value.get()
    books.plant("UPDATE balance SET amount_minor = 1 FROM account"
                " WHERE account.id = account_id AND key = 'koc:k_1:payable'")  # fmt: skip
    assert read() == (1, 0, 1)
    assert common().invariants.labels("liability_in_debit")._value.get() == before + 1


def test_payouts_in_transit_show_by_age_until_a_reply_ends_them(books: Books) -> None:
    read()
    assert values(poster().in_transit) == {("0",): 0, ("1",): 0, ("3",): 0, ("7",): 0}
    for batch, days in (("p1", 0), ("p2", 1), ("p3", 2), ("p4", 3), ("p5", 40)):
        instruct(books, batch, PartyDue(f"koc:{batch}"))
        then = f"interval '{days} days 1 minute'"
        books.plant(f"UPDATE payout_batch SET approved_at = now() - {then} WHERE id = '{batch}'")
    propose_for(books, "p6", [PartyDue("koc:k_9")])
    read()
    assert values(poster().in_transit) == {("0",): 2, ("1",): 2, ("3",): 1, ("7",): 1}
    books.plant("UPDATE payout SET status = 'confirmed' WHERE batch = 'p5'")
    read()
    assert values(poster().in_transit) == {("0",): 2, ("1",): 2, ("3",): 1, ("7",): 0}


def _lines(books: Books) -> list[object]:
    with books.store.snapshot() as snapshot:
        return [record.line for record in snapshot.lines()]
