"""Script fees and spend: what writer N has booked for each, by its journal rows and by the registry's facts."""

from collections.abc import Iterator

from services.settlement.books.snapshot_port import BooksSnapshot, ContentRecord
from services.settlement.domain.book.positions import Position
from services.settlement.domain.pricing.facts import ACCEPTED, CONTENT, SPEND, content_of, spend_of
from services.settlement.domain.settling.contents import (
    SCRIPT_FEE_POSITION,
    SPEND_POSITION,
    script_fee_target,
    spend_target,
)
from services.settlement.verify.findings import Difference

Booked = dict[str, Position]
"""Currency -> position."""


def check_contents(books: BooksSnapshot) -> Iterator[Difference]:
    """Every script fee and spend that is booked or should be."""
    targets = _targets(books)
    for record in books.contents():
        where = _where(record.kind, record.identity)
        if record.stored != record.journal:
            yield Difference("content", where, _text(record.stored), _text(record.journal))
        yield from _worth(where, record, targets.pop((record.kind, record.identity), {}))
    for (kind, identity), target in targets.items():
        if target:
            yield Difference("price", _where(kind, identity), "nothing", _text(target))


def _worth(where: str, record: ContentRecord, target: Booked) -> Iterator[Difference]:
    if record.stored != target:
        yield Difference("price", where, _text(record.stored), _text(target))


def _targets(books: BooksSnapshot) -> dict[tuple[str, str], Booked]:
    """What the standing facts are worth."""
    contents = {identity: content_of(event.body) for identity, event in books.facts(CONTENT).items()}
    accepted = books.facts(ACCEPTED)
    targets: dict[tuple[str, str], Booked] = {}
    for content in contents.values():
        fee = script_fee_target(content, accepted=content.content_id in accepted)
        targets[SCRIPT_FEE_POSITION, content.content_id] = {content.currency: fee} if fee and content.currency else {}
    for identity, event in books.facts(SPEND).items():
        spend = spend_of(event.body)
        borne = spend_target(spend, contents.get(spend.content_id))
        targets[SPEND_POSITION, identity] = {spend.currency: borne} if borne else {}
    return targets


def _where(kind: str, identity: str) -> str:
    return f"{kind} {identity}"


def _text(booked: object) -> str:
    """Positions by currency in one line."""
    return str(booked) if booked else "nothing"
