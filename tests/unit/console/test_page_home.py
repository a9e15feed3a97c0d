"""What needs a person: nothing where all is well, and otherwise what it is, how pressing, and where it is shown."""

from schemas.topics import CREDITS, ORDERS
from services.console.kept import LastReading
from services.console.pages.health import BooksState, balance_checks, lag_rows, line_checks, seal_checks, work_checks
from services.console.pages.home import WaitingPayouts, book_needs, check_needs, kafka_needs, payout_needs
from services.console.render import templates
from services.console.shelf import ShelfContents
from services.console.watch import BalanceCheck, SealCheck
from services.kernel.time import DAY, HOUR
from services.operations.drain.drain import UNPUBLISHED, LogDistance
from services.settlement.books.attention import LineCounts, UnpricedLines
from services.settlement.books.lookups.waiting import UnfinishedRun, WaitingBatch
from tests.unit.console.test_page_dead_letter import brief

CALM = BooksState(LineCounts(0, 0, 0, 0, 0), [], [], [], 0)
SOUND = LastReading(BalanceCheck({"CNY": 0, "JPY": 0}, 0, 0, 0), 1, None)
UNREAD = LastReading(None, 0, None)
NOW = 100 * DAY


def needs(state: BooksState) -> list[tuple[str, str, str]]:
    return [(f"{need.what}: {need.state}", need.link.href, need.tone) for need in book_needs(state)]


def test_sound_books_need_nobody() -> None:
    assert needs(CALM) == []
    assert payout_needs(WaitingPayouts([], 0, NOW)) == []
    assert check_needs([*balance_checks(SOUND), *seal_checks(LastReading(SealCheck(3, 0), 1, None))]) == []
    assert kafka_needs(LastReading(ShelfContents([], [], 0), 1, None), LastReading([], 1, None)) == []


def test_what_is_still_being_read_needs_nobody() -> None:
    assert check_needs([*balance_checks(UNREAD), *seal_checks(UNREAD)]) == []
    assert kafka_needs(UNREAD, UNREAD) == []


def test_lines_that_wait_are_counted_with_a_link_to_their_list() -> None:
    unpriced = [UnpricedLines("no_plan", "CNY", 4, 10_000), UnpricedLines("denied", "CNY", 2, 50)]
    assert needs(CALM._replace(lines=LineCounts(1, 2, 3, 4, 5), unpriced=unpriced, unpublished=1_200)) == [
        ("Plans still to be applied: 5", "/health", "wait"),
        ("Entries, commands and statements to publish: 1,200", "/health", "wait"),
        ("Lines that no plan prices: 6 · 100.50 CNY", "/health/unpriced", "wait"),
        ("Lines that are set aside: 3", "/health/set-aside", "bad"),
        ("Lines in quarantine: 2", "/health/quarantined", "wait"),
        ("Lines below their join: 1", "/health/below-join", "wait"),
        ("Order lines that two buyers claim: 4", "/health/second-owner", "wait"),
    ]


def test_a_run_and_a_month_that_are_not_done_are_named() -> None:
    run = UnfinishedRun("run-2026-11-20", 1_000_000)
    [of_run, of_month] = needs(CALM._replace(runs=[run], months=["2026-09", "2026-10"]))
    assert of_run[0].startswith("Unfinished runs: run-2026-11-20, since 1970-01-01")
    assert of_run[1:] == ("/run/run-2026-11-20", "bad")
    assert of_month == ("Closed months without statements: 2026-09, 2026-10", "/health", "bad")


def test_broken_invariants_say_by_how_much() -> None:
    broken = LastReading(BalanceCheck({"CNY": 100, "JPY": 0, "USD": -5}, 2, 1, 3), 1, None)
    found = check_needs([*balance_checks(broken), *seal_checks(LastReading(SealCheck(3, 1), 1, None))])
    assert [(f"{need.what}: {need.state}", need.tone) for need in found] == [
        ("Debit and credit are equal: 1.00 CNY; -0.05 USD", "bad"),
        ("Accounts that owe and should not: 2", "bad"),
        ("Budgets over their limit: 1", "wait"),
        ("Script fees and traffic of unknown contents: 3", "wait"),
        ("Seals of closed months: broken: 1", "bad"),
    ]


def test_payouts_say_how_long_the_oldest_waits() -> None:
    batches = [
        WaitingBatch("august", True, NOW - 3 * DAY, 5), WaitingBatch("september", False, NOW - 5 * HOUR, 70),
        WaitingBatch("october", False, NOW - 60_000_000, 3),
    ]  # fmt: skip
    found = payout_needs(WaitingPayouts(batches, 2, NOW))
    assert [(f"{need.what}: {need.state}", need.link.href) for need in found] == [
        ("Payouts that wait for approval: 73, the oldest for 5 hours", "/payouts"),
        ("Payouts that wait for the bank's reply: 5, the oldest for 3 days", "/batch/august"),
        ("Payouts that the bank refused: 2", "/payouts"),
    ]


def test_refused_events_and_lag_are_told() -> None:
    shelf = ShelfContents([brief(3), brief(2), brief(1, reason="too_late")], [brief(9, replayed="x")], 0)
    lag = [LogDistance(ORDERS.name, 1, 5), LogDistance(ORDERS.name, 2, 6), LogDistance(UNPUBLISHED, 0, 7)]
    found = kafka_needs(LastReading(shelf, 1, None), LastReading(lag, 1, None))
    assert [f"{need.what}: {need.state}" for need in found] == [
        "Refused events that nobody has sent again: 3, in 2 groups",
        "Order events: 11 still to be read",
        "Entries to publish: 7 still to be read",
    ]
    assert {row.topic: row.missing for row in lag_rows(lag)}[CREDITS.name] == 0


def test_each_check_says_what_it_means() -> None:
    every = [*balance_checks(SOUND), *line_checks(CALM), *work_checks(CALM), *seal_checks(UNREAD)]
    assert len({check.name for check in every}) == len(every) == 14
    assert all(check.meaning.endswith(".") and check.remedy.endswith(".") for check in every)


def test_a_name_with_markup_stays_text() -> None:
    [need] = book_needs(CALM._replace(months=["<script>alert(1)</script>"]))
    shown = templates().get_template("home_needs.html").make_module({"t": str}).needs([need])
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
