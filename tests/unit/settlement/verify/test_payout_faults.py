"""Verify on books with two batches of payouts, in memory: silent where they are good, and naming each planted fault."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from services.settlement.books.memory_state import MemoryState
from services.settlement.books.payout_ports import StoredBatch
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.paying.entry_sets import EntrySet
from services.settlement.domain.paying.payees import Payee
from services.settlement.domain.settling.netting import NetResult
from services.settlement.verify.verify import verify
from tests.kit.book_driver import BookDriver, MemoryStore
from tests.kit.paid_book import fill_paid
from tests.kit.payouts import payout_name

FIRST, SECOND = payout_name("p1", "koc:k_1"), payout_name("p2", "koc:k_1")
_WRITER_N = 12


@pytest.fixture
def state() -> MemoryState:
    store = MemoryStore()
    fill_paid(BookDriver(store))
    return store.state


def found(state: MemoryState) -> set[str]:
    """The checks that found a difference."""
    store = MemoryStore()
    store._books.state = state
    with store.snapshot() as books:
        return {one.check for one in verify(books).differences}


def test_good_books_have_no_difference(state: MemoryState) -> None:
    assert found(state) == set()
    assert {one.batch for one in state.payouts.values()} == {"p1", "p2"}


def more(state: MemoryState) -> None:
    payout = state.payouts[SECOND]
    state.payouts[SECOND] = payout._replace(plan=payout.plan._replace(amount_minor=payout.plan.amount_minor + 1))


def another_payee(state: MemoryState) -> None:
    payout = state.payouts[SECOND]
    state.payouts[SECOND] = payout._replace(plan=payout.plan._replace(payee=Payee("bank", "ref_of_a_thief")))


def another_set(state: MemoryState) -> None:
    covered = state.payouts[FIRST].covered
    state.payouts[FIRST] = state.payouts[FIRST]._replace(covered=EntrySet(covered.size, covered.sum_minor, bytes(32)))


def confirmed_by_nobody(state: MemoryState) -> None:
    state.payouts[SECOND] = state.payouts[SECOND]._replace(status="confirmed")


def cancelled_by_nobody(state: MemoryState) -> None:
    state.payouts[SECOND] = state.payouts[SECOND]._replace(status="cancelled")


def refused_by_nobody(state: MemoryState) -> None:
    state.payouts[SECOND] = state.payouts[SECOND]._replace(is_refused=True)


def lost(state: MemoryState) -> None:
    del state.payouts[SECOND]


def lost_batch(state: MemoryState) -> None:
    del state.batches["p2"]


def moved_cut(state: MemoryState) -> None:
    batch, nets = state.batches["p2"]
    state.batches["p2"] = replace_cut(batch, batch.cut[_WRITER_N] - 1), nets


def cut_in_the_past(state: MemoryState) -> None:
    batch, nets = state.batches["p2"]
    state.batches["p2"] = replace_cut(batch, 1), nets


def replace_cut(batch: StoredBatch, last: int) -> StoredBatch:
    return batch._replace(cut=(*batch.cut[:_WRITER_N], last))


def other_cut_of_a_partition(state: MemoryState) -> None:
    batch, nets = state.batches["p2"]
    state.batches["p2"] = batch._replace(cut=(batch.cut[0] + 1, *batch.cut[1:])), nets


def other_proof(state: MemoryState) -> None:
    batch, nets = state.batches["p1"]
    state.batches["p1"] = batch._replace(plan_sha256=bytes(32)), nets


def other_counts(state: MemoryState) -> None:
    batch, nets = state.batches["p1"]
    state.batches["p1"] = batch._replace(counts={**batch.counts, "payouts": 1}), nets


def lost_net(state: MemoryState) -> None:
    batch, nets = state.batches["p2"]
    state.batches["p2"] = batch, nets[1:]


def other_net(state: MemoryState) -> None:
    batch, nets = state.batches["p2"]
    state.batches["p2"] = batch, (nets[0]._replace(net=NetResult(0, 0, 0, 0, 1)), *nets[1:])


def other_reserve(state: MemoryState) -> None:
    plans = list(state.run_parties["run-3"])
    number = next(n for n, plan in enumerate(plans) if plan.reserve.amount_minor)
    kept = plans[number].reserve
    plans[number] = plans[number]._replace(reserve=kept._replace(amount_minor=kept.amount_minor + 1))
    state.run_parties["run-3"] = tuple(plans)


def in_transit_by_hand(state: MemoryState) -> None:
    account = state.accounts["payout:bank:in_transit", "CNY"]
    amount, legs = state.balances[account]
    state.balances[account] = amount + 5, legs


def instructed_for_another_batch(state: MemoryState) -> None:
    place = max(place for place, row in state.journal.items() if row.kind == Kind.PAYOUT_INSTRUCTED.code)
    row = state.journal[place]
    state.journal[place] = row._replace(idem_key=row.idem_key.replace("|p2|", "|p1|"))


PLANTED: list[tuple[Callable[[MemoryState], None], set[str]]] = [
    (more, {"payout plan", "payout batch", "payout set", "payout", "in transit"}),
    (another_payee, {"payout plan"}),
    (another_set, {"payout set"}),
    (confirmed_by_nobody, {"payout", "in transit"}),
    (cancelled_by_nobody, {"payout", "in transit"}),
    (refused_by_nobody, {"payout"}),
    (lost, {"payout plan", "payout batch", "payout", "in transit"}),
    (lost_batch, {"payout"}),
    (moved_cut, {"payout cut", "payout set"}),
    (cut_in_the_past, {"payout cut", "payout set"}),
    (other_cut_of_a_partition, {"payout cut"}),
    (other_proof, {"payout plan"}),
    (other_counts, {"payout batch"}),
    (lost_net, {"payout plan", "payout net"}),
    (other_net, {"payout plan", "payout net", "net"}),
    (lost_net, {"net"}),
    (other_reserve, {"plan"}),
    (in_transit_by_hand, {"balance", "in transit"}),
    (instructed_for_another_batch, {"chain", "payout"}),
]


@pytest.mark.parametrize(("plant", "checks"), PLANTED, ids=lambda value: getattr(value, "__name__", None))
def test_a_planted_fault_is_found(state: MemoryState, plant: Callable[[MemoryState], None], checks: set[str]) -> None:
    changed = replace(state.copied())
    plant(changed)
    assert checks <= found(changed)
