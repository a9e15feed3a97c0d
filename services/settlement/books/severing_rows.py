"""Rows that name a buyer: which order lines are theirs, the cut, and how the rows read that it changed."""

from collections.abc import Iterator, Sequence

from sqlalchemy import select, text, update

from services.settlement.books import tables
from services.settlement.books.command_rows import read_command
from services.settlement.books.command_transaction import CommandTransaction
from services.settlement.books.decode_credits import decode_assertion, under_buyer
from services.settlement.books.journal_rows import JOURNAL_COLUMNS, JournalRow
from services.settlement.books.plan_rows import LINE_PLAN, read_line_plan
from services.settlement.domain.book.commands import chain_command
from services.settlement.domain.book.entries import GENESIS, Link, chain
from services.settlement.domain.book.severed import mark_of
from services.settlement.domain.lines.assertions import content_hash
from services.settlement.domain.settling.plan_hash import line_digest

OrderLineKey = tuple[str, str]

_SEVER = text("SELECT sever_lines(:buyer, :surrogate, :partition, :orders, :lines)")
_ROWS = text(f"""
SELECT before.chain, {", ".join("one." + column for column in JOURNAL_COLUMNS.split(", "))}
FROM unnest(:orders ::text[], :lines ::text[]) AS wanted (o, l)
JOIN journal one ON one.order_id = o AND one.line_id = l
  AND strpos(one.idem_key || '|', '|' || o || '/' || l || '/' || :surrogate || '|') > 0
LEFT JOIN journal before ON before.writer = one.writer AND before.seq = one.seq - 1
""")  # noqa: S608 - column names of ours
_NAMES = text("SELECT id, key, currency FROM account WHERE id = ANY(:ids)")
_PLANS = text(f"""
SELECT {", ".join("planned." + column for column in LINE_PLAN.split(", "))}
FROM run JOIN unnest(:orders ::text[], :lines ::text[]) AS wanted (o, l) ON true
JOIN run_line planned ON planned.run = run.id AND planned.partition = :partition AND planned.order_id = o
  AND planned.line_id = l AND planned.buyer_id = :surrogate
""")  # noqa: S608 - column names of ours
_COMMAND, _KEPT, _LINE = tables.command, tables.assertion, tables.line


class BuyerRows:
    """The rows of one buyer, in a command's transaction that holds the writer of their partition.

    Args:
        transaction: of a login in koc_operator.
        partition: of the buyer.
        buyer_id: whose link is cut.
    """

    def __init__(self, transaction: CommandTransaction, partition: int, buyer_id: str) -> None:
        self._transaction, self._connection = transaction, transaction.connection
        self._partition, self._buyer_id = partition, buyer_id

    def order_lines(self) -> list[OrderLineKey]:
        """The order lines that are under the buyer, sorted."""
        wanted = select(_LINE.c.order_id, _LINE.c.line_id).where(
            _LINE.c.partition == self._partition, _LINE.c.buyer_id == self._buyer_id
        )
        return sorted((order_id, line_id) for order_id, line_id in self._connection.execute(wanted))

    def sever(self, order_lines: Sequence[OrderLineKey], surrogate: str) -> dict[str, dict[str, str]]:
        """Put a surrogate in the buyer's place, and say how the rows read now.

        Returns:
            `entries` and `commands`: number -> mark; `plan_lines`: mark -> the digest (hex) that proved the plan.
        """
        orders, lines = zip(*order_lines, strict=True)
        named = {"orders": list(orders), "lines": list(lines), "surrogate": surrogate, "partition": self._partition}
        touched = self._connection.execute(_SEVER, {**named, "buyer": self._buyer_id}).scalar_one()
        for order_line in order_lines:
            self._rename_kept(order_line, surrogate)
        return {
            "entries": dict(self._entries(named)),
            "commands": dict(map(self._command, touched)),
            "plan_lines": dict(self._plan_lines(named)),
        }

    def _rename_kept(self, order_line: OrderLineKey, surrogate: str) -> None:
        """The assertion that a line accepted names the buyer too, and the hash of its content covers the name."""
        of_kept, of_line = (
            (table.c.order_id == order_line[0], table.c.line_id == order_line[1], table.c.buyer_id == surrogate)
            for table in (_KEPT, _LINE)
        )
        raw = self._connection.execute(select(_KEPT.c.raw).where(*of_kept)).scalar()
        if raw is None:
            return
        raw = under_buyer(bytes(raw), surrogate)
        self._connection.execute(update(_KEPT).where(*of_kept).values(raw=raw))
        digest = content_hash(decode_assertion(raw))
        self._connection.execute(update(_LINE).where(*of_line).values(content_hash=digest))

    def _entries(self, named: dict[str, object]) -> Iterator[tuple[str, str]]:
        """Number and mark of each entry of the lines."""
        found = self._connection.execute(_ROWS, named).all()
        rows = [(row[0], JournalRow.read(row[1:])) for row in found]
        ids = {account for _, row in rows for account in row.accounts}
        known = self._connection.execute(_NAMES, {"ids": sorted(ids)})
        names = {account: (key, currency) for account, key, currency in known}
        for head, row in rows:
            last = Link(row.seq - 1, GENESIS.head if head is None else bytes(head))
            yield row.entry_id, mark_of(chain(row.entry(names), row.writer, last, row.recorded_at).head)

    def _command(self, seq: int) -> tuple[str, str]:
        """Number and mark of a command that named a line."""
        row = self._connection.execute(select(_COMMAND).where(_COMMAND.c.seq == seq)).one()
        recorded = read_command(row)
        return str(seq), mark_of(chain_command(recorded.command, Link(seq - 1, recorded.prev_hash)).hash)

    def _plan_lines(self, named: dict[str, object]) -> Iterator[tuple[str, str]]:
        """Mark, and the digest of before, of each line of a run's plan."""
        for row in self._connection.execute(_PLANS, named):
            plan = read_line_plan(row, self._transaction.accounts)
            before = plan._replace(key=(*plan.key[:2], self._buyer_id))
            yield mark_of(line_digest(plan)), line_digest(before).hex()
