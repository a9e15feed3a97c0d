"""A long history of books in PostgreSQL: runs, commands of each kind, payouts of all states, closed months."""

from services.settlement.domain.paying.payouts import payout_id
from tests.kit import closes, decided_payouts, periods, runs
from tests.kit.commands import address_of_approver, freeze, given, release
from tests.kit.recorded_books import RecordedBooks
from tests.kit.run_books import fill_for_a_run
from tests.kit.scripted_books import ScriptedBooks
from tests.kit.settlement_facts import DAY
from tests.kit.settling_rules import ZERO
from tests.reference.settling_script import Credited, HoldReleased, Paid, PlanOf, Published, Refunded
from tests.reference.settling_words import K7, K8

DEARER = PlanOf("pl_1", 300_000, version=2)
PAID = ("koc:k_7", "koc:k_8", "koc:k_9", "mcn:m_1", "mcn:m_2")
"""Parties that have a payee; recruiters have none."""


def live(books: RecordedBooks) -> None:
    """Two runs with tiers, bonus, budget, reserve, refunds, clawbacks; commands of each kind; and what comes after."""
    fill_for_a_run(books)
    tell = ScriptedBooks(books).tell
    # decisions about money
    given("adjustment", "propose", "CNY", "clawback:koc:k_7=50.00", "bank:main=-50.00", "--id", "advance")
    given("adjustment", "approve", "advance", by=address_of_approver())
    given("clawback", "write-off", "koc:k_7", "1.00", "CNY")
    given("clawback", "repaid", "koc:k_7", "2.00", "CNY")
    given("brand", "paid", "br_2", "30.00", "CNY")
    given("traffic", "bought", "douyin", "9.00", "CNY")
    # decisions about lines
    freeze("o3/1/b_1", "a test")
    freeze("o_never/1/b_9", "before it comes")
    tell(Paid("x1", 12_345, K7, day=13))
    release("o3/1/b_1")
    tell(Published(DEARER))
    given("settlement", "rerate", "o6/1/b_1")
    tell(Credited("x1", K8))
    # a run that events come between
    planned = runs.plan(books, ZERO + 30 * DAY, "run-30")
    tell(Refunded("x1", 2_345))
    tell(HoldReleased("h1"))
    freeze("o8/1/b_4", "a test")
    runs.apply(books, planned)
    # and what no run has seen
    tell(Paid("x2", 5_000, K8, day=31))
    tell(Refunded("x1", 2_400))


def pay(books: RecordedBooks) -> None:
    """Payouts of all states, behind `live`: netting counts from those that stand."""
    scripted = ScriptedBooks(books)
    for owner in PAID:
        scripted.register("payee.set", owner=owner, rail="bank", ref=f"ref_{owner.partition(':')[2]}")
    # one batch is cancelled, one is paid, but for a payout that is rejected and one that is cancelled before
    decided_payouts.propose("p0", ZERO + 32 * DAY)
    decided_payouts.cancel("p0")
    amounts = propose_and_approve(books, "p1", ZERO + 33 * DAY, without="koc:k_9")
    rejected = payout_id("p1", "koc:k_7", "CNY")
    answers = [(name, "rejected" if name == rejected else "confirmed", minor, 0) for name, minor in amounts.items()]
    decided_payouts.reply("f1", [*answers, ("UNKNOWN", "confirmed", 1, 0), answers[0]])
    # clawbacks after a payout, a run, a payout that is returned, and one that is released
    scripted.tell(Paid("x3", 60_000, K7, day=33))
    runs.settle(books, ZERO + 42 * DAY, "run-42")
    scripted.tell(Refunded("x3", 50_000))
    runs.settle(books, ZERO + 43 * DAY, "run-43")
    scripted.register("payee.set", owner="koc:k_7", rail="wechat", ref="another")
    amounts = propose_and_approve(books, "p2", ZERO + 44 * DAY)
    decided_payouts.reply("f2", [(name, "confirmed", minor, 5) for name, minor in amounts.items()])
    returned = next(iter(amounts))
    decided_payouts.reply("f3", [(returned, "returned", amounts[returned], 0)])
    decided_payouts.release(returned)
    decided_payouts.propose("p3", ZERO + 45 * DAY)


def propose_and_approve(books: RecordedBooks, batch: str, as_of: int, without: str | None = None) -> dict[str, int]:
    """A batch without one party's payout; its payouts' amounts by id."""
    decided_payouts.propose(batch, as_of)
    if without is not None:
        decided_payouts.cancel(batch, payout_id(batch, without, "CNY"))
    decided_payouts.approve(batch)
    wanted = f"SELECT id, amount_minor FROM payout WHERE batch = '{batch}' AND status = 'instructed' ORDER BY id"
    return dict(books.rows(wanted))


def close_months(books: RecordedBooks) -> None:
    """January and February, which is opened again for rows that came late, and closed once more."""
    for month in ("2026-01", "2026-02"):
        periods.close(month)
        closes.issue(month)
    ScriptedBooks(books).tell(Paid("x4", 7_000, K8, day=35))
    given("period", "reopen", "2026-02", "--id", "again")
    given("period", "approve", "again", by=address_of_approver())
    ScriptedBooks(books).tell(Paid("x5", 7_000, K7, day=35))
    periods.close("2026-02")
    closes.issue("2026-02", 2)
