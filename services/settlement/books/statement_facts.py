"""What the statements of a close are made of, read in a few ordered scans and merged party by party.

Memory holds the names of accounts and one party's facts. What must be sorted is sorted by the database.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from services.kernel.errors import InvariantBroken
from services.kernel.time import DAY, MINUTE, parse_rfc3339, to_datetime, to_micros
from services.settlement.books import statement_sql as sql
from services.settlement.books.settled_contents import SettledContents
from services.settlement.domain.book.entries import KIND_BY_CODE
from services.settlement.domain.book.periods import month_after
from services.settlement.domain.statements.facts import (
    AccountMovement,
    AccountOpening,
    ContentShare,
    DayOfDebt,
    OrderReversal,
    PayoutState,
    Receipt,
    StatementFact,
)
from services.settlement.domain.statements.owners import statement_party
from services.settlement.domain.statements.party_statement import SETTLED

_FETCH = 2_000
_AT_ONCE = 10_000


class ClosedPeriod(NamedTuple):
    """A close: how far each writer's rows count, its seal, and when it was; the root once all its statements are there.

    `closed_at` is microseconds, `zone_minutes` the settlement zone, minutes east of UTC.
    """

    period: str
    revision: int
    cut: Sequence[int]
    seal: bytes
    closed_at: int
    zone_minutes: int
    root: bytes | None

    @property
    def begins_at(self) -> int:
        """When the month begins, microseconds."""
        return parse_rfc3339(f"{self.period}-01T00:00:00Z") - self.zone_minutes * MINUTE

    @property
    def last_day(self) -> str:
        """The month's last day, YYYY-MM-DD."""
        return str(to_datetime(parse_rfc3339(f"{month_after(self.period)}-01T00:00:00Z") - DAY).date())


PartyFact = tuple[str, str, StatementFact]
"""Whose it is: party, currency, fact."""


class StatementFacts:
    """Reads the facts of a close.

    Args:
        connection: psycopg's, within a transaction of its own, which drops what it stages.
        close: whose statements they are.
    """

    def __init__(self, connection: Any, close: ClosedPeriod) -> None:
        self._raw, self._close = connection, close
        self._values: dict[str, object] = {
            "cut": list(close.cut),
            "period": close.period,
            "revision": close.revision,
            "closed_at": to_datetime(close.closed_at),
            "zone": close.zone_minutes,
            "begin": to_datetime(close.begins_at),
            "last_day": close.last_day,
            "settled": [kind.code for kind in SETTLED],
            "reversed_of_parties": sql.REVERSED_OF_PARTIES,
            "reversed_of_brands": sql.REVERSED_OF_BRANDS,
            "billing": sql.BILLING,
            "writer": len(close.cut) - 1,
        }

    def read(self) -> Iterator[PartyFact]:
        """All facts by party and currency, in the order of their code points.

        Raises:
            InvariantBroken: the period's rows do not come to what its seal covers.
        """
        for statement in sql.STAGED:
            self._raw.execute(statement)
        names = self._stage_accounts()
        self._raw.execute(sql.MOVEMENTS, self._values)
        self._check_seal()
        self._stage_contents(names)
        streams = (
            self._openings(),
            self._movements(),
            self._contents(),
            self._reversals(),
            self._payouts(),
            self._receipts(),
            self._days_of_debt(),
        )
        yield from heapq.merge(*streams, key=lambda fact: fact[:2])

    def _stage_accounts(self) -> dict[int, str]:
        """Whose each account is, and what it held before; returns their keys by id."""
        opening: dict[int, int] = dict(self._raw.execute(sql.OPENINGS, self._values).fetchall())
        accounts = self._raw.execute("SELECT id, key, currency FROM account").fetchall()
        with self._raw.cursor().copy("COPY statement_account FROM STDIN") as copy:
            for number, key, currency in accounts:
                copy.write_row((number, statement_party(key), currency, key, opening.get(number, 0)))
        self._raw.execute("ANALYZE statement_account")
        return {number: key for number, key, _ in accounts}

    def _check_seal(self) -> None:
        found = self._raw.execute(sql.UNSEALED, self._values).fetchone()
        if found is not None:
            key, currency, moved, sealed = found
            close = f"{self._close.period} revision {self._close.revision}"
            raise InvariantBroken(f"{close}: {key} in {currency} moves by {moved}, and the seal covers {sealed}")

    def _stage_contents(self, names: dict[int, str]) -> None:
        """What runs settled, by content; lines that several runs settled are looked up together."""
        for way in ("hashjoin", "mergejoin"):  # plans are looked up by key: those of all runs there ever were are many
            self._raw.execute(f"SET LOCAL enable_{way} = off")
        contents = SettledContents(self._raw, names)
        rows = self._stream("settled_rows", sql.SETTLED_ROWS)
        while some := list(islice(rows, _AT_ONCE)):
            sums = contents.sums(some)
            _copy(self._raw, "statement_content", ((*key, *share) for key, share in sums.shares.items()))
            _copy(self._raw, "statement_shortfall", ((*key, minor) for key, minor in sums.shortfalls.items()))
        for way in ("hashjoin", "mergejoin"):
            self._raw.execute(f"SET LOCAL enable_{way} = on")

    # facts, each kind by party and currency

    def _openings(self) -> Iterator[PartyFact]:
        for party, currency, account, minor in self._stream("account_openings", sql.ACCOUNT_OPENINGS):
            yield party, currency, AccountOpening(account, minor)

    def _movements(self) -> Iterator[PartyFact]:
        for party, currency, account, kind, month, minor in self._stream("movements", sql.ACCOUNT_MOVEMENTS):
            yield party, currency, AccountMovement(account, KIND_BY_CODE[kind].text, month, minor)

    def _contents(self) -> Iterator[PartyFact]:
        for party, currency, kind, *rest in self._stream("content_shares", sql.CONTENT_SHARES):
            yield party, currency, ContentShare(KIND_BY_CODE[kind].text, *rest)

    def _reversals(self) -> Iterator[PartyFact]:
        for party, currency, kind, about, minor in self._stream("order_reversals", sql.ORDER_REVERSALS):
            yield party, currency, OrderReversal(KIND_BY_CODE[kind].text, about, 1, minor)

    def _payouts(self) -> Iterator[PartyFact]:
        for party, currency, name, rail, minor, withheld, kind, *times in self._stream("payouts", sql.PAYOUT_STATES):
            state = KIND_BY_CODE[kind].text.removeprefix("payout.")
            yield party, currency, PayoutState(name, rail, minor, withheld, state, *map(to_micros, times))

    def _receipts(self) -> Iterator[PartyFact]:
        for party, currency, command_id, at, minor in self._stream("receipts", sql.RECEIPTS):
            yield party, currency, Receipt(command_id, to_micros(at), minor)

    def _days_of_debt(self) -> Iterator[PartyFact]:
        for party, currency, *rest in self._stream("days_of_debt", sql.DAYS_OF_DEBT):
            yield party, currency, DayOfDebt(*rest)

    def _stream(self, name: str, statement: str) -> Iterator[Sequence[Any]]:
        """Rows through a server-side cursor of this name."""
        with self._raw.cursor(name=name, binary=True) as cursor:
            cursor.itersize = _FETCH
            yield from cursor.execute(statement, self._values)


def _copy(connection: Any, table: str, rows: Iterable[Sequence[Any]]) -> None:
    with connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
