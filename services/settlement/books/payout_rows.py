"""Rows of batches and payouts, said once: which columns, and what they are in the domain."""

from collections.abc import Sequence
from typing import Any

from services.kernel.time import to_micros
from services.settlement.books.net_ports import RunPoint
from services.settlement.books.payout_ports import StoredBatch, StoredPayout
from services.settlement.domain.paying.batch_hash import BatchNet
from services.settlement.domain.paying.entry_sets import EntrySet
from services.settlement.domain.paying.payees import Payee
from services.settlement.domain.paying.payouts import PayoutPlan
from services.settlement.domain.paying.withholding import Withholding
from services.settlement.domain.settling.netting import NetResult

BATCHES = """
SELECT id, as_of, status, point, cut, plan_sha256, counts, "by", proposed_at, approved_by, approved_at FROM payout_batch
"""
NETS = """
SELECT party, currency, written_back_minor, released_minor, netted_payable_minor, netted_held_minor, held_delta_minor
FROM payout_net WHERE batch = %s ORDER BY party, currency
"""
PAYOUTS = """
SELECT id, batch, party, currency, amount_minor, withheld_minor, authority, rail, ref, status, refused, refused_at,
  entries, entries_sha256, kept
FROM payout
"""


def read_batch(row: Sequence[Any]) -> StoredBatch:
    """A row of BATCHES."""
    name, as_of, status, point, cut, proof, counts, by, proposed_at, approved_by, approved_at = row
    return StoredBatch(
        name, to_micros(as_of), status, RunPoint(**point), tuple(cut), bytes(proof), counts, by,
        to_micros(proposed_at), approved_by, None if approved_at is None else to_micros(approved_at),
    )  # fmt: skip


def read_net(row: Sequence[Any]) -> BatchNet:
    """A row of NETS."""
    party, currency, *net = row
    return BatchNet(party, currency, NetResult(*net))


def read_payout(row: Sequence[Any]) -> StoredPayout:
    """A row of PAYOUTS."""
    name, batch, party, currency, amount, withheld, authority, rail, ref, status, *refusal, size, proof, kept = row
    plan = PayoutPlan(party, currency, amount, Withholding(authority, withheld), Payee(rail, ref))
    covered = EntrySet(size, -plan.gross_minor, bytes(proof))
    return StoredPayout(name, batch, plan, status, covered, refusal[0], refusal[1], tuple(kept))
