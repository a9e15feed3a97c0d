"""The journal for other programs: JSON lines as the ledger topic has them, and CSV with a row for each leg."""

import csv
import io
import json
from collections.abc import Iterable, Iterator

from services.settlement.books.journal_entry import message
from services.settlement.books.journal_rows import ChainedEntry
from services.settlement.domain.book.currencies import decimal_text

COLUMNS = (
    "entry_id", "writer", "seq", "kind", "period", "effective_at", "recorded_at", "order_id", "line_id", "account",
    "currency", "amount", "amount_minor", "cause", "idem_key", "corrects", "prev_hash", "hash",
)  # fmt: skip


def json_lines(entries: Iterable[ChainedEntry]) -> Iterator[str]:
    """One entry a line."""
    for entry in entries:
        yield json.dumps(message(*entry), ensure_ascii=False, separators=(",", ":")) + "\n"


def csv_rows(entries: Iterable[ChainedEntry]) -> Iterator[str]:
    """A header, then one row a leg; `amount` in the currency's decimals, debit positive."""
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for entry in entries:
        body = message(*entry)
        for account, amount_minor in entry.recorded.entry.legs:
            amount = decimal_text(amount_minor, body["currency"])
            writer.writerow(body | {"account": account, "amount_minor": amount_minor, "amount": amount})
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()
