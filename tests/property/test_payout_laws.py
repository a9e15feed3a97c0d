"""Laws of payouts over random histories: their sets partition the legs, and a cancelled batch is as if it never was."""

import hashlib
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from services.settlement.books.payout_ports import StoredPayout
from tests.kit.scripted_memory import ScriptedMemory
from tests.reference.settling_script import PayoutCancelled, Proposed
from tests.reference.settling_worlds import World

SEEDS = st.integers(0, 10**9)
_MOVES = {"tax.withheld", "payout.instructed", "payout.cancelled"}
_WRITER_N = 12


def played(seed: int, length: int) -> tuple[ScriptedMemory, World]:
    world, books = World(seed), ScriptedMemory()
    for event in world.run_to(length):
        books.tell(event)
    return books, world


def standing(books: ScriptedMemory) -> list[StoredPayout]:
    return [one for one in books._store.state.payouts.values() if one.status != "cancelled"]


@settings(max_examples=60)
@given(SEEDS, st.integers(20, 60))
def test_the_sets_of_a_partys_payouts_and_what_is_payable_are_all_its_legs_each_once(seed: int, length: int) -> None:
    books, _ = played(seed, length)
    batches, journal = books._store.state.batches, books.books.journal()
    for party, currency in {one.plan[:2] for one in standing(books)}:
        legs = [(one.writer, one.seq, one.entry.legs[f"{party}:payable"]) for one in journal
                if f"{party}:payable" in one.entry.legs and one.entry.currency == currency
                and one.entry.kind.text not in _MOVES]  # fmt: skip
        payouts = [one for one in standing(books) if one.plan[:2] == (party, currency)]
        taken: Counter[tuple[int, int, int]] = Counter()
        before = (0,) * (_WRITER_N + 1)
        for one in sorted(payouts, key=lambda one: batches[one.batch][0].cut[_WRITER_N]):
            cut = batches[one.batch][0].cut
            own = [leg for leg in legs if before[leg[0]] < leg[1] <= cut[leg[0]]]
            assert -sum(amount for *_, amount in own) == one.plan.gross_minor
            names = "\n".join(f"{writer}-{seq}" for writer, seq, _ in sorted(own))
            assert one.covered.sha256 == hashlib.sha256(names.encode()).digest()
            taken.update(own)
            before = tuple(cut)
        assert set(taken.values()) <= {1}, "no leg is in two payouts"
        left = -sum(amount for *_, amount in Counter(legs) - taken)
        assert left == -books.balances(currency).get(f"{party}:payable", 0), "all others are payable"


@settings(max_examples=60)
@given(SEEDS, st.integers(10, 50))
def test_a_batch_that_is_cancelled_at_once_is_proposed_again_with_the_same_sets(seed: int, length: int) -> None:
    books, world = played(seed, length)
    day = max((event.day for event in world.script if isinstance(event, Proposed)), default=200)
    books.tell(Proposed("first", day))
    if not any(one.batch == "first" for one in standing(books)):
        return
    books.tell(PayoutCancelled("first"))
    books.tell(Proposed("again", day))
    found = {
        batch: {one.plan[:2]: (one.plan, one.covered, one.kept) for one in books._store.state.payouts.values()
                if one.batch == batch}
        for batch in ("first", "again")
    }  # fmt: skip
    assert found["first"] == found["again"]
    books.check()
