"""What explanations read of an order, from books in memory."""

from schemas.topics import CREDITS
from services.kernel.identifiers import line_key
from services.operations.explain.sources import BookedOrder
from services.settlement.books.decode_credits import decode_credit
from services.settlement.books.journal_rows import line_of
from services.settlement.books.memory_state import MemoryState
from services.settlement.books.run_records_port import LinePayout, OrderRuns
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.lines.line import Key
from services.settlement.domain.paying.payouts import CANCELLED
from tests.kit.book_driver import BookDriver, MemoryStore


def booked_order(book: BookDriver, order_id: str, now: int) -> BookedOrder:
    """The order as a reader of the database has it at that moment; cases of other orders are among its cases."""
    assert isinstance(book.store, MemoryStore)
    state = book.store.state
    with book.store.snapshot() as books:
        records = books.run_records()
        kept = {key: one for key, one in state.kept.items() if key[0] == order_id}
        planned = {one.key: one.plans for one in records.settled_lines() if one.key[0] == order_id}
        owners = {claimant for plans in planned.values() for one in plans for claimant in one.plan.settled}
        runs = [(one.run, one.point) for one in records.runs()]
        nets = {run.id: [one for one in records.plan(run.id).parties if one.party in owners] for run, _ in runs}
        positions = {key: one.position for key, one in kept.items()}
        generation = max(state.writers[number].generation for number in range(CREDITS.partitions))
        return BookedOrder(
            [(state.lines[key], decode_credit(one.raw)) for key, one in sorted(kept.items())],
            [one for one in book.journal() if one.entry.order_id == order_id],
            books.reference(),
            OrderRuns(
                runs, planned, nets, _payouts(state, order_id), records.case_events(), positions, generation, now
            ),
        )


def _payouts(state: MemoryState, order_id: str) -> dict[Key, list[LinePayout]]:
    """The payout of each party that covers what a run settled of each line."""
    names = {number: name for name, number in state.accounts.items()}
    found: dict[Key, set[LinePayout]] = {}
    for row in state.journal.values():
        if row.order_id != order_id or row.kind != Kind.COMMISSION_SETTLED.code:
            continue
        for key, currency in (names[account] for account in row.accounts):
            if key.endswith(":payable"):
                party = key.removesuffix(":payable")
                later = [
                    (state.batches[one.batch][0].cut, one)
                    for one in state.payouts.values()
                    if one.plan[:2] == (party, currency) and one.status != CANCELLED
                ]
                name = line_key(*line_of(row))
                covers = [(cut[-1], one) for cut, one in later if row.seq <= cut[row.writer] and name not in one.kept]
                _, first = min(covers, key=lambda one: one[0], default=(0, None))
                paid = LinePayout(party, first and first.id, first and first.status)
                found.setdefault(line_of(row), set()).add(paid)
    return {line: sorted(some, key=str) for line, some in found.items()}
