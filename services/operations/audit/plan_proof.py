"""plan_sha256: a hash that no order of the rows changes. domain/settling/plan_hash.py of settlement says the bytes."""

import json
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

from services.operations.audit.party_nets import PartyNet
from services.operations.audit.run_plan import RunLineAgain

_encode = json.JSONEncoder(separators=(",", ":")).encode


def line_row(settled: RunLineAgain) -> bytes:
    """The digest of a settled line."""
    line, facts = settled.line, settled.line.facts
    grants = [[name, *grant] for name, grant in sorted(settled.grants.items())]
    parts = [
        [
            one.credit.content_id, one.credit.koc_id, "" if one.plan is None else one.plan.name, one.base_minor,
            one.commission(), _pairs(one.amounts()),
        ]
        for one in settled.credits
    ]  # fmt: skip
    return _digest(
        "line", line.partition, facts.order_id, facts.line_id, facts.buyer_id, line.offset, _pairs(settled.settled),
        grants, settled.bonus_minor, parts,
    )  # fmt: skip


def content_row(content_id: str, currency: str, settled: Mapping[str, int]) -> bytes:
    """The digest of a settled script fee."""
    return _digest("content", content_id, currency, _pairs(settled))


def party_row(net: PartyNet) -> bytes:
    """The digest of a party's net."""
    return _digest("party", *net)


def proof(lines: Iterable[bytes], contents: Iterable[bytes], parties: Iterable[bytes]) -> str:
    """plan_sha256, hexadecimal."""
    return sha256(b"koc-plan-1" + b"".join(map(_block, (lines, contents, parties)))).hexdigest()


def batch_proof(nets: Iterable[PartyNet], payouts: Iterable[Sequence[object]]) -> str:
    """plan_sha256 of a batch of payouts, hexadecimal; domain/paying/batch_hash.py of settlement says the bytes.

    Args:
        nets: of parties of which something moves.
        payouts: each as id, party, currency, amount, tax, whom the tax is owed to, rail, ref.
    """
    rows = (
        [_digest("net", net.party, net.currency, *net.amounts) for net in nets],
        [_digest("payout", *payout) for payout in payouts],
    )
    return sha256(b"koc-payouts-1" + b"".join(_block(some) for some in rows)).hexdigest()


def _block(rows: Iterable[bytes]) -> bytes:
    return sha256(b"".join(sorted(rows))).digest()


def _digest(*fields: object) -> bytes:
    return sha256(_encode(fields).encode()).digest()


def _pairs(amounts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(amounts.items())
