"""Step 6: what a transaction writes, in the page's order, each table in one COPY or one statement.

The journal is written while the changes are still being made: the database takes in what is sent, and the rows of the
other tables wait as text until it is done. Changes are taken some hundred at a time, so that what they are made of is
still in the processor's cache when it becomes text.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import islice
from operator import attrgetter
from typing import Any

from services.kernel.errors import InvariantBroken
from services.kernel.time import format_repeated_rfc3339
from services.settlement.books import copy_format, line_rows
from services.settlement.books.account_ids import AccountIds
from services.settlement.books.copy_format import NULL, bytea, integers, text
from services.settlement.books.journal_rows import JOURNAL_COLUMNS
from services.settlement.books.line_rows import CHANGING_COLUMNS, DUE_COLUMNS, LINE_COLUMNS
from services.settlement.books.party_legs import PARTY_LEG_COLUMNS, party_leg_rows
from services.settlement.books.ports import KeptAssertion, LineChange, PostedEntry, Writer
from services.settlement.books.settled_columns import shares_accounts
from services.settlement.domain.lines.line import Line

STAGING = (
    "CREATE TEMP TABLE line_staged (LIKE line) ON COMMIT DELETE ROWS",
    "CREATE TEMP TABLE assertion_staged (LIKE assertion) ON COMMIT DELETE ROWS",
)
_TAKEN_AT_ONCE = 200
_ASSERTION = "(order_id, line_id, buyer_id, partition, position, raw)"
_SAME_KEY = "l.order_id = s.order_id AND l.line_id = s.line_id AND l.buyer_id = s.buyer_id"
_CHANGE_LINES = f"""
UPDATE line l SET {", ".join(f"{name} = s.{name}" for name in CHANGING_COLUMNS)}
FROM line_staged s WHERE {_SAME_KEY}
"""  # noqa: S608 - a condition of ours
_CHANGE_ASSERTIONS = f"""
UPDATE assertion l SET position = s.position, raw = s.raw FROM assertion_staged s WHERE {_SAME_KEY}
"""  # noqa: S608 - a condition of ours
_DEMOTE = """
UPDATE line l SET standing = false
FROM unnest(%s::text[], %s::text[], %s::text[]) AS s (order_id, line_id, buyer_id)
WHERE l.order_id = s.order_id AND l.line_id = s.line_id AND l.buyer_id = s.buyer_id AND l.standing
"""
_LOCK_BALANCES = "SELECT account_id FROM balance WHERE account_id = ANY(%s::int[]) ORDER BY account_id FOR UPDATE"
_MOVE_BALANCES = """
UPDATE balance b SET amount_minor = b.amount_minor + d.amount, entries = b.entries + d.entries
FROM unnest(%s::int[], %s::bigint[], %s::bigint[]) AS d (account_id, amount, entries)
WHERE b.account_id = d.account_id
"""
_SAVE_WRITERS = """
UPDATE writer w SET next_offset = n.next_offset, seq = n.seq, chain_head = n.head, join_open = n.join_open
FROM unnest(%s::int[], %s::bigint[], %s::bigint[], %s::bytea[], %s::bigint[])
  AS n (partition, next_offset, seq, head, join_open)
