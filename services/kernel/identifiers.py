"""Identifiers: `[A-Za-z0-9._~=+@:-]{1,128}`. The bar `|` and the slash `/` are in none, so they can join them."""

import re

IDENTIFIER_PATTERN = r"^[A-Za-z0-9._~=+@:-]{1,128}$"
_IDENTIFIER = re.compile(r"[A-Za-z0-9._~=+@:-]{1,128}")


def is_identifier(text: str) -> bool:
    """Whether a text is an identifier."""
    return _IDENTIFIER.fullmatch(text) is not None


def line_key(order_id: str, line_id: str, buyer_id: str) -> str:
    """The name of an order line in idempotency keys: `ORDER/LINE/BUYER`."""
    return f"{order_id}/{line_id}/{buyer_id}"
