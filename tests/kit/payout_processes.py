"""Payouts as processes: a month of payouts in steps, each of which may be killed before or after its commit."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from services.kernel.time import format_rfc3339
from services.operations.settle.propose import ProposedBatch, proposal_draft, propose
from services.settlement.books.command_transaction import CommandTransaction, command_transaction, operator_books
from services.settlement.books.payout_store import payout_store
from services.settlement.books.posting_transaction import BookConnections
from services.settlement.commands import execute
from services.settlement.export.digest import digest
from services.settlement.payment_files.book_replies import book_replies
from services.settlement.payouts.approve import approve
from services.settlement.payouts.cancel import cancel
from services.settlement.payouts.release import release
from services.settlement.verify.verify import verify
from tests.kit.booking_process import BookingProcess
from tests.kit.books import Books
from tests.kit.payouts import reply_of
from tests.kit.run_books import AS_OF
from tests.kit.run_processes import KilledStore, end_at, is_killed_in

WAIT_SECONDS = 180.0
Step = Callable[[], None]


class PayoutsAfter(NamedTuple):
    """What no fault may change."""

    batches: list[tuple[Any, ...]]
    payouts: list[tuple[Any, ...]]
    digest: str
    balances: list[tuple[Any, ...]]
    commands: list[tuple[Any, ...]]


class ProposalProcess(BookingProcess):
    """`koc payout propose` in a folder of its own."""

    def __init__(self, folder: Path, name: str, batch: str) -> None:
        words = ["payout", "propose", "--as-of", format_rfc3339(AS_OF), "--id", batch, "--json"]
        super().__init__(folder, name, words)


def proposed(batch: str) -> ProposedBatch:
    """`koc payout propose` in this process."""
    with payout_store() as store:
        return propose(store, proposal_draft(AS_OF, batch, "a test"), AS_OF, WAIT_SECONDS, _hush)


def proposal_killed_at(commit: int, when: str, batch: str) -> bool:
    """A proposal in a process of its own that is killed -9 at one of its commits; False if it has fewer.

    Args:
        commit: those of a run that is finished first, then the proposal's own.
        when: "before" the COMMIT is sent, or "after" its answer came.
        batch: its id.
    """

    def work() -> None:
        with payout_store() as store:
            draft = proposal_draft(AS_OF, batch, "a test")
            propose(KilledStore(store, commit, when), draft, AS_OF, WAIT_SECONDS, _hush)  # type: ignore[arg-type]

    return is_killed_in(work)


def steps() -> list[Step]:
    """A month: proposed, one payout cancelled, approved, replied, one released, proposed again, all cancelled."""
    return [
        lambda: _propose("p1"), lambda: _cancel("p1", "koc:k_8"), lambda: _approve("p1"),
        lambda: _reply("p1", "koc:k_7", "rejected"), lambda: _reply("p1", "mcn:m_1", "confirmed"),
        lambda: _release("p1", "koc:k_7"), lambda: _propose("p2"), lambda: _cancel("p2", None),
    ]  # fmt: skip


def is_killed(step: Step, when: str) -> bool:
    """Whether the step was killed -9 at its commit, in a process of its own."""

    def work() -> None:
        execute.command_transaction = _killed_transaction(when)
        global payout_store  # noqa: PLW0603 - of this process alone, which ends soon
        payout_store = _killed_store(when)
        step()

    return is_killed_in(work)


def _killed_transaction(when: str) -> Any:
    @contextmanager
    def watched(book: BookConnections) -> Iterator[CommandTransaction]:
        with command_transaction(book) as transaction:
            yield transaction
            end_at("before", when)
        end_at("after", when)

    return watched


def _killed_store(when: str) -> Any:
    real = payout_store

    @contextmanager
    def watched() -> Iterator[Any]:
        with real() as store:
            yield KilledStore(store, 1, when)

    return watched


def outcome_of(books: Books) -> PayoutsAfter:
    """What came of it, with books that are what they rest on."""
    with books.store.snapshot() as snapshot:
        assert verify(snapshot).differences == []
        digested = digest(snapshot.net_positions()).sha256
    return PayoutsAfter(
        books.rows("SELECT id, status, cut, plan_sha256, counts, approved_by FROM payout_batch ORDER BY proposed_at"),
        books.rows("SELECT id, batch, party, amount_minor, status, refused, entries, entries_sha256 FROM payout"
                   " ORDER BY batch, party, currency"),
        digested,
        books.rows("SELECT key, currency, amount_minor FROM balance JOIN account ON id = account_id ORDER BY 1, 2"),
        books.rows("SELECT seq, kind, body, result FROM command ORDER BY seq"),
    )  # fmt: skip


def _propose(batch: str) -> None:
    proposed(batch)


def _id(batch: str, party: str) -> Any:
    books = Books()
    found = [one for one in books.store.stored_payouts(batch) if one.plan.party == party]
    books.close()
    return found[0]


def _cancel(batch: str, party: str | None) -> None:
    with operator_books() as book:
        cancel(book, batch, None if party is None else _id(batch, party).id, "a test", None)


def _approve(batch: str) -> None:
    with operator_books("approver") as book:
        approve(book, batch, "a test", None)


def _reply(batch: str, party: str, outcome: str) -> None:
    with operator_books() as book:
        book_replies(book, reply_of([_id(batch, party)], outcome, f"{batch} {party}"))


def _release(batch: str, party: str) -> None:
    with operator_books() as book:
        release(book, _id(batch, party).id, "a test", None)


def _hush(_line: str) -> None:
    pass
