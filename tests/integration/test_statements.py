"""Statements of closed months: every party's sums tie out, to the next month's, to the journal, and to the root."""

from collections import Counter

import pypdfium2
import pytest
from sqlalchemy.exc import DBAPIError

from services.settlement.books.reader import books_reader
from services.settlement.books.statement_rows import StatementChoice, read_statements
from services.settlement.domain.book.entries import Kind
from services.settlement.statements.pdf_form import pdf_bytes
from tests.kit import payouts, periods
from tests.kit.books import Books
from tests.kit.closes import (
    bodies,
    close_and_issue,
    issue,
    reopen_month,
)
from tests.kit.periods import SETTING, day_of
from tests.kit.periods import paid as june_paid
from tests.kit.registry_events import PLAN, RELATION
from tests.kit.runs import finish, plan, settle
from tests.kit.settlement_facts import DAY, FactCredit, FactVersion
from tests.kit.statement_checks import Body, Sums, assert_adds_up, assert_sealed, blocks, journal_sums, together
from tests.kit.statement_worlds import ManyRunsBooks
from tests.kit.worked_statement import (
    ORDER,
    PAYOUT_ID,
    REFUND_AT,
    RUN_AT,
    VAT,
    confirm_in_december,
    fill_november,
    post,
)
from tests.reference.settling_worlds import World


class ClosedMonths:
    """Closes months of a world one after the other, every second one twice, and checks each close.

    Attributes:
        seen: what the statements of all closes held.
    """

    def __init__(self, books: Books) -> None:
        self._books = books
        self._opening: Sums = Counter()
        self._reopened: str | None = None
        self.closed: list[str] = []
        self.seen: Counter[str] = Counter()

    def close_next(self) -> bool:
        """Close the oldest open month, which may be one that was opened again; whether there was one."""
        months = [month for (month,) in self._books.rows("SELECT DISTINCT period FROM journal ORDER BY 1")]
        month = next((month for month in months if month not in self.closed), None)
        if month is None:
            return False
        revision = 2 if self._reopened == month else 1
        close_and_issue(month, revision)
        found = self._check(month, revision)
        if revision == 1 and len(self.closed) % 2:
            reopen_month(month)
            self._reopened = month
        else:
            self.closed.append(month)
            self._opening = together(found, "closing")
        return True

    def _check(self, month: str, revision: int) -> dict[tuple[str, str], Body]:
        found = bodies(self._books, month, revision)
        for body in found.values():
            assert_adds_up(body)
            self._look(body, revision)
        assert together(found, "opening") == self._opening
        assert together(found, "moved") == journal_sums(self._books, f"j.period = '{month}'")
        assert together(found, "closing") == journal_sums(self._books, f"j.period <= '{month}'")
        assert_sealed(self._books, month, revision)
        self._check_payouts(found)
        return found

    def _check_payouts(self, found: dict[tuple[str, str], Body]) -> None:
        """A close that has just been made tells payouts as they stand now; none that is under way is left out."""
        told = {}
        for (party, currency), body in found.items():
            told |= {(party, currency, one["payout_id"]): one for one in body.get("payouts", ())}
        rows = self._books.rows("SELECT party, currency, id, status, amount_minor, withheld_minor, rail FROM payout")
        for party, currency, payout_id, *what in rows:
            if one := told.pop((party, currency, payout_id), None):
                assert [one[name] for name in ("state", "amount_minor", "withheld_minor", "rail")] == what
                self.seen[what[0]] += 1
        assert told == {}

    def _look(self, body: Body, revision: int) -> None:
        self.seen["statements"] += 1
        self.seen["later revisions"] += revision > 1
        self.seen["earlier months"] += sum(len(block["earlier"]) for block in blocks(body).values())
        self.seen["settled"] += len(body.get("settled", ()))
        self.seen["lost credits"] += sum(row["amount_minor"] < 0 for row in body.get("settled", ()))
        self.seen["clawbacks"] += len(body.get("clawbacks", ()))
        self.seen["credit notes"] += len(body.get("credit_notes", ()))
        self.seen["billed less"] += sum(row["kind"] == "commission.settled" for row in body.get("credit_notes", ()))
        self.seen["receipts"] += len(body.get("receipts", ()))


