"""What could go wrong with runs, a script each: every one of these was seen to fail with its mistake planted."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from services.kernel.errors import Stalled
from services.kernel.time import format_rfc3339
from services.settlement.books.run_snapshot import RunBooksSnapshot
from services.settlement.books.run_store import TrialTransaction, run_store
from services.settlement.books.run_transaction import RunTransaction
from services.settlement.domain.pricing.reference import Reference
from services.settlement.runs.applying import LineApplier
from services.settlement.runs.run import apply_run, plan_into, plan_run
from tests.kit import runs
from tests.kit.book_driver import ZONE_MINUTES
from tests.kit.books import Books
from tests.kit.commands import freeze, release
from tests.kit.scripted_books import ScriptedBooks
from tests.kit.settlement_facts import DAY
from tests.kit.settling_rules import ZERO
from tests.kit.waiting import until
from tests.reference.settling_cases import QUARTER_BACK, SETTLED
from tests.reference.settling_script import (
    Credited,
    DisputeDecided,
    FeeAccepted,
    Happening,
    HoldPlaced,
    HouseOf,
    Paid,
    PlanOf,
    Published,
    Refunded,
    Related,
    Run,
    RunApplied,
    RunPlanned,
    Spent,
)
from tests.reference.settling_words import FULL, K7, K8, PARTIES, by_hand

BETTER = Published(PlanOf("pl_1", 400_000, FULL.splits, version=2))
SOLD = Paid("o1", 20_000, K7)
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"
ENTRIES = "SELECT count(*) FROM journal"
SETTLED_OF_LINES = "SELECT order_id, settled_amounts FROM line ORDER BY 1"
STATE = "SELECT writer, seq, idem_key, chain FROM journal ORDER BY 1, 2"


@pytest.fixture
def scripted(books: Books) -> ScriptedBooks:
    """Books that know the worked plan and its parties."""
    told = ScriptedBooks(books)
    tell(told, Published(HouseOf()), *PARTIES, Published(FULL))
    return told


def tell(told: ScriptedBooks, *events: Happening) -> None:
    for event in events:
        told.tell(event)


def check(told: ScriptedBooks, **balances: int) -> None:
    """The balances by hand, and books that are what they rest on."""
    assert told.balances("CNY") == dict(sorted(by_hand("state", **balances).balances.items()))
    told.check()


@pytest.mark.parametrize("order", ["refunded before it is applied", "refunded after it was applied"])
def test_what_is_settled_is_the_plans_and_not_what_the_line_is_worth_when_it_is_applied(
    scripted: ScriptedBooks, order: str
) -> None:
    tell(scripted, SOLD, RunPlanned(10))
    between: list[Happening] = [Refunded("o1", 5_000), RunApplied()]
    tell(scripted, *(between if order.startswith("refunded before") else reversed(between)))
    check(scripted, **QUARTER_BACK)
    tell(scripted, Run(11))
    check(scripted, rec=3000, k_pay=-1890, m_pay=-540, r_pay=-270, fee=-283, vat=-17)


def test_a_clawback_that_was_netted_and_is_then_reversed_comes_back_with_the_next_run(scripted: ScriptedBooks) -> None:
    tell(scripted, SOLD, Run(10), Refunded("o1", 20_000), Paid("o2", 20_000, K7, day=19), Run(30))
    check(scripted, **SETTLED)
    tell(scripted, Refunded("o1", 0))
    claimed = {"k_claw": -2520, "m_claw": -720, "r_claw": -360}
    check(scripted, **SETTLED | {"rec": 8000, "fee": -754, "vat": -46} | claimed)
    tell(scripted, Run(31), Run(32))
    check(scripted, rec=8000, k_pay=-5040, m_pay=-1440, r_pay=-720, fee=-754, vat=-46)


@pytest.mark.parametrize("published", ["between plan and apply", "in one batch with others after the run"])
def test_a_better_plan_after_the_point_never_prices_a_line_of_the_run(scripted: ScriptedBooks, published: str) -> None:
    """Frozen terms go by the registry's offset: a poster that starts again learns all versions in one batch."""
    tell(scripted, SOLD, RunPlanned(10))
    if published == "between plan and apply":
        tell(scripted, BETTER)
        check(scripted, acc=8000, k_pend=-5040, m_pend=-1440, r_pend=-720, fd=-800)
    tell(scripted, RunApplied(), Related("k_9", {}), BETTER)
    check(scripted, **SETTLED)
    scripted.books.reference = Reference()
    tell(scripted, Refunded("o1", 5_000))
    check(scripted, **QUARTER_BACK)
    tell(scripted, Refunded("o1", 0), Credited("o1", K8))
    taken = {"k_claw": 2520, "m_claw": 720, "r_claw": 360, "acc": 3600, "k8_pend": -2880, "m2_pend": -720, "rec": 400}
    check(scripted, **SETTLED | taken)
    tell(scripted, Paid("o2", 20_000, K8, day=1, buyer_id="b_2"))
    check(scripted, **SETTLED | taken | {"acc": 11_600, "k8_pend": -8_640, "m2_pend": -2_160, "fd": -800})


