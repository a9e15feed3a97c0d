"""The books against the rebuilt books: every account's balance, and every net position of an order line."""

from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from services.operations.rebuild.report import RebuildReport
from services.settlement.books.snapshot import Snapshot
from services.settlement.books.snapshot_port import NetPosition
from services.settlement.export.digest import Digest, digest, digest_line

Balances = dict[tuple[str, str], int]
"""Account key and currency -> minor units, without zeros."""


class BooksCopy(NamedTuple):
    """What is compared of some books.

    Args:
        balances: as stored, beside the journal.
        digest: over the net positions.
        positions: a file of the positions' lines, as the digest covers them.
    """

    balances: Balances
    digest: Digest
    positions: Path


def copy_books(books: Snapshot, file: Path) -> BooksCopy:
    """Take what is compared out of a snapshot, so that it need not stay open.

    Args:
        books: at rest, or as of the point that is rebuilt.
        file: for the positions; a million lines take about 100 MB.
    """
    with file.open("wb") as lines:

        def kept() -> Iterator[NetPosition]:
            for position in books.net_positions():
                lines.write(digest_line(position))
                yield position

        digested = digest(kept())
    found = (balance for _, balance in books.balances() if balance.amount_minor)
    return BooksCopy({(one.account, one.currency): one.amount_minor for one in found}, digested, file)


def compare(books: BooksCopy, rebuilt: BooksCopy, report: RebuildReport) -> None:
    """Note each difference.

    Args:
        books: what the books say.
        rebuilt: what came of the topics.
        report: differences, digests and counts go there.
    """
    report.digests = books.digest, rebuilt.digest
    report.replayed["positions"] = rebuilt.digest.positions
    report.replayed["accounts"] = len({*books.balances, *rebuilt.balances})
    for account in sorted({*books.balances, *rebuilt.balances}):
        found, wanted = books.balances.get(account, 0), rebuilt.balances.get(account, 0)
        if found != wanted:
            report.differ("balance", f"{account[0]} {account[1]}", found, wanted)
    if books.digest != rebuilt.digest:
        with books.positions.open("rb") as ours, rebuilt.positions.open("rb") as theirs:
            _compare_positions(ours, theirs, report)


def _compare_positions(books: Iterable[bytes], rebuilt: Iterable[bytes], report: RebuildReport) -> None:
    """Both files are sorted by everything but the amount."""
    both = merge(_amounts(books, 0), _amounts(rebuilt, 1))
    for name, some in groupby(both, key=lambda one: one[0]):
        amounts = {side: amount for _, side, amount in some}
        if amounts.get(0, 0) != amounts.get(1, 0):
            order_id, line_id, account, currency = name.decode().split("|")
            of = f"line {order_id}/{line_id}, " if order_id else ""
            report.differ("position", f"{of}{account} {currency}", amounts.get(0, 0), amounts.get(1, 0))


def _amounts(lines: Iterable[bytes], side: int) -> Iterator[tuple[bytes, int, int]]:
    """Name of a position, whose it is, and its amount in minor units."""
    for line in lines:
        name, _, amount = line.rstrip(b"\n").rpartition(b"|")
        yield name, side, int(amount)
