"""The bytes that an entry's hash covers, against their definition, for all shapes of entries."""

import pytest

from services.kernel.time import format_rfc3339
from services.settlement.domain.book.entries import Entry, Kind, canonical

ACCRUED = Entry(
    "credit|0|3|7|o_1/1/b_1|0", "order event o_1_paid", Kind.COMMISSION_ACCRUED, "CNY", "2026-11",
    1_793_491_200_000_000, "o_1", "1", None,
    {"brand:br_1:accrued": 4_000, "koc:k_1:pending": -3_600, "platform:fee_deferred": -400},
)  # fmt: skip
SHAPES = {
    "of an order line": ACCRUED,
    "that corrects another": ACCRUED._replace(corrects="3-6"),
    "without an order": ACCRUED._replace(order_id=None, line_id=None),
    "of an order without a line": ACCRUED._replace(line_id=None),
    "with an empty order": ACCRUED._replace(order_id="", line_id=""),
    "with a long cause": ACCRUED._replace(cause="x" * 128),
    "with a cause beyond ASCII": ACCRUED._replace(cause="d\u00e9bit \u4f63\u91d1"),
    "with many legs": ACCRUED._replace(legs={f"koc:k_{number}:pending": number for number in range(-70, 71)}),
}


def packed(field: str | None) -> bytes:
    """A field by its definition: four bytes of length, and its text."""
    return b"\xff" * 4 if field is None else len(field.encode()).to_bytes(4, "big") + field.encode()


@pytest.mark.parametrize("shape", SHAPES)
def test_the_hashed_bytes_are_each_published_field_behind_its_length(shape: str) -> None:
    entry, recorded_at, head = SHAPES[shape], 1_793_491_260_123_456, bytes(range(32))
    fields = [
        "3-1234", entry.idem_key, entry.cause, entry.kind.text, entry.currency, entry.period,
        format_rfc3339(entry.effective_at), format_rfc3339(recorded_at), entry.order_id, entry.line_id, entry.corrects,
        "3", "1234", head.hex(), str(len(entry.legs)),
        *(text for account, amount_minor in entry.legs.items() for text in (account, str(amount_minor))),
    ]  # fmt: skip
    assert canonical(entry, 3, 1234, recorded_at, head) == b"koc-entry-1" + b"".join(map(packed, fields))
