"""A journal row as everyone outside reads it: the entry in its place, and the ledger topic's message of it."""

from typing import Any, NamedTuple

from services.kernel.time import format_rfc3339
from services.settlement.domain.book.entries import Entry, Link, chain
from services.settlement.domain.book.severed import SeveredRows

_OWED_BACK = "clawback:"
_NOT_A_PARTY = ("brand:", "bank:", "traffic:", "platform:", "suspense:", "tax:", "vat:")


class JournalEntry(NamedTuple):
    """An entry with its place and the hash that is stored beside it. `recorded_at` is microseconds."""

    entry: Entry
    writer: int
    seq: int
    recorded_at: int
    hash: bytes

    @property
    def entry_id(self) -> str:
        """WRITER-SEQ."""
        return f"{self.writer}-{self.seq}"

    @property
    def link(self) -> Link:
        """What the writer's next entry is chained to."""
        return Link(self.seq, self.hash)

    def follows(self, last: Link, severed: SeveredRows) -> bool:
        """Whether it is the entry right after `last` and its hash covers what it says, or did before it was severed.

        Raises:
            InvariantBroken: its legs do not add up to zero.
        """
        derived = chain(self.entry, self.writer, last, self.recorded_at)
        if derived == self.link:
            return True
        return derived.seq == self.seq and severed.has(self.entry_id, derived.head)


def message(recorded: JournalEntry, prev_hash: bytes) -> dict[str, Any]:
    """The message of settlement.ledger.v1, fields in the contract's order."""
    entry = recorded.entry
    return {
        "entry_id": recorded.entry_id,
        "idem_key": entry.idem_key,
        "cause": entry.cause,
        "kind": entry.kind.text,
        "currency": entry.currency,
        "effective_at": format_rfc3339(entry.effective_at),
        "recorded_at": format_rfc3339(recorded.recorded_at),
        "order_id": entry.order_id,
        "line_id": entry.line_id,
        "legs": [{"account": account, "amount_minor": minor} for account, minor in entry.legs.items()],
        "corrects": entry.corrects,
        "period": entry.period,
        "writer": recorded.writer,
        "seq": recorded.seq,
        "prev_hash": prev_hash.hex(),
        "hash": recorded.hash.hex(),
    }


def message_key(entry: Entry) -> str:
    """The record's key: the order, or the party (`koc:k_7`) that an entry without an order is about."""
    if entry.order_id is not None:
        return entry.order_id
    accounts = list(entry.legs)
    for account in accounts:
        if account.startswith(_OWED_BACK):
            return account.removeprefix(_OWED_BACK)
    party = next((account for account in accounts if not account.startswith(_NOT_A_PARTY)), accounts[0])
    return party.rpartition(":")[0]