@pytest.mark.parametrize("seed", [29, 14])
def test_every_partys_sums_tie_out_month_after_month_also_through_late_items_and_a_reopening(
    books: Books, seed: int
) -> None:
    world, months = ManyRunsBooks(books), ClosedMonths(books)
    since = 0
    for happening in World(seed).run_to(90):
        world.tell(happening)
        since += 1
        ((unfinished,),) = books.rows("SELECT count(*) FROM run WHERE status <> 'done'")
        if since >= 15 and not unfinished:
            months.close_next()
            since = 0
    while months.close_next():
        pass
    covered = ("later revisions", "earlier months", "settled", "clawbacks", "credit notes", "instructed", "confirmed",
               "cancelled")  # fmt: skip
    assert min(months.seen[what] for what in covered) > 5
    numbers = [seq for (seq,) in books.rows("SELECT seq FROM statement ORDER BY seq")]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_line_that_runs_settled_twice_is_earned_by_the_content_that_has_its_credit_then(books: Books) -> None:
    books.register(PLAN, RELATION, RELATION | {"event_id": "r9", "koc_id": "k_8"})
    books.assert_lines(ORDER.but(goods_paid_minor=10_000))
    settle(books, RUN_AT, "run-1")
    late = ORDER.but(credits=(FactCredit("v_94", "k_8"),), version=FactVersion(touch=2), goods_paid_minor=10_000)
    books.assert_lines(late)
    books.assert_lines(late.but(version=FactVersion(touch=2, order=2), goods_paid_minor=20_000, as_of=REFUND_AT))
    settle(books, RUN_AT + 8 * DAY, "run-2")
    close_and_issue("2026-11")
    found = bodies(books, "2026-11")
    agency = found["mcn:m_1", "CNY"]
    assert [(row["content_id"], row["koc_id"], row["amount_minor"]) for row in agency["settled"]] == [
        ("v_94", "k_8", 720)
    ]
    assert [(row["content_id"], row["amount_minor"]) for row in found["koc:k_7", "CNY"]["settled"]] == [("v_93", 1260)]
    assert [(row["content_id"], row["amount_minor"]) for row in found["koc:k_8", "CNY"]["settled"]] == [("v_94", 2520)]
    for body in found.values():
        assert_adds_up(body)


def test_a_refund_between_a_plan_and_its_end_is_a_credit_note_at_once(books: Books) -> None:
    books.register(PLAN, RELATION, VAT)
    books.assert_lines(ORDER)
    plan(books, RUN_AT)
    books.assert_lines(ORDER.refunded(5_000, at=RUN_AT - DAY))
    finish(books)
    close_and_issue("2026-11")
    found = bodies(books, "2026-11")
    bill, koc = found["brand:br_2", "CNY"], found["koc:k_7", "CNY"]
    assert [row["amount_minor"] for row in bill["bill"]] == [4_000]
    assert [(row["kind"], row["about"], row["amount_minor"]) for row in bill["credit_notes"]] == [
        ("commission.settled", "o_1", -1_000)
    ]
    assert bill["receivable"]["closing"] == {"receivable_minor": 3_000}
    assert [row["amount_minor"] for row in koc["settled"]] == [2_520]
    assert [(row["kind"], row["amount_minor"]) for row in koc["clawbacks"]] == [("commission.settled", 630)]


def test_the_worked_month_is_what_was_worked_out_by_hand(books: Books) -> None:
    fill_november(books)
    confirm_in_december(books)
    close_and_issue("2026-10")
    close_and_issue("2026-11")
    found = bodies(books, "2026-11")
    assert list(found) == [
        ("brand:br_2", "CNY"), ("koc:k_7", "CNY"), ("mcn:m_1", "CNY"), ("platform", "CNY"), ("recruiter:r_1", "CNY"),
    ]  # fmt: skip
    koc = found["koc:k_7", "CNY"]
    assert koc["pending"] == {
        "opening": {"pending_minor": 30_000},
        "movements": [
            {"kind": "commission.accrued", "pending_minor": 2_520},
            {"kind": "commission.settled", "pending_minor": -2_520},
            {"kind": "script_fee.settled", "pending_minor": -30_000},
        ],
        "earlier": [],
        "closing": {"pending_minor": 0},
    }
    columns = ("kind", "payable_minor", "held_minor", "owed_back_minor", "balance_minor")
    assert [tuple(row[name] for name in columns) for row in koc["balance"]["movements"]] == [
        ("spend.consumed", 0, 0, 7_500, -7_500),
        ("commission.settled", 2_520, 0, 0, 2_520),
        ("commission.clawed_back", 0, 0, 630, -630),
        ("script_fee.settled", 30_000, 0, 0, 30_000),
        ("clawback.netted", -7_500, 0, -7_500, 0),
        ("payout.instructed", -24_390, 0, 0, -24_390),
    ]
    assert koc["balance"]["closing"] == {
        "payable_minor": 630, "held_minor": 0, "owed_back_minor": 630, "balance_minor": 0,
    }  # fmt: skip
    assert [(row["kind"], row["content_id"], row["lines"], row["amount_minor"]) for row in koc["settled"]] == [
        ("commission.settled", "v_93", 1, 2_520),
        ("script_fee.settled", "v_93", 1, 30_000),
    ]
    assert [(row["kind"], row["about"], row["amount_minor"]) for row in koc["clawbacks"]] == [
        ("spend.consumed", "sp_1", 7_500),
        ("commission.clawed_back", "o_1", 630),
    ]
    (payout,) = koc["payouts"]
    assert (payout["payout_id"], payout["amount_minor"], payout["state"]) == (PAYOUT_ID, 24_390, "confirmed")
    assert (payout["instructed_at"], payout["state_at"]) == ("2026-11-23T09:00:00Z", "2026-12-02T03:00:00Z")
    bill = found["brand:br_2", "CNY"]
    assert [(row["kind"], row["receivable_minor"]) for row in bill["receivable"]["movements"]] == [
        ("commission.settled", 4_000),
        ("commission.clawed_back", -1_000),
        ("script_fee.settled", 30_000),
        ("brand.paid", -1_000),
    ]
    assert [(row["command_id"], row["amount_minor"]) for row in bill["receipts"]] == [("paid-1", 1_000)]
    assert [(row["about"], row["amount_minor"]) for row in bill["credit_notes"]] == [("o_1", -1_000)]
    assert [age["amount_minor"] for age in bill["open"]["ages"]] == [32_000, 0, 0, 0]
    assert found["platform", "CNY"]["result"] == {
        "fee_minor": 283, "vat_minor": 17, "traffic_minor": 0, "written_off_minor": 0, "payout_fee_minor": 0,
    }  # fmt: skip


