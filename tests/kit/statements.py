"""Statements of made-up bodies, sealed as a close seals them."""

import json
from collections.abc import Mapping
from typing import Any

from schemas.specimens import VALID
from services.settlement.domain.book.commands import canonical_json
from services.settlement.domain.statements.merkle import MerkleTree
from services.settlement.domain.statements.statement import NumberedStatement, digest_of

SPECIMEN: dict[str, Any] = VALID["issued_statement"]


def numbered(message: Mapping[str, Any] = SPECIMEN) -> NumberedStatement:
    """A message of the contract as the books hold it."""
    return NumberedStatement(
        message["seq"], message["period"], message["revision"], message["party"], message["currency"],
        bytes.fromhex(message["sha256"]), canonical_json(message["statement"]),
        [bytes.fromhex(step) for step in message["path"]], bytes.fromhex(message["root"]),
        message["statement"]["closed_at"],
    )  # fmt: skip


def sealed(*bodies: Mapping[str, Any]) -> list[NumberedStatement]:
    """Statements of these bodies under one root."""
    texts = [canonical_json(body) for body in bodies]
    digests = [digest_of(text) for text in texts]
    tree = MerkleTree(digests)
    return [
        NumberedStatement(
            index + 1, body["period"], body["revision"], body["party"], body["currency"], digests[index], texts[index],
            tree.path(index), tree.root, body["closed_at"],
        )
        for index, body in enumerate(bodies)
    ]  # fmt: skip


def changed(**members: Any) -> dict[str, Any]:
    """The body of the contract's example, with other members."""
    body: dict[str, Any] = json.loads(json.dumps(SPECIMEN["statement"]))
    return body | members
