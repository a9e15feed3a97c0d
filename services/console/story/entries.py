"""Journal entries as pages show them: what each is in words, what caused it, and where that leads."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from services.console.render import moment
from services.console.values import CellValue, LinkCell, MomentCell, MoneyCell, WordsCell, path
from services.kernel.sentences import Sentence
from services.settlement.books.journal_entry import JournalEntry
from services.settlement.statements.labels import kind_label

_LINKED_CAUSES = (
    (re.compile(r"settlement run (.+)"), "run"),
    (re.compile(r"command (.+)"), "command"),
    (re.compile(r"payout batch (.+)"), "batch"),
    (re.compile(r"payout ([A-Z2-7]{26}): .+"), "payout"),
)
"""Causes that have a page: what they look like, and the page."""

_ORDER_EVENT = re.compile(r"order event (.+)")
_ASSERTION = re.compile(r"credits of assertion (.+)")


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
    for shape, page in _LINKED_CAUSES:
        if found := shape.fullmatch(cause):
            return LinkCell(cause, path(page, found[1]))
    if found := _ORDER_EVENT.fullmatch(cause):
        return WordsCell(Sentence("order event {id}", id=found[1]))
    if found := _ASSERTION.fullmatch(cause):
        return WordsCell(Sentence("changed credits, assertion {id}", id=found[1]))
    return WordsCell(cause)


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
