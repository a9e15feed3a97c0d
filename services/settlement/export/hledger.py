"""The journal as hledger reads it: every commodity and account declared, every amount with all its decimals.

`hledger check --strict` then proves with a program that is not ours that entries add up, and its balances are ours.
"""

from collections.abc import Iterable, Iterator

from services.kernel.errors import InvariantBroken
from services.kernel.time import MINUTE, format_rfc3339
from services.settlement.books.journal_entry import JournalEntry
from services.settlement.books.journal_rows import ChainedEntry
from services.settlement.domain.book.chart import Nature, nature
from services.settlement.domain.book.currencies import decimal_text, minor_digits

_TYPES = {Nature.ASSET: "A", Nature.LIABILITY: "L", Nature.REVENUE: "R", Nature.EXPENSE: "X"}
_DAY = len("2026-11-01")


def hledger_journal(
    entries: Iterable[ChainedEntry], accounts: Iterable[tuple[str, str]], zone_minutes: int
) -> Iterator[str]:
    """Directives, then one transaction an entry, dated by the day of its `effective_at`.

    Args:
        entries: in the order they are to have.
        accounts: (key, currency) of all accounts that they name.
        zone_minutes: the settlement zone, minutes east of UTC, in which the days and the periods are.
    """
    named = sorted(set(accounts))
    yield "decimal-mark .\n"
    for currency in sorted({currency for _, currency in named}):
        yield f"commodity 1000.{'0' * minor_digits(currency)} {currency}\n"
    for key in sorted({key for key, _ in named}):
        yield f"account {key}{_type_tag(key)}\n"
    for entry in entries:
        yield _transaction(entry.recorded, zone_minutes)


def _type_tag(key: str) -> str:
    """The account's type as hledger's reports need it; none where the chart does not know the account."""
    try:
        return f"  ; type: {_TYPES[nature(key)]}"
    except InvariantBroken:
        return ""


def _transaction(recorded: JournalEntry, zone_minutes: int) -> str:
    entry = recorded.entry
    day = format_rfc3339(entry.effective_at + zone_minutes * MINUTE)[:_DAY]
    line = "" if entry.order_id is None else f" {entry.order_id}/{entry.line_id}"
    lines = [
        f"\n{day} * ({recorded.entry_id}) {entry.kind.text}{line}",
        f"    ; period:{entry.period}",
        f"    ; {' '.join(entry.cause.split())}",
    ]
    for account, amount_minor in entry.legs:
        lines.append(f"    {account}  {decimal_text(amount_minor, entry.currency)} {entry.currency}")
    return "\n".join(lines) + "\n"
