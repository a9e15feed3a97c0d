"""Journal entries as pages show them: what each is in words, what caused it, and where that leads."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from services.console.render import moment
from services.console.values import CellValue, LinkCell, MomentCell, MoneyCell, WordsCell, path
from services.console.words.labels import PAYOUT_STATES
from services.kernel.sentences import Sentence, recognize
from services.settlement.books.journal_entry import JournalEntry
from services.settlement.statements.labels import kind_label

_PAGES = {
    "settlement run {id}": "run",
    "command {id}": "command",
    "payout batch {id}": "batch",
    "payout {id}: {outcome}": "payout",
}
"""Causes that have a page: what they look like, and the page."""

_ORDER_EVENT, _ASSERTION = "order event {id}", "credits of assertion {id}"
_CAUSES = (*_PAGES, _ORDER_EVENT, _ASSERTION, *PAYOUT_STATES)


class EntryRow(NamedTuple):
    """An entry in a list.

    Attributes:
        kind: what it is, in English.
        legs: account and amount of each.
    """

    entry: LinkCell
    kind: str
    effective_at: MomentCell
    period: str
    cause: LinkCell | WordsCell
    legs: Sequence[tuple[str, MoneyCell]]


def cause_cell(cause: str) -> LinkCell | WordsCell:
    """What caused an entry; a run, a command, a batch or a payout leads to its page."""
    found = recognize(cause, _CAUSES)
    if not isinstance(found, Sentence):
        return WordsCell(cause)
    if page := _PAGES.get(found.template):
        return LinkCell(found, path(page, str(found.values["id"])))
    if found.template == _ASSERTION:
        return WordsCell(Sentence("changed credits, assertion {id}", **found.values))
    return WordsCell(found)


def entry_row(recorded: JournalEntry) -> EntryRow:
    """An entry as it is listed."""
    entry = recorded.entry
    return EntryRow(
        LinkCell(recorded.entry_id, path("entry", recorded.entry_id)),
        kind_label(entry.kind.text).english,
        moment(entry.effective_at),
        entry.period,
        cause_cell(entry.cause),
        [(account, MoneyCell(minor, entry.currency)) for account, minor in entry.legs.items()],
    )


def leg_rows(entries: Iterable[EntryRow]) -> Iterator[Sequence[CellValue]]:
    """A row for each leg of each entry."""
    for one in entries:
        for account, amount in one.legs:
            yield one.entry, WordsCell(one.kind), one.effective_at, one.period, one.cause, account, amount
