"""Step 6: what a transaction writes, in the page's order, each table in one COPY or one statement."""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any

from services.kernel.errors import InvariantBroken
from services.kernel.time import format_rfc3339
from services.settlement.books import copy_format
from services.settlement.books.account_ids import AccountIds
from services.settlement.books.copy_format import bytea, integers, text
from services.settlement.books.journal_rows import JOURNAL_COLUMNS
from services.settlement.books.line_rows import CHANGING_COLUMNS, LINE_COLUMNS, copy_row
from services.settlement.books.ports import KeptAssertion, PostedEntry, Writer
from services.settlement.domain.lines.line import Line

STAGING = (
    "CREATE TEMP TABLE line_staged (LIKE line) ON COMMIT DELETE ROWS",
    "CREATE TEMP TABLE assertion_staged (LIKE assertion) ON COMMIT DELETE ROWS",
)
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


def journal(cursor: Any, posted: Sequence[PostedEntry], accounts: AccountIds, recorded_at: int) -> None:
    """The entries."""
    now = format_rfc3339(recorded_at)
    rows = []
    for entry, writer, link in posted:
        of = accounts.of(entry.currency)
        ids = integers([of[account] for account, _ in entry.legs])
        amounts = integers([amount for _, amount in entry.legs])
        rows.append(
            f"{writer}\t{link.seq}\t{text(entry.idem_key)}\t{text(entry.cause)}\t{entry.kind.code}\t{entry.currency}\t"
            f"{entry.period}\t{format_rfc3339(entry.effective_at)}\t{now}\t{text(entry.order_id)}\t{text(entry.line_id)}\t"
            f"{text(entry.corrects)}\t{ids}\t{amounts}\t{bytea(link.head)}"
        )
    copy_format.copy_text(cursor, f"journal ({JOURNAL_COLUMNS})", rows)


def demote(cursor: Any, lines: Sequence[Line]) -> None:
    """Clear `standing`, and nothing else: no statement clears and sets it for one order line."""
    if lines:
        keys = [copy_format.literal(line.key[part] for line in lines) for part in range(3)]
        cursor.execute(_DEMOTE, keys)
        _expect("displaced lines", cursor.rowcount, len(lines))


def new_lines(cursor: Any, lines: Sequence[Line], accounts: AccountIds) -> None:
    """Lines seen for the first time, in key order."""
    rows = [copy_row(line, accounts) for line in sorted(lines, key=attrgetter("key"))]
    copy_format.copy_text(cursor, f"line ({LINE_COLUMNS})", rows)


def changed_lines(cursor: Any, lines: Sequence[Line], accounts: AccountIds) -> None:
    """Lines that were there before."""
    if lines:
        copy_format.copy_text(cursor, f"line_staged ({LINE_COLUMNS})", [copy_row(line, accounts) for line in lines])
        cursor.execute(_CHANGE_LINES)
        _expect("changed lines", cursor.rowcount, len(lines))


def assertions(cursor: Any, kept: Sequence[KeptAssertion]) -> None:
    """The bytes of accepted assertions."""
    target = "(order_id, line_id, buyer_id, partition, position, raw)"
    copy_format.copy_binary(cursor, f"assertion {target}", [_assertion_row(k) for k in kept if not k.stored])
    changed = [_assertion_row(k) for k in kept if k.stored]
    if changed:
        copy_format.copy_binary(cursor, f"assertion_staged {target}", changed)
        cursor.execute(_CHANGE_ASSERTIONS)
        _expect("kept assertions", cursor.rowcount, len(changed))


def _assertion_row(kept: KeptAssertion) -> bytes:
    order_id, line_id, buyer_id = kept.key
    return copy_format.binary_row(
        order_id.encode(),
        line_id.encode(),
        buyer_id.encode(),
        copy_format.smallint(kept.partition),
        copy_format.bigint(kept.position),
        kept.raw,
    )


def balances(cursor: Any, posted: Sequence[PostedEntry], accounts: AccountIds) -> None:
    """The aggregated amounts, last of all and locked in id order: hot rows are held shortest, never in a cycle."""
    moved: dict[int, list[int]] = {}
    for entry, _, _ in posted:
        of = accounts.of(entry.currency)
        for account, amount in entry.legs:
            sums = moved.get(of[account])
            if sums is None:
                moved[of[account]] = [amount, 1]
            else:
                sums[0] += amount
                sums[1] += 1
    if moved:
        ids = sorted(moved)
        cursor.execute(_LOCK_BALANCES, (integers(ids),))
        deltas = [integers(moved[account_id][part] for account_id in ids) for part in range(2)]
        cursor.execute(_MOVE_BALANCES, (integers(ids), *deltas))
        _expect("balances", cursor.rowcount, len(ids))


def writers(cursor: Any, rows: Iterable[Writer]) -> None:
    """Where each writer stands now."""
    ordered = sorted(rows, key=attrgetter("number"))
    parameters = (
        [row.number for row in ordered],
        [row.next_offset for row in ordered],
        [row.last.seq for row in ordered],
        [row.last.head for row in ordered],
        [row.join_open for row in ordered],
    )
    cursor.execute(_SAVE_WRITERS, parameters)
    _expect("writer rows", cursor.rowcount, len(ordered))
