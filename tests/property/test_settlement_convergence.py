"""The final ledger is a function of the accepted events: not of order, duplicates, batches or late reference data."""

import random
from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from services.settlement.verify.verify import verify
from tests.kit.book_driver import BookDriver
from tests.kit.settlement_facts import DAY, FactStep
from tests.reference.settlement_world import World, live

SEEDS = st.integers(0, 10**9)


def lines_of(book: BookDriver) -> Counter[str]:
    """How many lines are in which state."""
    with book.store.snapshot() as books:
        lines = [record.line for record in books.lines() if record.line is not None]
    return Counter(
        below_join=sum(line.below_join for line in lines),
        set_aside=sum(line.set_aside is not None for line in lines),
    )


@settings(max_examples=150)
@given(seed=SEEDS, histories=st.lists(SEEDS, min_size=2, max_size=3, unique=True))
def test_any_history_of_the_same_events_ends_in_the_same_net_positions(seed: int, histories: list[int]) -> None:
    world = World(seed)
    for history in histories:
        book = live(world, random.Random(history))
        assert book.net() == world.expected()
        assert lines_of(book)["below_join"] == 0


@settings(max_examples=60)
@given(seed=SEEDS)
def test_verify_finds_no_difference_after_any_history(seed: int) -> None:
    book = live(World(seed), random.Random(seed))
    with book.store.snapshot() as books:
        assert verify(books).differences == []


@settings(max_examples=60)
@given(seed=SEEDS)
def test_no_pending_account_of_a_party_is_ever_in_debit(seed: int) -> None:
    book = live(World(seed), random.Random(seed))
    held: Counter[str] = Counter()
    for one in sorted(book.journal(), key=lambda one: (one.recorded_at, one.writer, one.seq)):
        for account, amount in one.entry.legs.items():
            held[account] += amount
            assert held[account] <= 0 or not account.endswith((":pending", "fee_deferred")), one


@settings(max_examples=60)
@given(seed=SEEDS)
def test_a_full_refund_leaves_exactly_nothing_on_any_account_of_the_line(seed: int) -> None:
    world = World(seed)
    book = live(world, random.Random(seed))
    for partition, fact in world.final:
        last = FactStep("all_back", fact.as_of + DAY, fact.goods_paid_minor)
        back = fact.but(
            refunded_minor=fact.goods_paid_minor, steps=(*fact.steps, last), as_of=last.at,
            version=replace(fact.version, order=99),
        )  # fmt: skip
        book.assert_lines(back, partition=partition)
    assert {key[0] for key in book.net()} <= {None}


def test_histories_really_differ() -> None:
    """What the laws above are about does happen: prices change, credits change, entries differ, lines are set aside."""
    seen: Counter[str] = Counter()
    for seed in range(100):
        world = World(seed)
        one, other = (live(world, random.Random(history)).journal() for history in (1, 2))
        seen["other entries"] += len(one) != len(other)
        seen["repriced"] += any(entry.entry.idem_key.startswith("registry|") and entry.entry.order_id for entry in one)
        seen["adjusted"] += sum(entry.entry.kind.text == "commission.adjusted" for entry in one)
        seen["set aside"] += lines_of(live(world, random.Random(1)))["set_aside"]
    assert min(seen[what] for what in ("other entries", "repriced", "adjusted", "set aside")) > 5, seen
