"""What explanations read of an order, from books in memory."""

from schemas.topics import CREDITS
from services.operations.explain.sources import BookedOrder
from services.settlement.books.decode_credits import decode_credit
from services.settlement.books.run_records_port import OrderRuns
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
            OrderRuns(runs, planned, nets, records.case_events(), positions, generation, now),
        )
