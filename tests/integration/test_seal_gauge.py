"""A poster proves the seals of closed months in turn, as long as it runs."""

from services.runtime.database import engine
from services.runtime.metrics import common, poster
from services.settlement.books.seal_proof import SealWatch
from services.settlement.posting.gauges import read_seals
from tests.kit import periods
from tests.kit.books import Books
from tests.kit.periods import SETTING, paid


def broken(watch: SealWatch, turns: int = 1) -> float:
    """The gauge after so many turns."""
    with engine("writer").connect() as connection:
        for _ in range(turns):
            read_seals(connection, watch)
    return poster().seals_broken._value.get()


def test_one_seal_is_proven_at_each_turn_the_newest_first(books: Books) -> None:
    watch = SealWatch()
    assert broken(watch) == 0
    books.register(*SETTING)
    books.assert_lines(paid(1, 5), paid(2, 35))
    periods.close("2026-06")
    periods.close("2026-07")
    assert broken(watch, 4) == 0
    books.plant("UPDATE journal SET amounts = (SELECT array_agg(2 * v) FROM unnest(amounts) v) WHERE seq = 1")
    before = common().invariants.labels("seal")._value.get()
    assert [broken(watch), broken(watch), broken(watch)] == [0, 1, 1]
    assert common().invariants.labels("seal")._value.get() == before + 2
    books.plant("UPDATE journal SET amounts = (SELECT array_agg(v / 2) FROM unnest(amounts) v) WHERE seq = 1")
    assert [broken(watch), broken(watch)] == [0, 0]


def test_a_row_that_came_into_a_closed_month_shows(books: Books) -> None:
    books.register(*SETTING)
    books.assert_lines(paid(1, 5), paid(2, 35))
    periods.close("2026-06")
    books.assert_lines(paid(3, 36))
    books.plant("UPDATE journal SET period = '2026-06' WHERE seq = 3")
    assert broken(SealWatch()) == 1
