"""What payouts need of the store: a proposal's snapshot and transaction, and the rows that are kept of it."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from services.settlement.books.net_ports import InCurrency, NetSnapshot, RunPoint
from services.settlement.books.ports import Transaction, TransactionTime
from services.settlement.books.run_ports import RunStore
from services.settlement.domain.book.commands import CommandDraft, JsonObject
from services.settlement.domain.paying.batch_hash import BatchNet
from services.settlement.domain.paying.entry_sets import Cut, EntrySet
from services.settlement.domain.paying.payees import Payee
from services.settlement.domain.paying.payouts import PayoutPlan


class OpenLegs(NamedTuple):
    """The legs of a payable account that a payout would cover: ids in the order of the proof, and their sum."""

    entry_ids: Sequence[str]
    sum_minor: int


class StoredBatch(NamedTuple):
    """A batch as stored. Times are microseconds; `cut` is the last number of each writer that its payouts cover.

    `status` is proposed, approved or cancelled. `counts` is what its command's result says, and more of it.
    """

    id: str
    as_of: int
    status: str
    point: RunPoint
    cut: Cut
    plan_sha256: bytes
    counts: Mapping[str, Any]
    by: str
    proposed_at: int
    approved_by: str | None = None
    approved_at: int | None = None


class StoredPayout(NamedTuple):
    """A payout as stored; `status` is one of domain.paying.payouts.

    `is_refused`: it came back and is not released. `refused_at` is the next registry offset when it came back; None =
    it never did. `kept` are lines (ORDER/LINE/BUYER) in an open hold or dispute, whose money it leaves held.
    """

    id: str
    batch: str
    plan: PayoutPlan
    status: str
    covered: EntrySet
    is_refused: bool = False
    refused_at: int | None = None
    kept: Sequence[str] = ()


class PayoutSnapshot(NetSnapshot, Protocol):
    """The snapshot of a proposal."""

    def payable_parties(self) -> set[InCurrency]:
        """All that something is payable to."""

    def payees(self) -> Mapping[str, Payee]:
        """Where each party is paid, by `ROLE:ID`."""

    def departed(self, as_of: int) -> frozenset[str]:
        """Parties that had left by this moment."""

    def paid_between(self, start: int, end: int) -> Mapping[InCurrency, int]:
        """What payouts of batches as of these moments have taken, with tax; not those that came back.

        Args:
            start: microseconds.
            end: microseconds, and not itself.
        """

    def open_legs(self, parties: Collection[InCurrency]) -> Mapping[InCurrency, OpenLegs]:
        """The legs of these parties' payable accounts since their last payout, without those in NOT_COVERED."""


class ProposalTransaction(Transaction, Protocol):
    """The transaction that books a proposal, under writer N."""

    def time(self) -> TransactionTime:
        """When it happens, and the oldest open period."""

    def check_undecided(self, commands: int) -> None:
        """Make sure that nobody has decided anything after the command of this number; writer N is locked.

        Raises:
            Stalled: somebody has, so RUN was lost.
        """

    def add_batch(self, batch: StoredBatch, nets: Sequence[BatchNet], payouts: Sequence[StoredPayout]) -> None:
        """Store a batch with its rows; `by` and `proposed_at` are the session's."""

    def record(self, draft: CommandDraft, at: int, result: JsonObject, point: RunPoint) -> None:
        """Record the command."""


class PayoutStore(RunStore, Protocol):
    """Where payouts are proposed; each method opens what its name says, for as long as the block lasts."""

    def find_batch(self, draft: CommandDraft) -> StoredBatch | None:
        """The batch that this command proposed before; None = it is new.

        Raises:
            InputRefused: another command has its id.
        """

    def payout_snapshot(self) -> AbstractContextManager[PayoutSnapshot]:
        """One snapshot, on a connection of its own."""

    def proposing(self) -> AbstractContextManager[ProposalTransaction]:
        """One transaction, committed at the end."""
