"""Whatever valid events are published, no poster ever ends: each assertion is taken, and booked or set aside."""

import random
from collections.abc import Iterator

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from services.settlement.books.snapshot_port import NetPosition
from services.settlement.domain.lines.worth import worth_of
from services.settlement.export.digest import Digest, digest, digest_line
from tests.kit.memory_book import MemoryBook
from tests.reference.extreme_money import PARTITIONS, World, worlds

seeds = st.integers(0, 10**6)
many = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink a world takes minutes
)


def live(world: World, seed: int) -> MemoryBook:
    """Post and take all of a world in the seed's order, batches and reprice chunks; an exception of any ends it."""
    rng, book = random.Random(seed), MemoryBook(PARTITIONS)
    logs = [rng.sample(log, len(log)) for log in world.logs]
    registry = rng.sample(world.registry, len(world.registry))
    while any(logs) or registry:
        which, size = rng.randrange(PARTITIONS + 2), rng.randint(1, 4)
        if which < PARTITIONS and logs[which]:
            batch, logs[which] = logs[which][:size], logs[which][size:]
            book.post(which, batch)
        elif which == PARTITIONS and registry:
            events, registry = registry[:size], registry[size:]
            first = book.registry_offset
            book.take([event._replace(position=first + index) for index, event in enumerate(events)])
        elif which > PARTITIONS:
            book.work_jobs(limit=size)
    book.work_jobs()
    return book


def digest_of(book: MemoryBook) -> Digest:
    positions = (NetPosition(*key, amount) for key, amount in book.net().items())
    return digest(sorted(positions, key=digest_line))


def unlike_their_worth(book: MemoryBook) -> Iterator[str]:
    """Lines that are not booked at what their assertion is worth by the final reference data."""
    book.moment(book.reference)
    for key, line in book.lines.items():
        worth = worth_of(book.kept[key], book.reference)
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
    assert [book.writer_rows[n].next_offset for n in range(PARTITIONS)] == [len(log) for log in world.logs]
    assert book.registry_offset == len(world.registry)
    assert not list(unlike_their_worth(book))


@settings(many, max_examples=40)
@given(world=worlds(one_truth=True), one=seeds, other=seeds)
def test_no_order_of_extreme_events_shows_in_the_digest(world: World, one: int, other: int) -> None:
    books = live(world, one), live(world, other)
    assert digest_of(books[0]) == digest_of(books[1])
    assert {key: line.set_aside for key, line in books[0].lines.items()} == {
        key: line.set_aside for key, line in books[1].lines.items()
    }
