"""The documentation's worked order, settled, refunded by a quarter and paid out; tests have its sums by hand."""

from typing import Any

from services.kernel.time import parse_rfc3339
from services.settlement.books.entry_builder import EntryBuilder, PostingCounts
from services.settlement.books.ports import LineChange
from services.settlement.domain.book.drafts import EntryDraft
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.book.positions import Position
from tests.kit.book_driver import WRITER_N, ZONE_MINUTES
from tests.kit.books import Books
from tests.kit.registry_events import ACCEPTED, CONTENT, PLAN, RELATION, SPEND
from tests.kit.runs import settle
from tests.kit.settlement_facts import DAY, PAID_AT, Fact

RUN_AT = PAID_AT + 20 * DAY
REFUND_AT = RUN_AT + DAY
PAYOUT_ID = "MFRGGZDFMZTWQ2LKNNWG23TPOA"
_PAYOUT = f"""
INSERT INTO payout
  (id, batch, party, currency, amount_minor, withheld_minor, rail, ref, status, entries, entries_sha256)
VALUES ('{PAYOUT_ID}', 'batch-1', 'koc:k_7', 'CNY', 24390, 0, 'bank', 'ref-1', 'confirmed', 1, '\\x00')
"""
_BATCH = """
INSERT INTO payout_batch (id, as_of, status, point, cut, plan_sha256, counts, by, proposed_at)
VALUES ('batch-1', now(), 'proposed', '{}', '{}', '\\x00', '{}', 'ann', now())
"""
ORDER = Fact(received_at=PAID_AT + DAY, status="received")
VAT: dict[str, Any] = {
    "event_id": "s1", "event_type": "house.set", "occurred_at": "2026-10-01T00:00:00Z",
    "effective_from": "2026-09-30T16:00:00Z", "vat_ppm": {"CNY": 60_000},
}  # fmt: skip


def fill_november(books: Books) -> None:
    """November: an order of 200.00, a script fee of 300.00, traffic of 75.00 for the KOC, a run, a refund, a payout."""
    books.register(PLAN, RELATION, VAT, CONTENT, ACCEPTED, SPEND)
    books.assert_lines(ORDER)
    settle(books, RUN_AT, "run-1")
    books.assert_lines(ORDER.refunded(5_000, at=REFUND_AT))
    brand_pays = {"bank:main": 1_000, "brand:br_2:receivable": -1_000}
    post(books, Kind.BRAND_PAID, "command|paid-1", brand_pays, REFUND_AT)
    books.plant(_BATCH, _PAYOUT)
    instructed = {"koc:k_7:payable": 24_390, "payout:bank:in_transit": -24_390}
    post(books, Kind.PAYOUT_INSTRUCTED, "payout|batch-1|koc:k_7|CNY|instructed", instructed, REFUND_AT + DAY)


def confirm_in_december(books: Books) -> None:
    """The bank confirms the payout on 2 December, before November is closed."""
    confirmed = {"payout:bank:in_transit": 24_390, "bank:main": -24_390}
    post(
        books, Kind.PAYOUT_CONFIRMED, f"payout|{PAYOUT_ID}|confirmed", confirmed, parse_rfc3339("2026-12-02T03:00:00Z")
    )


def post(books: Books, kind: Kind, idem: str, legs: Position, at: int, currency: str = "CNY") -> None:
    """One entry of writer N, as a command books it."""
    with books.store.transaction() as transaction:
        writers = transaction.lock_writers({WRITER_N})
        moment = transaction.moment(books.reference)
        builder = EntryBuilder(writers, moment, ZONE_MINUTES, PostingCounts())
        row = EntryDraft(kind, "", "a test", at, legs)
        entries = builder.build(WRITER_N, idem, [row], currency, None)
        transaction.write([LineChange(entries)], [], writers, moment.now)
