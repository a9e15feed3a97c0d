"""The poster takes the registry's events of settling: they are kept as they came; most move nothing by themselves."""

import json
from typing import Any

import pytest

from schemas.specimens import MODELS, VALID
from schemas.topics import REGISTRY
from services.settlement.books.ports import ReferenceEvent
from services.settlement.domain.pricing.facts import ACCEPTED, CONTENT, PLAN, RELATION, SPEND
from services.settlement.posting.read_registry import read_event
from tests.kit.book_driver import PARTITIONS, BookDriver, MemoryStore
from tests.kit.settlement_facts import Fact

SETTLING = [
    event
    for name, event in VALID.items()
    if name in MODELS[REGISTRY.name] and name not in (PLAN, RELATION, CONTENT, ACCEPTED, SPEND)
]
MOVES_NOTHING = {"dispute.opened", "hold.placed", "hold.released", "koc.left", "payee.set"}


@pytest.fixture
def book() -> BookDriver:
    """Books with a priced line and an owed script fee, of the contract's own examples."""
    driver = BookDriver(MemoryStore())
    driver.register(*(VALID[name] for name in (PLAN, RELATION, CONTENT, ACCEPTED)))
    driver.assert_lines(Fact(brand_id="br_2"))
    return driver


def stored(event: dict[str, Any]) -> ReferenceEvent:
    return read_event(0, json.dumps(event).encode())


def test_there_are_nine_kinds() -> None:
    assert len(SETTLING) == 9


@pytest.mark.parametrize("order", [1, -1])
def test_the_events_are_kept_as_they_came_whatever_their_order(book: BookDriver, order: int) -> None:
    book.take_registry(*SETTLING[::order])
    with book.store.registry_transaction() as transaction:
        for event in SETTLING:
            (found,) = transaction.read_facts(event["event_type"], [stored(event).identity]).values()
            assert found.body == stored(event).body
            assert found.body.keys() == {name for name, value in event.items() if value is not None}


@pytest.mark.parametrize("event", [event for event in SETTLING if event["event_type"] in MOVES_NOTHING])
def test_what_only_runs_and_payouts_use_moves_nothing_and_leaves_no_job(
    book: BookDriver, event: dict[str, Any]
) -> None:
    before = book.net()
    assert before
    book.take_registry(event)
    assert book.store.oldest_open_job(PARTITIONS) is None
    assert book.net() == before
