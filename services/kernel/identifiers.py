"""Names made of identifiers `[A-Za-z0-9._~=+@:-]{1,128}`: `|` and `/` are in none, so they can join them."""


def line_key(order_id: str, line_id: str, buyer_id: str) -> str:
    """The name of an order line in idempotency keys: `ORDER/LINE/BUYER`."""
    return f"{order_id}/{line_id}/{buyer_id}"
