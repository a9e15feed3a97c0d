"""What a poster exposes of settlement, from real books with two runs."""

import time

from services.kernel.time import SECOND as SECONDS
from services.kernel.time import parse_rfc3339
from services.runtime.metrics import common, poster
from services.settlement.domain.settling.candidates import BLOCKING_REASONS
from tests.kit import periods, settled_book
from tests.kit.books import Books
from tests.kit.metrics import read_all
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
    read_all()
    metrics = poster()
    return tuple(values(one)[()] for one in (metrics.in_debit, metrics.runs_unfinished, metrics.over_budget))  # type: ignore[return-value]


def test_a_run_is_unfinished_until_it_is_done(books: Books) -> None:
    fill_before(books)
    poster().run_as_of.set(None)
    poster().run_lines.clear()
    run = plan(books, FIRST)
    assert read() == (0, 1, 0)
    assert values(poster().runs) == {("planned",): 1, ("applied",): 0, ("done",): 0}
    assert values(poster().run_as_of) == values(poster().run_lines) == {}, "no run is done"
    apply(books, run)
    assert read() == (0, 0, 0)
    assert values(poster().clawback) == {}
    assert values(poster().runs) == {("planned",): 0, ("applied",): 0, ("done",): 1}
    assert values(poster().run_as_of) == {(): FIRST / SECONDS}
    assert abs(time.time() - values(poster().run_finished_at)[()]) < 60
    lines = values(poster().run_lines)
    assert set(lines) == {("settled",), *((reason,) for reason in BLOCKING_REASONS)}
    assert lines["settled",] == run.counts["lines"] > 0
    left_out = {one["reason"]: one["lines"] for one in run.counts["skipped"]}
    assert {reason: lines[reason,] for reason in left_out} == left_out


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


def test_a_reserve_is_held_back_until_its_time_has_ended(books: Books) -> None:
    fill_settled(books)

    def reserve(until: str, minor: int) -> float:
        kept = f"reserve_until = now() + interval '{until}', reserve_minor = {minor}"
        books.plant(f"UPDATE run_party SET {kept} WHERE run = 'run-1' AND party = 'koc:k_1'")
        read()
        return sum(values(poster().reserve).values())

    assert reserve("1 day", 700) - reserve("1 day", 0) == 700
    assert reserve("-1 day", 700) == reserve("1 day", 0)


def test_payouts_are_counted_and_summed_by_state(books: Books) -> None:
    (payout,) = instruct(books, "p1", PartyDue("koc:k_1", 2520))
    instruct(books, "p2", PartyDue("koc:k_2", 1000))
    read()
    states = ("instructed", "cancelled", "confirmed", "rejected", "returned")
    assert values(poster().payouts) == {(state,): 2 if state == "instructed" else 0 for state in states}
    assert values(poster().payouts_minor) == {("instructed", "CNY"): 3520}
    books.plant(f"UPDATE payout SET status = 'confirmed' WHERE id = '{payout}'")
    read()
    assert values(poster().payouts_minor) == {("instructed", "CNY"): 1000, ("confirmed", "CNY"): 2520}


def test_closed_months_are_counted_and_the_end_of_the_last_one_shows(books: Books) -> None:
    read()
    assert values(poster().periods_closed) == {(): 0}
    assert values(poster().period_end) == {}
    books.register(*periods.SETTING)
    books.assert_lines(periods.paid(1, 5), periods.paid(2, 35))
    for month, end in (("2026-06", "2026-07-01T00:00:00+08:00"), ("2026-07", "2026-08-01T00:00:00+08:00")):
        periods.close(month)
        read()
        assert values(poster().period_end) == {(): parse_rfc3339(end) / SECONDS}
    assert values(poster().periods_closed) == {(): 2}


def test_no_series_of_balances_names_a_party(books: Books) -> None:
    for key in ("writeoff:koc:k_1", "clawback:koc:k_1", "tax:cn-shanghai:withheld", "koc:a:b:pending"):
        books.plant(
            f"INSERT INTO account (key, currency) VALUES ('{key}', 'CNY')",
            f"INSERT INTO balance (account_id, amount_minor) SELECT id, 0 FROM account WHERE key = '{key}'",
        )
    poster().balance.clear()
    read()
    shown = {labels[:2] for labels in values(poster().balance)}
    assert shown == {("writeoff", "lost"), ("clawback", "owed"), ("tax", "withheld"), ("koc", "pending")}


def _lines(books: Books) -> list[object]:
    with books.store.snapshot() as snapshot:
        return [record.line for record in snapshot.lines()]
