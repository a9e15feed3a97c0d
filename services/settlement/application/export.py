"""The journal for other programs: JSON lines as the ledger topic has them, and CSV with a row for each leg."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

from services.kernel.time import format_rfc3339
from services.settlement.application.records import Recorded
from services.settlement.domain.currencies import decimal_text

COLUMNS = (
    "entry_id", "writer", "seq", "kind", "period", "effective_at", "recorded_at", "order_id", "line_id", "account",
    "currency", "amount", "amount_minor", "cause", "idem_key", "corrects", "prev_hash", "hash",
)  # fmt: skip


def published(recorded: Recorded) -> dict[str, Any]:
    """The message of settlement.ledger.v1 that an entry becomes."""
    entry, writer, link, recorded_at, prev_hash = recorded
    return {
        "entry_id": recorded.entry_id,
        "idem_key": entry.idem_key,
        "cause": entry.cause,
        "kind": entry.kind.text,
        "currency": entry.currency,
        "effective_at": format_rfc3339(entry.effective_at),
        "recorded_at": format_rfc3339(recorded_at),
        "order_id": entry.order_id,
        "line_id": entry.line_id,
        "legs": [leg._asdict() for leg in entry.legs],
        "corrects": entry.corrects,
        "period": entry.period,
        "writer": writer,
        "seq": link.seq,
        "prev_hash": prev_hash.hex(),
        "hash": link.head.hex(),
    }


def json_lines(entries: Iterable[Recorded]) -> Iterator[str]:
    """One entry a line."""
    for entry in entries:
        yield json.dumps(published(entry), ensure_ascii=False, separators=(",", ":")) + "\n"


def csv_rows(entries: Iterable[Recorded]) -> Iterator[str]:
    """A header, then one row a leg; `amount` in the currency's decimals, debit positive."""
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for entry in entries:
        message = published(entry)
        for account, amount_minor in entry.entry.legs:
            amount = decimal_text(amount_minor, entry.entry.currency)
            writer.writerow(message | {"account": account, "amount_minor": amount_minor, "amount": amount})
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()
