"""The seals of closed months, proven again one at a time while the books are at work."""

from sqlalchemy import Connection, text

from services.settlement.books.period_rows import add_up_journal, read_closes
from services.settlement.domain.book.periods import PeriodClose
from services.settlement.domain.book.seals import NO_SEAL, SealHash, sum_line

_CAME_LATER = text("""
SELECT EXISTS (SELECT FROM journal WHERE period = :period AND seq > (cast(:cut AS bigint[]))[writer + 1])
""")


class SealWatch:
    """Looks at one close at each turn, the newest first, and remembers what it found of each.

    `koc ledger verify` looks at all of them at once, and says what is wrong.
    """

    def __init__(self) -> None:
        self._broken: dict[str, bool] = {}
        self._turn = 0

    def broken_after(self, connection: Connection) -> int:
        """Prove the next close; returns how many are broken among those that were looked at."""
        closes = read_closes(connection)
        if closes:
            number = -1 - self._turn % len(closes)
            before = closes[number - 1].seal if number > -len(closes) else NO_SEAL
            self._broken[closes[number].name] = not _is_whole(connection, closes[number], before)
            self._turn += 1
        return sum(self._broken.values())


def _is_whole(connection: Connection, close: PeriodClose, before: bytes) -> bool:
    """Whether a seal is what the journal says, stands after the one before it, and nothing came later."""
    derived = SealHash(before, close.period, close.revision, close.cut)
    sums = add_up_journal(connection, close.period, close.cut)
    derived.add(sorted(sum_line(one.account, one.currency, one.amount_minor) for one in sums))
    if derived.digest() != close.seal:
        return False
    bounds = {"period": close.period, "cut": list(close.cut)}
    return not (close.stands and connection.execute(_CAME_LATER, bounds).scalar_one())
