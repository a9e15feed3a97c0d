"""The transaction that books a proposal of payouts: nets, payouts, the batch, and the command that proposed it."""

from collections.abc import Sequence

from sqlalchemy import insert, text

from services.kernel.time import to_datetime
from services.settlement.books import payout_tables as tables
from services.settlement.books.command_transaction import CommandTransaction
from services.settlement.books.copy_format import NULL, bytea, copy_text, identifiers
from services.settlement.books.net_ports import RunPoint
from services.settlement.books.payout_ports import StoredBatch, StoredPayout
from services.settlement.books.plan_transaction import point_body
from services.settlement.books.record_command import record
from services.settlement.domain.book.commands import CommandDraft, JsonObject
from services.settlement.domain.paying.batch_hash import BatchNet

_NETS = (
    "payout_net (batch, party, currency, written_back_minor, released_minor, netted_payable_minor, netted_held_minor,"
    " held_delta_minor)"
)
_PAYOUTS = (
    "payout (id, batch, party, currency, amount_minor, withheld_minor, authority, rail, ref, status, entries,"
    " entries_sha256, kept)"
)


class StoredProposalTransaction(CommandTransaction):
    """`payout_ports.ProposalTransaction` on PostgreSQL; the caller commits."""

    def add_batch(self, batch: StoredBatch, nets: Sequence[BatchNet], payouts: Sequence[StoredPayout]) -> None:
        """Store a batch with its rows."""
        row = {
            "id": batch.id, "as_of": to_datetime(batch.as_of), "status": batch.status,
            "point": point_body(batch.point), "cut": list(batch.cut), "plan_sha256": batch.plan_sha256,
            "counts": dict(batch.counts), "by": text("session_user"), "proposed_at": text("now()"),
        }  # fmt: skip
        self.connection.execute(insert(tables.payout_batch).values(**row))
        copy_text(self.cursor, _NETS, [_joined(batch.id, net.party, net.currency, *net.net) for net in nets])
        copy_text(self.cursor, _PAYOUTS, [_payout_row(one) for one in payouts])

    def record(self, draft: CommandDraft, at: int, result: JsonObject, point: RunPoint) -> None:
        """Record the command."""
        record(self.connection, draft, at, result, point_body(point))


def _payout_row(payout: StoredPayout) -> str:
    plan, covered = payout.plan, payout.covered
    return _joined(
        payout.id, payout.batch, plan.party, plan.currency, plan.amount_minor, plan.withheld.amount_minor,
        plan.withheld.authority or NULL, plan.payee.rail, plan.payee.ref, payout.status, covered.size,
        bytea(covered.sha256), identifiers(payout.kept),
    )  # fmt: skip


def _joined(*values: object) -> str:
    """A row of COPY, of identifiers and numbers."""
    return "\t".join(map(str, values))