def test_a_run_sees_nothing_that_came_after_its_point(scripted: ScriptedBooks) -> None:
    tell(scripted, SOLD)
    more: list[Happening] = [Refunded("o1", 5_000), Paid("o2", 20_000, K8, day=1), BETTER]

    class Disturbed(RunBooksSnapshot):
        """The books go on as soon as the point is read."""

        def point(self) -> Any:
            found = super().point()
            tell(scripted, *more)
            more.clear()
            return found

    request = runs.request_of("run-10", ZERO + 10 * DAY)
    with run_store() as store:
        with store.snapshot() as snapshot:
            undisturbed = plan_into(snapshot, TrialTransaction(), request, print)
        with store.snapshot() as snapshot, store.planning() as transaction:
            planned = plan_into(Disturbed(snapshot._connection), transaction, request, print)
    assert not more
    assert planned.plan_sha256 == undisturbed.plan_sha256
    assert planned.counts == undisturbed.counts
    tell(scripted, RunApplied())
    check(scripted, **QUARTER_BACK | {"acc": 8000, "k8_pend": -5760, "m2_pend": -1440, "fd": -800})


SOONER: dict[str, tuple[Happening | dict[str, Any], bool]] = {
    "by a plan": (Published(PlanOf("pl_1", 200_000, FULL.splits, version=2, window_days=1)), True),
    "by the house": ({"event_type": "house.set", "return_window_days": 1, "vat_ppm": {"CNY": 60_000}}, True),
    "without a receipt": (
        Published(PlanOf("pl_1", 200_000, FULL.splits, version=2, window_days=0, auto_receive_days=2)), False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", SOONER)
def test_a_line_whose_day_moves_while_no_amount_does_is_offered_to_the_run_of_that_day(
    scripted: ScriptedBooks, how: str
) -> None:
    event, is_received = SOONER[how]
    tell(scripted, Paid("o1", 20_000, K7, received=is_received))
    entries = scripted.books.rows(ENTRIES)
    if isinstance(event, dict):
        scripted.register(**event, effective_from=format_rfc3339(ZERO - 1_000 * DAY))
    else:
        tell(scripted, event)
    tell(scripted, Run(0))
    assert scripted.books.rows(ENTRIES) == entries
    tell(scripted, Run(3))
    check(scripted, **SETTLED)


def test_a_line_that_a_run_passed_over_as_worthless_is_offered_again_once_it_is_worth_something(
    scripted: ScriptedBooks,
) -> None:
    """Runs delete hints that their lines no longer need."""
    tell(scripted, SOLD, DisputeDecided("d1", "o1", denied=True), Paid("o2", 20_000, K8, day=1), Run(10))
    assert scripted.books.rows("SELECT count(*) FROM due") == [(0,)]
    other = {"k8_pay": -2880, "m2_pay": -720}
    check(scripted, **other, rec=4000, fee=-377, vat=-23)
    tell(scripted, DisputeDecided("d1", "o1", denied=False), Run(12))
    check(scripted, **SETTLED | other | {"rec": 8000, "fee": -754, "vat": -46})


@contextmanager
def frozen_after(chunks: int) -> Iterator[Callable[[], Any]]:
    """A run that planned, settled some chunks and then stood still; called, it goes on as if nothing had happened."""
    with run_store() as store:
        run = plan_run(store, runs.request_of("run-zombie", ZERO + 10 * DAY), print)
        applier = LineApplier(run, Reference(), ZONE_MINUTES)
        settled = 0
        for partition in range(12):
            if settled < chunks:
                with store.chunk() as transaction:
                    count, _ = applier.apply_chunk(transaction, partition, limit=2)
                    settled += count > 0
        yield partial(apply_run, store, run, ZONE_MINUTES, print, lambda attempt: attempt())


def test_a_zombie_that_wakes_after_another_process_finished_its_run_doubles_nothing(scripted: ScriptedBooks) -> None:
    """A later run has raised by then what the zombie's run settled of a line, and reserves are held."""
    tell(scripted, Published(HouseOf(reserve_ppm=100_000, reserve_days=30)))
    tell(scripted, *(Paid(f"o{n}", 20_000, K7, buyer_id=f"b_{n % 4}") for n in range(8)))
    tell(scripted, Refunded("o1", 5_000, buyer_id="b_1"))
    with frozen_after(chunks=2) as zombie:
        assert runs.finish(scripted.books).id == "run-zombie"
        tell(scripted, Refunded("o1", 0, buyer_id="b_1"), Run(11))
        before = scripted.books.rows(STATE), scripted.books.rows(SETTLED_OF_LINES)
        zombie()
        assert (scripted.books.rows(STATE), scripted.books.rows(SETTLED_OF_LINES)) == before
    scripted.check()


def test_a_zombie_that_lost_its_place_while_it_planned_stores_no_plan(scripted: ScriptedBooks) -> None:
    """Its plan is of books that another run has changed since: it would lower what is settled, or count twice."""
    tell(scripted, SOLD)
    with run_store() as store, store.snapshot() as snapshot:
        request = runs.request_of("run-zombie", ZERO + 10 * DAY)
        zombie_sees = snapshot.point()
        tell(scripted, Refunded("o1", 5_000), Run(11), Refunded("o1", 0), Run(12))
        with pytest.raises(Stalled, match="was cut while the plan was made"), store.planning() as transaction:
            plan_into(snapshot, transaction, request, print)
    assert zombie_sees.commands == 0
    assert scripted.books.rows("SELECT id FROM run ORDER BY planned_at") == [("run-11",), ("run-12",)]
    check(scripted, **SETTLED)


@pytest.mark.parametrize("share_ppm", [0, 300_000, 1_000_000])
@pytest.mark.parametrize("reserve_days", [0, 90])
def test_runs_without_anything_new_net_nothing_after_the_first(
    scripted: ScriptedBooks, share_ppm: int, reserve_days: int
) -> None:
    """A debt that is older than any line, refunds, a hold, a reserve: each net is to a target."""
    house = HouseOf(share_ppm=share_ppm, reserve_ppm=100_000, reserve_days=reserve_days, day=-999)
    tell(
        scripted, Published(house), FeeAccepted("v_93", "k_7", 1), Spent("sp_1", "v_93", "k_7", 3_000), SOLD,
        Paid("o2", 20_000, K7, day=1), Paid("o3", 20_000, K8, day=1), Run(10), Refunded("o1", 10_000),
        HoldPlaced("h1", order_id="o2"), HoldPlaced("h2", owner="mcn:m_2"), Run(11),
    )  # fmt: skip
    entries = scripted.books.rows(ENTRIES)
    tell(scripted, Run(12), Run(13), Run(14))
    assert scripted.books.rows(ENTRIES) == entries
    scripted.check()


def test_a_line_that_is_frozen_while_its_chunk_is_under_way_stays_frozen(
    scripted: ScriptedBooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bare update would be lost in the chunk as it is in a poster's batch; the command waits for the writer's row."""
    tell(scripted, SOLD, RunPlanned(10))
    freezing = threading.Thread(target=freeze, args=("o1/1/b_1", "a test"))
    planned_lines = RunTransaction.planned_lines

    def read_then_frozen(transaction: RunTransaction, *wanted: Any) -> Any:
        found = planned_lines(transaction, *wanted)
        if found and not freezing.ident:
            freezing.start()
            until(lambda: scripted.books.rows(WAITING) != [(0,)], "the command waits")
        return found

    monkeypatch.setattr(RunTransaction, "planned_lines", read_then_frozen)
    tell(scripted, RunApplied())
    freezing.join()
    assert scripted.books.rows("SELECT quarantined FROM line") == [("a test",)]
    tell(scripted, Refunded("o1", 5_000))
    check(scripted, **SETTLED)
    release("o1/1/b_1")
    check(scripted, **QUARTER_BACK)


def test_a_line_that_is_frozen_between_plan_and_apply_is_settled_at_what_is_booked(scripted: ScriptedBooks) -> None:
    tell(scripted, SOLD, RunPlanned(10))
    freeze("o1/1/b_1", "a test")
    tell(scripted, Refunded("o1", 5_000), RunApplied())
    check(scripted, **SETTLED)
    release("o1/1/b_1")
    check(scripted, **QUARTER_BACK)


@pytest.mark.parametrize("when", ["after the run", "between plan and apply"])
def test_a_dispute_that_is_lost_after_the_settlement_takes_all_back_and_once_allowed_gives_it_back(
    scripted: ScriptedBooks, when: str
) -> None:
    denied = DisputeDecided("d1", "o1", denied=True)
    tell(scripted, SOLD, RunPlanned(10))
    tell(scripted, *([RunApplied(), denied] if when == "after the run" else [denied, RunApplied()]))
    check(scripted, k_pay=-2520, m_pay=-720, r_pay=-360, k_claw=2520, m_claw=720, r_claw=360)
    tell(scripted, DisputeDecided("d1", "o1", denied=False))
    check(scripted, **SETTLED)
