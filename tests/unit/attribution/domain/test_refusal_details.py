"""What a dead letter's detail tells a person: which id conflicts, what stands, and times without noise."""

import pytest

from services.attribution.domain import facts
from services.attribution.domain.acceptance import accept_fact, accept_payment, accept_touch
from services.attribution.domain.buyer import Buyer
from services.attribution.domain.facts import Fact, Payment, Touch
from services.attribution.domain.horizons import Horizons
from services.attribution.domain.rebasing import rebased_buyer
from services.kernel.errors import Refused
from services.kernel.time import DAY, HOUR, SECOND, format_to_second
from tests.kit.attribution_words import NOW, fact, line, payment, touch

H = Horizons()
EVER = -(10**18)


def accept(buyer: Buyer, event: Touch | Payment | Fact, offset: int, mark: int = EVER) -> None:
    if isinstance(event, Touch):
        accept_touch(buyer, event, offset, NOW, mark, H)
    elif isinstance(event, Payment):
        accept_payment(buyer, event, offset, NOW, mark, H)
    else:
        accept_fact(buyer, "o_1", event, offset, NOW + DAY, mark, H, has_room=True)


def detail(buyer: Buyer, event: Touch | Payment | Fact, mark: int = EVER) -> str:
    with pytest.raises(Refused) as refused:
        accept(buyer, event, 99, mark)
    return refused.value.detail


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        (touch(), touch(koc_id="k_2"), "event t1 came before with other content; the earlier event at offset 7 stands"),
        (payment(), payment(event_id="x"), "order o_1 was paid before by event paid; the earlier event stands"),
        (
            payment(),
            payment(lines=(line(quantity=2),)),
            "event paid came before with other content; the earlier event stands",
        ),
        (
            payment(),
            fact(facts.COMPLETED, "paid"),
            "event paid came before as the order.paid of order o_1; the earlier event stands",
        ),
        (
            fact(facts.COMPLETED),
            payment(event_id="e1"),
            "event e1 came before as order.completed; the earlier event at offset 7 stands",
        ),
        (
            fact(facts.COMPLETED),
            fact(facts.CANCELLED),
            "event e1 came before with other content; the earlier event at offset 7 stands",
        ),
    ],
    ids=lambda one: getattr(one, "event_id", ""),
)
def test_a_conflict_names_the_id_and_what_stands(first: Touch | Payment | Fact, second: Touch, says: str) -> None:
    buyer = Buyer()
    accept(buyer, first, 7)
    assert detail(buyer, second) == says


def test_a_conflict_among_an_orders_facts_is_named() -> None:
    buyer = Buyer()
    for event in (payment(), fact(facts.COMPLETED)):
        accept(buyer, event, 7)
    found = detail(buyer, fact(facts.CANCELLED))
    assert found == "event e1 came before with other content; the earlier event stands"


def test_an_offset_of_a_log_that_is_gone_is_not_named() -> None:
    buyer = Buyer()
    accept(buyer, touch(), 7)
    found = detail(rebased_buyer(buyer, 50, 50), touch(koc_id="k_2"))
    assert found == "event t1 came before with other content; the earlier event stands"


def test_times_in_a_detail_have_seconds_and_no_more() -> None:
    late = detail(Buyer(), touch(at=NOW + 123_456), NOW + H.touch_lateness + SECOND + 5)
    assert late == "occurred at 2024-10-04T00:00:00Z, accepted from 2024-10-04T00:00:02Z on"
    early = detail(Buyer(), touch(at=NOW + 2 * HOUR + 999_999))
    assert early == "occurred at 2024-10-04T02:00:00Z, received at 2024-10-04T00:00:00Z"
    assert format_to_second(-1) == "1969-12-31T23:59:59Z"
