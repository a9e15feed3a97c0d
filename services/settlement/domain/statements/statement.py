"""A statement: its body from facts, its canonical bytes, and the message that carries its proof."""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple

from services.kernel.errors import InvariantBroken
from services.kernel.time import format_rfc3339
from services.settlement.domain.book.chart import OURSELVES
from services.settlement.domain.book.commands import JsonObject, canonical_json
from services.settlement.domain.statements.brand_bill import brand_bill
from services.settlement.domain.statements.facts import StatementFact, StatementScope
from services.settlement.domain.statements.merkle import root_by_path
from services.settlement.domain.statements.owners import is_brand
from services.settlement.domain.statements.party_statement import party_statement
from services.settlement.domain.statements.platform_statement import platform_statement

FORM = "koc-statement-1"
"""The first word of a statement: how to read it."""


class NumberedStatement(NamedTuple):
    """A statement as stored: its number, whose it is, its body as canonical JSON, and its way to the root.

    `closed_at` is RFC 3339.
    """

    seq: int
    period: str
    revision: int
    party: str
    currency: str
    sha256: bytes
    body: str
    path: Sequence[bytes]
    root: bytes
    closed_at: str


def build_statement(scope: StatementScope, facts: Iterable[StatementFact]) -> str:
    """The canonical JSON of a statement.

    Args:
        scope: whose it is, and of which close.
        facts: of its party and currency.

    Raises:
        InvariantBroken: details do not add up to their movement; names the statement.
    """
    known = list(facts)
    head: dict[str, object] = {
        "form": FORM,
        "party": scope.party,
        "currency": scope.currency,
        "period": scope.period,
        "revision": scope.revision,
        "zone_minutes": scope.zone_minutes,
        "closed_at": format_rfc3339(scope.closed_at),
        "seal": scope.seal.hex(),
    }
    build = party_statement
    if is_brand(scope.party):
        build = brand_bill
    elif scope.party == OURSELVES:
        build = platform_statement
    try:
        return canonical_json(head | build(known))
    except InvariantBroken as broken:
        raise InvariantBroken(f"statement {scope.period} of {scope.party} in {scope.currency}: {broken}") from None


def digest_of(body: str) -> bytes:
    """What a leaf of the tree covers."""
    return sha256(body.encode()).digest()


def statement_message(one: NumberedStatement) -> str:
    """The message of settlement.statements.v1, as canonical JSON; the file that a party gets has the same bytes."""
    path = ",".join(f'"{step.hex()}"' for step in one.path)
    return (
        f'{{"currency":"{one.currency}","party":"{one.party}","path":[{path}],"period":"{one.period}",'
        f'"revision":{one.revision},"root":"{one.root.hex()}","seq":{one.seq},"sha256":"{one.sha256.hex()}",'
        f'"statement":{one.body}}}'
    )


def proof_problem(message: JsonObject, root: bytes) -> str | None:
    """Why a message is not a statement that was sealed under a root, in words; None = it is one.

    Args:
        message: of settlement.statements.v1, from anywhere.
        root: that the reader knows from elsewhere.
    """
    body, digest = message["statement"], message["sha256"]
    if not isinstance(body, dict) or not isinstance(message["path"], list):
        return "it is no statement"
    for name in ("party", "currency", "period", "revision"):
        if body.get(name) != message[name]:
            return f"its {name} is not that of the statement in it"
    found = digest_of(canonical_json(body))
    if found.hex() != digest:
        return f"its sha256 is {found.hex()}, and {digest} is written in it"
    if root_by_path(found, map(bytes.fromhex, message["path"])) != root:
        return "its path does not lead to this root"
    return None
