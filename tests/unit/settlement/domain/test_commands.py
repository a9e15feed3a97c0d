"""The chain of commands: what a hash covers."""

import hashlib

import pytest

from services.kernel.time import parse_rfc3339
from services.settlement.domain.book.commands import (
    Command,
    canonical_command,
    canonical_json,
    chain_command,
    command_message,
)
from services.settlement.domain.book.entries import GENESIS

AT = parse_rfc3339("2026-12-01T10:00:00.5Z")
PAID = Command("c-1", "brand.paid", "ann", "付款", AT, {"b": 2, "a": "x"}, None, {"entries": ["12-1"]})


def test_the_canonical_bytes_are_each_field_with_its_length() -> None:
    fields = ["1", "c-1", "brand.paid", "ann", "付款", "2026-12-01T10:00:00.5Z", '{"a":"x","b":2}', None,
              '{"entries":["12-1"]}', "00" * 32]  # fmt: skip
    raw = b"koc-command-1"
    for field in fields:
        text = None if field is None else field.encode()
        raw += b"\xff" * 4 if text is None else len(text).to_bytes(4, "big") + text
    assert canonical_command(PAID, 1, bytes(32)) == raw
    assert chain_command(PAID, GENESIS).hash == hashlib.sha256(raw).digest()


def test_the_order_of_members_changes_nothing_and_every_field_does() -> None:
    first = chain_command(PAID, GENESIS)
    assert chain_command(PAID._replace(body={"a": "x", "b": 2}), GENESIS) == first._replace(
        command=PAID._replace(body={"a": "x", "b": 2})
    )
    changes = {"id": "c-2", "kind": "brand.billed", "by": "bob", "reason": "", "at": AT + 1, "body": {}, "point": {},
               "result": {}}  # fmt: skip
    assert set(changes) == set(Command._fields)
    for field, value in changes.items():
        assert chain_command(PAID._replace(**{field: value}), GENESIS).hash != first.hash
    assert chain_command(PAID, first.link).hash != first.hash


def test_json_with_a_float_that_is_no_number_has_no_text() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"a": float("nan")})


def test_the_message_names_its_place_and_its_hashes() -> None:
    message = command_message(chain_command(PAID, chain_command(PAID, GENESIS).link))
    assert (message["seq"], message["command_id"], message["at"]) == (2, "c-1", "2026-12-01T10:00:00.5Z")
    assert message["prev_hash"] == chain_command(PAID, GENESIS).hash.hex()
