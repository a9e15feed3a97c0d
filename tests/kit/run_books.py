"""A book with all that a run decides on, and what can be compared of books after one."""

from typing import Any, NamedTuple

from services.settlement.export.digest import digest
from services.settlement.verify.verify import verify
from tests.kit.books import Books
from tests.kit.scripted_books import ScriptedBooks
from tests.kit.settlement_facts import DAY
from tests.kit.settling_rules import ZERO
from tests.reference.settling_script import (
    BudgetSet,
    Cancelled,
    CreditOf,
    FeeAccepted,
    HoldPlaced,
    HouseOf,
    Paid,
    PlanOf,
    Published,
    Refunded,
    Run,
    Spent,
)
from tests.reference.settling_words import FULL, K7, K8, PARTIES

AS_OF = ZERO + 30 * DAY
_BUYERS = ("b_1", "b_2", "b_4")
_CREDITS = (K7, K8, (CreditOf("v_95", "k_9", campaign_id="c_1"),), (CreditOf("v_96", "k_5"),))
_SETTLED = """
SELECT order_id, line.settle_at, registry_offset, as_of, grants, (
  SELECT array_agg((key, amount)::text ORDER BY key)
  FROM unnest(settled_accounts, settled_amounts) AS share (id, amount) JOIN account USING (id)
) FROM line LEFT JOIN terms ON terms.id = line.terms ORDER BY order_id
"""


class RunOutcome(NamedTuple):
    """What no fault may change."""

    runs: list[tuple[Any, ...]]
    digest: str
    balances: list[tuple[Any, ...]]
    settled: list[tuple[Any, ...]]
    counts: list[tuple[Any, ...]]


def fill_for_a_run(books: Books) -> None:
    """60 lines in 3 partitions with tiers, bonus, budget, reserve, script fee, spend, a hold and older settlements."""
    tell = ScriptedBooks(books).tell
    tiered = PlanOf("pl_2", 150_000, FULL.splits, koc_ids=("k_5",), currency="CNY", tiers=((30_000, 300_000),),
                    bonus_minor=500)  # fmt: skip
    house = HouseOf(share_ppm=500_000, reserve_ppm=100_000, reserve_days=60)
    for event in (Published(house), *PARTIES, Published(FULL), Published(tiered), BudgetSet("c_1", 20_000)):
        tell(event)
    for event in (FeeAccepted("v_93", "k_7", 30_000), Spent("sp_1", "v_93", "k_7", 9_000)):
        tell(event)
    for number in range(60):
        buyer, credit = _BUYERS[number % 3], _CREDITS[number % 4]
        tell(Paid(f"o{number}", 10_000 + 37 * number, credit, day=number // 4, buyer_id=buyer, new_customer=True))
    tell(Run(12))
    for number in range(0, 60, 7):
        tell(Refunded(f"o{number}", 5_000, buyer_id=_BUYERS[number % 3]))
    tell(Cancelled("o1", buyer_id="b_2"))
    tell(HoldPlaced("h1", order_id="o5"))


def outcome_of(books: Books) -> RunOutcome:
    """What came of it, with books that are what they rest on."""
    with books.store.snapshot() as snapshot:
        assert verify(snapshot).differences == []
        digested = digest(snapshot.net_positions()).sha256
    accounts = "SELECT key, currency, amount_minor FROM balance JOIN account ON id = account_id ORDER BY 1, 2"
    counts = "SELECT 'journal', count(*) FROM journal UNION SELECT 'due', count(*) FROM due ORDER BY 1"
    return RunOutcome(
        books.rows("SELECT id, plan_sha256, status FROM run ORDER BY planned_at"),
        digested,
        books.rows(accounts),
        books.rows(_SETTLED),
        books.rows(counts),
    )
