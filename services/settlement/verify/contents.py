"""Script fees and spend: what writer N has booked for each, by its journal rows and by the registry's facts."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from services.kernel.errors import InvariantBroken
from services.settlement.books.snapshot_port import BooksSnapshot, ContentRecord
from services.settlement.domain.book.positions import Position
from services.settlement.domain.pricing.facts import ACCEPTED, CONTENT, SPEND, content_of, spend_of
from services.settlement.domain.settling.contents import (
    BUDGET_POSITION,
    SCRIPT_FEE_POSITION,
    SPEND_POSITION,
    Content,
    FeeWorth,
    Spend,
    budget_target,
    script_fee_worth,
    spend_target,
)
from services.settlement.domain.settling.facts import BUDGET, REMOVED, BudgetLimit, budget_of, removed_of
from services.settlement.domain.settling.place import place
from services.settlement.domain.settling.shares import Shares
from services.settlement.verify.findings import Difference, Note
from services.settlement.verify.settled_lines import shares_text

Booked = dict[str, Position]
"""Currency -> position."""
_NAMED = 5
"""How many contents a note names before it counts the rest."""


class ContentFacts(NamedTuple):
    """What the registry says of contents: the registered ones, accepted scripts, cancelled fees, spends and budgets."""

    registered: Mapping[str, Content]
    accepted: Collection[str]
    cancelled: Collection[str]
    spends: Mapping[str, Spend]
    budgets: Mapping[str, BudgetLimit]

    def unregistered(self) -> dict[str, list[str]]:
        """Content ids that an acceptance or a spend names and no content.registered does, by event type."""
        named = {ACCEPTED: set(self.accepted), SPEND: {spend.content_id for spend in self.spends.values()}}
        missing = {kind: sorted(ids - self.registered.keys()) for kind, ids in named.items()}
        return {kind: ids for kind, ids in missing.items() if ids}


def read_content_facts(books: BooksSnapshot) -> ContentFacts:
    """The facts that stand.

    Raises:
        InvariantBroken: a stored body is no longer the event that was accepted.
    """
    with readable_registry():
        return ContentFacts(
            {identity: content_of(event.body) for identity, event in books.facts(CONTENT).items()},
            books.facts(ACCEPTED).keys(),
            {identity for identity, event in books.facts(REMOVED).items() if removed_of(event.body).cancels_script_fee},
            {identity: spend_of(event.body) for identity, event in books.facts(SPEND).items()},
            {identity: budget_of(event.body) for identity, event in books.facts(BUDGET).items()},
        )


@contextmanager
def readable_registry() -> Iterator[None]:
    """Bodies in the table `reference` were valid when they came; one that cannot be read was changed since.

    Raises:
        InvariantBroken: there is one.
    """
    try:
        yield
    except (KeyError, TypeError, ValueError) as broken:
        raise InvariantBroken(f"a registry event in the table `reference` cannot be read: {broken!r}") from broken


def check_contents(
    books: BooksSnapshot, facts: ContentFacts, settled: Mapping[tuple[str, str], Shares]
) -> Iterator[Difference]:
    """Every script fee, spend and budget that is booked or should be.

    Args:
        books: of this moment.
        facts: that stand.
        settled: what runs settled of script fees, by (content_id, currency).
    """
    left = dict(settled)
    targets = _targets(facts)
    for record in books.contents():
        where = _where(record.kind, record.identity)
        if record.stored != record.journal:
            yield Difference("content", where, _text(record.stored), _text(record.journal))
        target = targets.pop((record.kind, record.identity), {})
        if record.kind == SCRIPT_FEE_POSITION:
            target = _settled_fee(facts, record)
            for currency in {**record.settled, **record.stored}:
                planned = left.pop((record.identity, currency), {})
                yield from _settled(f"{where} {currency}", record.settled.get(currency, {}), planned)
        if record.stored != target:
            yield Difference("price", where, _text(record.stored), _text(target))
    for (kind, identity), target in targets.items():
        if target:
            yield Difference("price", _where(kind, identity), "nothing", _text(target))
    for (content_id, currency), shares in left.items():
        yield from _settled(f"{_where(SCRIPT_FEE_POSITION, content_id)} {currency}", {}, shares)


def _settled(where: str, stored: Shares, derived: Shares) -> Iterator[Difference]:
    """What is settled of a script fee is what the last run that settled it planned."""
    if stored != derived:
        yield Difference("settled", where, shares_text(stored), shares_text(derived))


def content_notes(facts: ContentFacts) -> Iterator[Note]:
    """Facts that book nothing until their content is registered."""
    for kind, missing in facts.unregistered().items():
        yield Note("unregistered contents", f"{kind} names {first_names(missing)}, which nobody registered")


def first_names(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"


def _targets(facts: ContentFacts) -> dict[tuple[str, str], Booked]:
    """What the standing facts are worth."""
    targets: dict[tuple[str, str], Booked] = {}
    for content_id in facts.registered:
        if (worth := _fee(facts, content_id)) and worth.owed:
            targets[SCRIPT_FEE_POSITION, content_id] = {worth.currency: place({}, worth.owed, worth.brand_id, 0)}
    for identity, spend in facts.spends.items():
        borne = spend_target(spend, facts.registered.get(spend.content_id))
        targets[SPEND_POSITION, identity] = {spend.currency: borne} if borne else {}
    for identity, budget in facts.budgets.items():
        if target := budget_target(budget.campaign_id, budget.amount_minor):
            targets[BUDGET_POSITION, identity] = {budget.currency: target}
    return targets


def _fee(facts: ContentFacts, content_id: str) -> FeeWorth | None:
    """What a script is worth by the facts."""
    is_accepted, is_cancelled = content_id in facts.accepted, content_id in facts.cancelled
    return script_fee_worth(facts.registered.get(content_id), accepted=is_accepted, cancelled=is_cancelled)


def _settled_fee(facts: ContentFacts, record: ContentRecord) -> Booked:
    """Where a fee's money should lie: by what is owed, and by what runs have settled in each currency."""
    worth = _fee(facts, record.identity)
    owed = {} if worth is None else {worth.currency: worth.owed}
    brand_id = "" if worth is None else worth.brand_id
    booked = {of: place(record.settled.get(of, {}), owed.get(of, {}), brand_id, 0) for of in {*record.settled, *owed}}
    return {of: position for of, position in booked.items() if position}


def _where(kind: str, identity: str) -> str:
    return f"{kind} {identity}"


def _text(booked: Mapping[str, Position]) -> str:
    """Positions by currency in one line."""
    legs = [f"{key} {amount} {of}" for of, found in sorted(booked.items()) for key, amount in sorted(found.items())]
    return ", ".join(legs) or "nothing"