WHERE w.partition = n.partition
"""


def _expect(what: str, changed: int, expected: int) -> None:
    if changed != expected:
        raise InvariantBroken(f"{what}: {changed} rows changed instead of {expected}")


class WaitingRows:
    """What changes write to other tables than the journal, until it is their turn.

    Args:
        accounts: all that the changes name are known to it.
    """

    def __init__(self, accounts: AccountIds) -> None:
        self._accounts = accounts
        self._new_lines: list[tuple[tuple[str, str, str], str]] = []
        self._changed_lines: list[str] = []
        self._new_assertions: list[bytes] = []
        self._changed_assertions: list[bytes] = []
        self._moved: dict[int, list[int]] = {}
        self._due: list[str] = []
        self._party_legs: list[str] = []

    def take(self, some: Sequence[LineChange], now: str) -> str:
        """Take changes in; returns the journal's rows of COPY.

        Raises:
            KeyError: an account is unknown; then nothing was taken in.
        """
        entries = [posted for change in some for posted in change.entries]
        journal = [self._entry(posted, now) for posted in entries]
        lines = [line_rows.copy_row(change.line, self._accounts) if change.line else "" for change in some]
        of_parties = self._accounts.of_parties
        for posted, (_, ids, amounts) in zip(entries, journal, strict=True):
            self._move(ids, amounts)
            if not of_parties.isdisjoint(ids):
                self._party_legs += party_leg_rows(posted, ids, amounts, of_parties)
        for (_, line, kept), row in zip(some, lines, strict=True):
            if line is not None:
                if line.stored:
                    self._changed_lines.append(row)
                else:
                    self._new_lines.append((line.key, row))
                settle_at = line.settle_at
                if settle_at is not None and settle_at != line.due_at:
                    self._due.append(line_rows.due_row(line, settle_at))
            if kept is not None:
                (self._changed_assertions if kept.stored else self._new_assertions).append(_assertion_row(kept))
        return "".join([row for row, _, _ in journal])

    def _entry(self, posted: PostedEntry, now: str) -> tuple[str, list[int], list[int]]:
        """An entry as a row of COPY in the order of JOURNAL_COLUMNS, and the accounts and amounts of its legs."""
        entry, writer, link = posted
        of = self._accounts.of(entry.currency)
        ids = [of[account] for account in entry.legs]
        amounts = list(entry.legs.values())
        corrects = NULL if entry.corrects is None else text(entry.corrects)
        row = (
            f"{writer}\t{link.seq}\t{entry.idem_key}\t{text(entry.cause)}\t{entry.kind.code}\t{entry.currency}\t"
            f"{entry.period}\t{format_repeated_rfc3339(entry.effective_at)}\t{now}\t{entry.order_id or NULL}\t"
            f"{entry.line_id or NULL}\t{corrects}\t{integers(ids)}\t{integers(amounts)}\t{bytea(link.head)}\n"
        )
        return row, ids, amounts

    def _move(self, ids: Sequence[int], amounts: Sequence[int]) -> None:
        """Add the legs of an entry to what its accounts move by."""
        moved = self._moved
        for account_id, amount in zip(ids, amounts, strict=True):
            sums = moved.get(account_id)
            if sums is None:
                moved[account_id] = [amount, 1]
            else:
                sums[0] += amount
                sums[1] += 1

    def write(self, cursor: Any, demoted: Sequence[Line]) -> None:
        """Parties' legs, displaced, new and changed lines, assertions, and the balances last, each in its order."""
        copy_format.copy_text(cursor, f"party_leg ({PARTY_LEG_COLUMNS})", self._party_legs)
        _demote(cursor, demoted)
        self._write_lines(cursor)
        self._write_assertions(cursor)
        self._write_balances(cursor)

    def _write_lines(self, cursor: Any) -> None:
        copy_format.copy_text(cursor, f"line ({LINE_COLUMNS})", [row for _, row in sorted(self._new_lines)])
        if self._changed_lines:
            copy_format.copy_text(cursor, f"line_staged ({LINE_COLUMNS})", self._changed_lines)
            cursor.execute(_CHANGE_LINES)
            _expect("changed lines", cursor.rowcount, len(self._changed_lines))
        copy_format.copy_text(cursor, f"due ({DUE_COLUMNS})", self._due)

    def _write_assertions(self, cursor: Any) -> None:
        copy_format.copy_binary(cursor, f"assertion {_ASSERTION}", self._new_assertions)
        if self._changed_assertions:
            copy_format.copy_binary(cursor, f"assertion_staged {_ASSERTION}", self._changed_assertions)
            cursor.execute(_CHANGE_ASSERTIONS)
            _expect("kept assertions", cursor.rowcount, len(self._changed_assertions))

    def _write_balances(self, cursor: Any) -> None:
        """The sums, last of all and locked in id order: hot rows are held shortest, never in a cycle."""
        if self._moved:
            ids = sorted(self._moved)
            cursor.execute(_LOCK_BALANCES, (integers(ids),))
            deltas = [integers([self._moved[account_id][part] for account_id in ids]) for part in range(2)]
            cursor.execute(_MOVE_BALANCES, (integers(ids), *deltas))
            _expect("balances", cursor.rowcount, len(ids))


def changes(cursor: Any, made: Iterable[LineChange], accounts: AccountIds, recorded_at: int) -> WaitingRows:
    """Write the journal while the changes are made; returns what is then to be written to the other tables."""
    waiting = WaitingRows(accounts)
    now = format_repeated_rfc3339(recorded_at)
    with ExitStack() as copying:
        copy = None
        for some in _portions(made):
            try:
                rows = waiting.take(some, now)
            except KeyError:  # accounts that are new are made for all of these changes at once
                accounts.ensure(_names(some))
                rows = waiting.take(some, now)
            if rows and copy is None:
                copy = copying.enter_context(cursor.copy(f"COPY journal ({JOURNAL_COLUMNS}) FROM STDIN"))
            if rows and copy is not None:
                copy.write(rows)
    return waiting


def _portions(made: Iterable[LineChange]) -> Iterator[list[LineChange]]:
    """The changes, some at a time."""
    rest = iter(made)
    while some := list(islice(rest, _TAKEN_AT_ONCE)):
        yield some


def _names(some: Iterable[LineChange]) -> set[tuple[str, str]]:
    """The accounts that changes name."""
    names: set[tuple[str, str]] = set()
    for entries, line, _ in some:
        names.update([(account, entry.currency) for entry, _, _ in entries for account in entry.legs])
        if line is not None:
            names.update([(account, line.currency) for account in (*line.booked, *shares_accounts(line.settled))])
    return names


def _demote(cursor: Any, lines: Sequence[Line]) -> None:
    """Clear `standing`, and nothing else: no statement clears and sets it for one order line."""
    if lines:
        keys = [copy_format.literal(line.key[part] for line in lines) for part in range(3)]
        cursor.execute(_DEMOTE, keys)
        _expect("displaced lines", cursor.rowcount, len(lines))


def _assertion_row(kept: KeptAssertion) -> bytes:
    """A kept assertion as a row of binary COPY."""
    return copy_format.binary_row(kept.key, kept.partition, kept.position, kept.raw)


def writers(cursor: Any, rows: Mapping[int, Writer]) -> None:
    """Where each writer stands now."""
    ordered = sorted(rows.values(), key=attrgetter("number"))
    parameters = (
        [row.number for row in ordered],
        [row.next_offset for row in ordered],
        [row.last.seq for row in ordered],
        [row.last.head for row in ordered],
        [row.join_open for row in ordered],
    )
    cursor.execute(_SAVE_WRITERS, parameters)
    _expect("writer rows", cursor.rowcount, len(ordered))
