"""Whatever valid events are published, no poster ever ends: each assertion is taken, and booked or set aside."""

import random
from collections.abc import Iterator

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from services.settlement.books.snapshot_port import NetPosition
from services.settlement.domain.lines.line import Key
from services.settlement.domain.lines.worth import worth_of
from services.settlement.export.digest import Digest, digest, digest_line
from tests.kit.book_driver import BookDriver, MemoryStore
from tests.reference.extreme_money import PARTITIONS, World, worlds

seeds = st.integers(0, 10**6)
many = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink a world takes minutes
)


def live(world: World, seed: int) -> BookDriver:
    """Post and take all of a world in the seed's order, batches and reprice chunks; an exception of any ends it."""
    rng, book = random.Random(seed), BookDriver(MemoryStore())
    logs = [rng.sample(log, len(log)) for log in world.logs]
    registry = rng.sample(world.registry, len(world.registry))
    while any(logs) or registry:
        which, size = rng.randrange(PARTITIONS + 2), rng.randint(1, 4)
        if which < PARTITIONS and logs[which]:
            batch, logs[which] = logs[which][:size], logs[which][size:]
            book.assert_lines(*batch, partition=which)
        elif which == PARTITIONS and registry:
            events, registry = registry[:size], registry[size:]
            book.take_registry(*[event.body for event in events])
        elif which > PARTITIONS:
            book.reprice(limit=size)
    book.reprice()
    return book


def digest_of(book: BookDriver) -> Digest:
    positions = (NetPosition(*key, amount) for key, amount in book.net().items())
    return digest(sorted(positions, key=digest_line))


def set_aside_of(book: BookDriver) -> dict[Key, str | None]:
    with book.store.snapshot() as books:
        return {record.key: record.line.set_aside for record in books.lines() if record.line}


def unlike_their_worth(book: BookDriver) -> Iterator[str]:
    """Lines that are not booked at what their assertion is worth by the final reference data."""
    with book.store.snapshot() as books:
        reference, records = books.reference(), list(books.lines())
    for key, line, _, _, assertion, _ in records:
        assert line is not None
        assert assertion is not None
        worth = worth_of(assertion, reference)
        target = worth.target if line.standing else {}
        if line.quarantined is None and line.booked != target:
            yield f"{key} is booked at {line.booked} and is worth {target}"
        if line.quarantined is None and line.standing and line.set_aside != worth.set_aside:
            yield f"{key} is set aside because {line.set_aside} and not because {worth.set_aside}"
        if line.set_aside is not None and (line.booked or line.booked_steps):
            yield f"{key} is set aside and has {line.booked} for {line.booked_steps}"


@settings(many, max_examples=100)
@given(world=worlds(one_truth=False), seed=seeds)
def test_every_valid_event_is_taken_and_every_line_is_booked_at_its_worth_or_set_aside(world: World, seed: int) -> None:
    book = live(world, seed)
    assert [book.offsets[n] for n in range(PARTITIONS)] == [len(log) for log in world.logs]
    assert book.registry_offset == len(world.registry)
    assert not list(unlike_their_worth(book))


@settings(many, max_examples=40)
@given(world=worlds(one_truth=True), one=seeds, other=seeds)
def test_no_order_of_extreme_events_shows_in_the_digest(world: World, one: int, other: int) -> None:
    books = live(world, one), live(world, other)
    assert digest_of(books[0]) == digest_of(books[1])
    assert set_aside_of(books[0]) == set_aside_of(books[1])
