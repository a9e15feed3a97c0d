"""A batch's proof: one sha256 over what it nets and pays, whatever the order of its rows.

The bytes, for whoever computes them again from the topics:

1. Each row is a JSON array in one line: no spaces (separators `,` and `:`), ASCII, integers in decimal, null for None.
   - a net:    ["net", party, currency, written_back_minor, released_minor, netted_payable_minor, netted_held_minor,
     held_delta_minor], of each party of which something moves
   - a payout: ["payout", id, party, currency, amount_minor, withheld_minor, authority, rail, ref]
2. A block is the sha256 over the sha256s (32 bytes each) of its rows, sorted as bytes and joined. Nets and payouts are
   a block each; a block without rows is the sha256 of nothing.
3. plan_sha256 = sha256("koc-payouts-1" + nets + payouts).

Entry ids are not in it: books that are made again from the topics have other ones, and the same proof.
"""

import json
from collections.abc import Iterable
from hashlib import sha256
from typing import NamedTuple

from services.settlement.domain.paying.payouts import PayoutPlan, payout_id
from services.settlement.domain.settling.netting import NetResult

_VERSION = b"koc-payouts-1"
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class BatchNet(NamedTuple):
    """A row of payout_net: what a proposal moves of a party's money before it pays."""

    party: str
    currency: str
    net: NetResult


def batch_sha256(batch: str, nets: Iterable[BatchNet], payouts: Iterable[PayoutPlan]) -> bytes:
    """The 32 bytes of a batch's proof, of its rows in any order."""
    blocks = _block(map(_net_digest, nets)) + _block(_payout_digest(batch, plan) for plan in payouts)
    return sha256(_VERSION + blocks).digest()


def _net_digest(plan: BatchNet) -> bytes:
    return _digest("net", plan.party, plan.currency, *plan.net)


def _payout_digest(batch: str, plan: PayoutPlan) -> bytes:
    authority, withheld = plan.withheld
    name = payout_id(batch, plan.party, plan.currency)
    return _digest("payout", name, plan.party, plan.currency, plan.amount_minor, withheld, authority, *plan.payee)


def _block(digests: Iterable[bytes]) -> bytes:
    return sha256(b"".join(sorted(digests))).digest()


def _digest(*fields: object) -> bytes:
    return sha256(_encode(fields).encode()).digest()