def test_a_payout_is_told_as_it_stood_at_the_close_and_later_closes_tell_only_what_is_news(books: Books) -> None:
    fill_november(books)
    close_and_issue("2026-10")
    close_and_issue("2026-11")
    confirm_in_december(books)
    close_and_issue("2026-12")
    close_and_issue("2027-01")
    states = [
        [payout["state"] for payout in bodies(books, month)["koc:k_7", "CNY"]["payouts"]]
        for month in ("2026-11", "2026-12", "2027-01")
    ]
    assert states == [["instructed"], ["confirmed"], []]


def test_the_oldest_bill_is_paid_first_and_what_is_over_is_prepaid(books: Books) -> None:
    fill_november(books)
    close_and_issue("2026-10")
    close_and_issue("2026-11")
    pay = {"bank:main": 31_000, "brand:br_2:receivable": -31_000}
    post(books, Kind.BRAND_PAID, "command|paid-2", pay, RUN_AT + 30 * DAY)
    close_and_issue("2026-12")
    rest = {"bank:main": 1_500, "brand:br_2:receivable": -1_500}
    post(books, Kind.BRAND_PAID, "command|paid-3", rest, RUN_AT + 60 * DAY)
    close_and_issue("2027-01")
    december, january = (bodies(books, month)["brand:br_2", "CNY"]["open"] for month in ("2026-12", "2027-01"))
    assert [(age["from_days"], age["amount_minor"]) for age in december["ages"]] == [
        (0, 0), (30, 1_000), (60, 0), (90, 0),
    ]  # fmt: skip
    assert (sum(age["amount_minor"] for age in january["ages"]), january["prepaid_minor"]) == (0, 500)


def test_a_refund_of_june_that_comes_after_its_close_is_an_earlier_months_row_of_july(books: Books) -> None:
    books.register(*SETTING)
    books.assert_lines(june_paid(1, 5), june_paid(2, 20))
    periods.close("2026-06")
    issue("2026-06")
    june = books.rows("SELECT body FROM statement ORDER BY seq")
    books.assert_lines(june_paid(1, 5).refunded(20_000, at=day_of(25)))
    periods.close("2026-07")
    issue("2026-07")
    assert books.rows("SELECT body FROM statement WHERE period = '2026-06' ORDER BY seq") == june
    koc = bodies(books, "2026-07")["koc:k_7", "CNY"]
    assert koc["pending"] == {
        "opening": {"pending_minor": 5_040},
        "movements": [],
        "earlier": [{"month": "2026-06", "kind": "commission.adjusted", "pending_minor": -2_520}],
        "closing": {"pending_minor": 2_520},
    }
    for month in ("2026-06", "2026-07"):
        assert_sealed(books, month, 1)
    with pytest.raises(DBAPIError, match="is sealed"):
        books.grant("UPDATE period_close SET root = NULL")


def test_1255_yen_at_90_per_cent_are_1129_on_the_statement_in_the_payout_and_on_the_page(books: Books) -> None:
    plan_of_yen = PLAN | {"currency": "JPY", "rate_ppm": 900_000, "splits": []}
    payee = {"event_id": "s9", "event_type": "payee.set", "occurred_at": "2026-10-01T00:00:00Z", "owner": "koc:k_7",
             "rail": "bank", "ref": "ref-7"}  # fmt: skip
    books.register(plan_of_yen, payee)
    books.assert_lines(ORDER.but(currency="JPY", goods_paid_minor=1_255))
    settle(books, RUN_AT, "run-1")
    payouts.propose(books, RUN_AT + DAY, "batch-1")
    close_and_issue("2026-11")
    koc = bodies(books, "2026-11")["koc:k_7", "JPY"]
    assert [(row["kind"], row["payable_minor"]) for row in koc["balance"]["movements"]] == [
        ("commission.settled", 1_129),
        ("payout.instructed", -1_129),
    ]
    assert koc["balance"]["closing"]["balance_minor"] == 0
    assert [(one["amount_minor"], one["state"]) for one in koc["payouts"]] == [(1_129, "instructed")]
    with books_reader() as reader, reader.connect() as connection:
        (one,) = read_statements(connection, StatementChoice("2026-11", 1, "koc:k_7", "JPY"))
    (page,) = pypdfium2.PdfDocument(pdf_bytes(one))
    assert page.get_textpage().get_text_range().split().count("1129") >= 3
