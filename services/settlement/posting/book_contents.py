"""Money that registry events move by themselves: script fees, paid traffic and budgets, under writer N.

Each is booked to a target per content, spend or budget, so that the facts about it may come in any order.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from services.settlement.books.entry_builder import EntryBuilder
from services.settlement.books.ports import ContentPosition, PostedEntry, ReferenceEvent, RegistryTransaction
from services.settlement.domain.book.drafts import ONLY, EntryDraft
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.book.positions import Position, difference
from services.settlement.domain.pricing.facts import ACCEPTED, CONTENT, SPEND, content_of, spend_of
from services.settlement.domain.settling.contents import (
    BUDGET_POSITION,
    SCRIPT_FEE_POSITION,
    SPEND_POSITION,
    Content,
    FeeWorth,
    book_script_fee,
    brand_of,
    budget_target,
    script_fee_worth,
    spend_target,
)
from services.settlement.domain.settling.facts import BUDGET, REMOVED, budget_of, removed_of


class _Target(NamedTuple):
    """What a spend or a budget should stand at, since when, and by which event."""

    currency: str
    position: Position
    effective_at: int
    event: ReferenceEvent


class _Fee(NamedTuple):
    """What a script is worth, since when, and by which event."""

    worth: FeeWorth | None
    effective_at: int
    event: ReferenceEvent


def book_contents(
    transaction: RegistryTransaction, newest: Sequence[ReferenceEvent], builder: EntryBuilder, writer: int
) -> list[PostedEntry]:
    """Bring script fees, spend and budgets of the batch's events to their targets.

    Args:
        transaction: the batch's facts are in it.
        newest: of each identity the newest event of the batch.
        builder: of the entries.
        writer: number of writer N.
    """
    books = _Books(transaction, builder, writer)
    fees = {str(e.body["content_id"]): e for e in newest if e.kind in (CONTENT, ACCEPTED, REMOVED)}
    registered = {event.identity: event for event in newest if event.kind == CONTENT}
    spends = {event.identity: event for event in transaction.read_spends(list(registered))}
    spends |= {event.identity: event for event in newest if event.kind == SPEND}
    content_ids = {*fees, *(str(event.body["content_id"]) for event in spends.values())}
    contents = {key: content_of(e.body) for key, e in transaction.read_facts(CONTENT, content_ids).items()}
    spent = {
        key: _spend(event, contents, registered.get(str(event.body["content_id"]))) for key, event in spends.items()
    }
    budgets = {event.identity: _budget(event) for event in newest if event.kind == BUDGET}
    return [
        *books.fees(_fees(transaction, fees, contents)),
        *books.targets(SPEND_POSITION, Kind.SPEND_CONSUMED, spent),
        *books.targets(BUDGET_POSITION, Kind.BUDGET_SET, budgets),
    ]


class _Books:
    """What is booked, and the entries that bring it to targets."""

    def __init__(self, transaction: RegistryTransaction, builder: EntryBuilder, writer: int) -> None:
        self._transaction = transaction
        self._builder = builder
        self._writer = writer

    def fees(self, fees: Mapping[str, _Fee]) -> list[PostedEntry]:
        """Entries of script fees; what is settled of them is claimed back, never taken out of payable."""
        booked = self._transaction.read_positions(SCRIPT_FEE_POSITION, list(fees))
        moved: dict[tuple[str, str], ContentPosition] = {}
        entries: list[PostedEntry] = []
        for content_id, fee in fees.items():
            for currency, position, worth in _by_currency(content_id, fee.worth, booked):
                draft = EntryDraft(Kind.SCRIPT_FEE_ACCRUED, ONLY, _cause(fee.event), fee.effective_at, {})
                rows, target = book_script_fee(*position, worth.owed, worth.brand_id, draft)
                idem = f"registry|{fee.event.position}|{SCRIPT_FEE_POSITION}|{content_id}|{currency}"
                entries += self._builder.build(self._writer, idem, rows, currency, None)
                if rows:
                    moved[content_id, currency] = position._replace(booked=target)
        self._transaction.put_positions(SCRIPT_FEE_POSITION, moved)
        return entries

    def targets(self, kind: str, entry_kind: Kind, targets: Mapping[str, _Target]) -> list[PostedEntry]:
        """An entry per identity and currency whose booked position is not its target."""
        booked = self._transaction.read_positions(kind, list(targets))
        moved: dict[tuple[str, str], ContentPosition] = {}
        entries: list[PostedEntry] = []
        for identity, target in targets.items():
            known = {of: position for (name, of), position in booked.items() if name == identity}
            for of, goal in _goals(known, target):
                position = known.get(of, ContentPosition({}, {}))
                legs = difference(goal, position.booked)
                if not legs:
                    continue
                row = EntryDraft(entry_kind, ONLY, _cause(target.event), target.effective_at, legs)
                idem = f"registry|{target.event.position}|{kind}|{identity}|{of}"
                entries += self._builder.build(self._writer, idem, [row], of, None)
                moved[identity, of] = position._replace(booked=goal)
        self._transaction.put_positions(kind, moved)
        return entries


def _cause(event: ReferenceEvent) -> str:
    return f"{event.kind} {event.identity}"


def _by_currency(
    content_id: str, worth: FeeWorth | None, booked: Mapping[tuple[str, str], ContentPosition]
) -> Iterable[tuple[str, ContentPosition, FeeWorth]]:
    """A fee in each currency that it is booked or owed in: in another one than the content's nothing is owed now."""
    nothing = ContentPosition({}, {})
    for (name, currency), position in booked.items():
        if name == content_id and (worth is None or worth.currency != currency):
            yield currency, position, FeeWorth({}, brand_of(position.booked) or "", currency)
    if worth is not None:
        yield worth.currency, booked.get((content_id, worth.currency), nothing), worth


def _fees(
    transaction: RegistryTransaction, events: Mapping[str, ReferenceEvent], contents: Mapping[str, Content]
) -> dict[str, _Fee]:
    """What the scripts of these contents are worth now."""
    accepted = transaction.read_facts(ACCEPTED, list(events))
    removed = transaction.read_facts(REMOVED, list(events))
    fees = {}
    for content_id, event in events.items():
        acceptance, removal = accepted.get(content_id), removed.get(content_id)
        is_cancelled = removal is not None and removed_of(removal.body).cancels_script_fee
        worth = script_fee_worth(contents.get(content_id), accepted=acceptance is not None, cancelled=is_cancelled)
        known = (event, acceptance, removal)
        since = max(fact.occurred_at for fact in known if fact is not None)
        fees[content_id] = _Fee(worth, since, event)
    return fees


def _spend(spent: ReferenceEvent, contents: Mapping[str, Content], registered: ReferenceEvent | None) -> _Target:
    spend = spend_of(spent.body)
    event = max((e for e in (spent, registered) if e), key=lambda e: e.position)
    since = max(spent.occurred_at, event.occurred_at)
    return _Target(spend.currency, spend_target(spend, contents.get(spend.content_id)), since, event)


def _budget(event: ReferenceEvent) -> _Target:
    budget = budget_of(event.body)
    target = budget_target(budget.campaign_id, budget.amount_minor)
    return _Target(budget.currency, target, event.occurred_at, event)


def _goals(known: Iterable[str], target: _Target) -> Iterable[tuple[str, Position]]:
    """What should be booked by currency; what is booked in another one than the target's is taken back first."""
    yield from ((currency, {}) for currency in known if currency != target.currency)
    yield target.currency, target.position
