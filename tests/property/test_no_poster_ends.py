"""Whatever valid events are published, no poster ever ends: each assertion is taken, and booked or set aside."""

from random import Random

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from services.settlement.books.snapshot_port import NetPosition
from services.settlement.domain.lines.line import Key, Line
from services.settlement.export.digest import Digest, digest, digest_line
from services.settlement.verify.verify import verify
from tests.kit.book_driver import BookDriver
from tests.reference.extreme_money import World, worlds
from tests.reference.settlement_world import live

seeds = st.integers(0, 10**6)
many = settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink a world takes minutes
)


def digest_of(book: BookDriver) -> Digest:
    positions = (NetPosition(*key, amount) for key, amount in book.net().items())
    return digest(sorted(positions, key=digest_line))


def lines_of(book: BookDriver) -> dict[Key, Line]:
    with book.store.snapshot() as books:
        return {record.key: record.line for record in books.lines() if record.line is not None}


@settings(many, max_examples=100)
@given(world=worlds(one_truth=False), seed=seeds)
def test_every_valid_event_is_taken_and_every_line_is_booked_at_its_worth_or_set_aside(world: World, seed: int) -> None:
    book = live(world, Random(seed))
    assert all(book.offsets[n] >= len(log) for n, log in enumerate(world.logs))
    assert book.registry_offset == len(world.registry)
    with book.store.snapshot() as books:
        assert verify(books).differences == []
    for line in lines_of(book).values():
        assert line.set_aside is None or not (line.booked or line.booked_steps), line


@settings(many, max_examples=40)
@given(world=worlds(one_truth=True), one=seeds, other=seeds)
def test_no_order_of_extreme_events_shows_in_the_digest(world: World, one: int, other: int) -> None:
    books = live(world, Random(one)), live(world, Random(other))
    assert digest_of(books[0]) == digest_of(books[1])
    first, second = ({key: line.set_aside for key, line in lines_of(book).items()} for book in books)
    assert first == second
