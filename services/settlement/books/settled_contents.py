"""Journal rows of settlements, taken apart by content with the plans of the runs that wrote them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from services.kernel.errors import InvariantBroken
from services.settlement.books import statement_sql as sql
from services.settlement.domain.book import chart
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.book.positions import Position
from services.settlement.domain.settling.contents import brand_of
from services.settlement.domain.settling.parts import CreditPart
from services.settlement.domain.settling.shares import Shares
from services.settlement.domain.statements.content_shares import EarnedContent, SettledParts, earned_contents

_SCRIPT_FEE = Kind.SCRIPT_FEE_SETTLED.code

ShareKey = tuple[str, str, int, str, str]
"""Party, currency, kind, content, KOC."""


class _SettledRow(NamedTuple):
    """A row of SETTLED_ROWS."""

    idem_key: str
    kind: int
    currency: str
    order_id: str | None
    line_id: str | None
    writer: int
    accounts: Sequence[int]
    amounts: Sequence[int]
    buyer_id: str | None
    settled_accounts: Sequence[int] | None
    settled_amounts: Sequence[int] | None
    parts: Sequence[Any] | None

    @property
    def run(self) -> str:
        return self.idem_key.split("|")[1]


class ContentSums:
    """What rows come to.

    Attributes:
        shares: [lines, amount] of what parties earned and brands are billed, by content.
        shortfalls: what brands are billed less than was settled, because less was owed by then: by party (the brand),
            currency, kind and order.
    """

    def __init__(self) -> None:
        self.shares: dict[ShareKey, list[int]] = {}
        self.shortfalls: Counter[tuple[str, str, int, str]] = Counter()

    def add(self, party: str, row: _SettledRow, content: EarnedContent, minor: int) -> None:
        """Count a row's part of a content."""
        share = self.shares.setdefault((party, row.currency, row.kind, *content), [0, 0])
        share[0] += 1
        share[1] += minor


class SettledContents:
    """Takes rows of SETTLED_ROWS apart.

    Args:
        connection: psycopg's; lines that several runs settled are read through it.
        names: account keys by id.
    """

    def __init__(self, connection: Any, names: Mapping[int, str]) -> None:
        self._raw, self._names = connection, names

    def sums(self, rows: Iterable[Sequence[Any]]) -> ContentSums:
        """What some rows come to."""
        sums, known = ContentSums(), [_SettledRow(*row) for row in rows]
        earlier = self._earlier([row for row in known if self._is_settled_again(row)])
        for row in known:
            if row.kind == _SCRIPT_FEE:
                self._take_fee(sums, row)
            else:
                self._take_line(sums, row, earlier.get(row.idem_key, ()))
        return sums

    def _take_line(self, sums: ContentSums, row: _SettledRow, earlier: Iterable[SettledParts]) -> None:
        """A settled line: what each party earned, and what the brand is billed for all of them and for us."""
        earned = earned_contents(self._planned(row), earlier)
        together: Counter[EarnedContent] = Counter()
        for claimant, contents in earned.items():
            for content, minor in contents.items():
                together[content] += minor
                if claimant != chart.OURSELVES:
                    sums.add(claimant, row, content, minor)
        legs = self._legs(row.accounts, row.amounts)
        brand_id = brand_of(legs)
        if brand_id is None:  # nothing of it is owed any more: no brand is billed
            return
        brand = f"brand:{brand_id}"
        for content, minor in together.items():
            sums.add(brand, row, content, minor)
        if short := legs.get(chart.brand_receivable(brand_id), 0) - sum(together.values()):
            sums.shortfalls[brand, row.currency, row.kind, str(row.order_id)] += short

    def _take_fee(self, sums: ContentSums, row: _SettledRow) -> None:
        """A settled script fee: its one KOC, and its brand."""
        legs = self._legs(row.accounts, row.amounts)
        party, earned = next((chart.party_of(key), -minor) for key, minor in legs.items() if key.endswith(":payable"))
        content = EarnedContent(row.idem_key.split("|")[3], party.partition(":")[2])
        sums.add(party, row, content, earned)
        for key, billed in legs.items():
            if key.endswith(":receivable"):
                sums.add(f"brand:{brand_of(legs)}", row, content, billed)

    def _is_settled_again(self, row: _SettledRow) -> bool:
        """Whether an earlier run may have settled something of the line: a claimant has more than this row gives it."""
        if row.kind == _SCRIPT_FEE:
            return False
        legs = self._legs(row.accounts, row.amounts)
        given = {chart.claimant_of_settled(key): -minor for key, minor in legs.items() if key.endswith(":payable")}
        given[chart.OURSELVES] = -legs.get(chart.FEE, 0) - legs.get(chart.VAT_OUTPUT, 0)
        return any(minor != given.get(claimant, 0) for claimant, minor in self._planned(row).settled.items())

    def _earlier(self, rows: Sequence[_SettledRow]) -> dict[str, list[SettledParts]]:
        """By idempotency key of a row, what runs before its own settled of its line, in their order."""
        if not rows:
            return {}
        values = {
            "partitions": [row.writer for row in rows],
            "orders": [row.order_id for row in rows],
            "lines": [row.line_id for row in rows],
            "buyers": [row.buyer_id for row in rows],
        }
        found = self._raw.execute(sql.RUN_LINES, values).fetchall()
        earlier: dict[str, list[SettledParts]] = {}
        for number, runs in groupby(found, itemgetter(0)):
            row = rows[number - 1]
            before: list[SettledParts] = []
            for _, run, accounts, amounts, parts in runs:
                if run == row.run:
                    break
                before.append(SettledParts(self._shares(accounts, amounts), _parts(parts)))
            earlier[row.idem_key] = before
        return earlier

    def _planned(self, row: _SettledRow) -> SettledParts:
        if row.settled_accounts is None or row.settled_amounts is None or row.parts is None:
            raise InvariantBroken(f"{row.idem_key} has settled a line that its run did not plan")
        return SettledParts(self._shares(row.settled_accounts, row.settled_amounts), _parts(row.parts))

    def _shares(self, accounts: Sequence[int], amounts: Sequence[int]) -> Shares:
        return {chart.claimant_of_settled(key): minor for key, minor in self._legs(accounts, amounts).items()}

    def _legs(self, accounts: Sequence[int], amounts: Sequence[int]) -> Position:
        return {self._names[account]: minor for account, minor in zip(accounts, amounts, strict=True)}


def _parts(parts: Iterable[Any]) -> tuple[CreditPart, ...]:
    return tuple(CreditPart(*part) for part in parts)
