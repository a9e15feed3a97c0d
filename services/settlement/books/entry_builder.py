"""The entries of one transaction: rows become chained journal entries, each under its writer."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from services.settlement.books.ports import PostedEntry, TransactionTime, Writer
from services.settlement.domain.book.drafts import EntryDraft
from services.settlement.domain.book.entries import Entry, chain
from services.settlement.domain.book.periods import period_of
from services.settlement.domain.lines.line import Line


@dataclass(slots=True)
class PostingCounts:
    """What a transaction did: assertions by what became of them, entries by kind, money moved by (kind, currency).

    Money moved is the sum of debits in minor units.
    """

    assertions: Counter[str] = field(default_factory=Counter)
    entries: Counter[str] = field(default_factory=Counter)
    moved: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, row: EntryDraft, currency: str) -> None:
        """Count an entry; `get` and an assignment, for a Counter's += is slow."""
        kind = row.kind.text
        self.entries[kind] = self.entries.get(kind, 0) + 1
        debits = sum(map(abs, row.legs.values())) // 2  # the legs add up to zero
        self.moved[kind, currency] = self.moved.get((kind, currency), 0) + debits


class EntryBuilder:
    """Makes a transaction's entries, and moves the writers' chains along.

    Args:
        writers: the locked rows; their `last` links advance with each entry.
        moment: of the transaction.
        zone_minutes: the settlement time zone, minutes east of UTC.
        counts: what is made is counted there.
    """

    def __init__(
        self, writers: dict[int, Writer], moment: TransactionTime, zone_minutes: int, counts: PostingCounts
    ) -> None:
        self.writers = writers
        self._moment = moment
        self._zone_minutes = zone_minutes
        self._counts = counts

    def build(
        self, writer: int, idem: str, rows: Iterable[EntryDraft], currency: str, line: Line | None
    ) -> list[PostedEntry]:
        """Entries of one cause under a writer.

        Args:
            writer: whose chain they join.
            idem: what the rows' idempotency keys begin with; each row's step is added where it has one.
            rows: in the order they are to have.
            currency: of all their legs.
            line: that they are about, the first of its entries becomes its first_seq; None for a party's own.
        """
        place = self.writers[writer]
        order_id, line_id = line.key[:2] if line else (None, None)
        posted = []
        for row in rows:
            idem_key = f"{idem}|{row.step}" if row.step else idem
            period = period_of(row.effective_at, self._zone_minutes, self._moment.oldest_open)
            corrects = f"{writer}-{line.first_seq}" if line and line.first_seq is not None else None
            entry = Entry(
                idem_key, row.cause, row.kind, currency, period, row.effective_at, order_id, line_id, corrects, row.legs
            )
            place.last = chain(entry, writer, place.last, self._moment.now)
            if line and line.first_seq is None:
                line.first_seq = place.last.seq
            posted.append(PostedEntry(entry, writer, place.last))
            self._counts.add(row, currency)
        return posted
