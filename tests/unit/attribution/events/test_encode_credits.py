"""Assertions as records: the largest there can be, and what `considered` names."""

import json

from schemas.fields import MAX_EVENT_BYTES
from services.attribution.domain.assertion import Assertion, VersionVector
from services.attribution.domain.credits import MAX_CREDITS
from services.attribution.domain.facts import Declaration
from services.attribution.domain.fold import LineState, LineStep
from services.attribution.domain.rule import judge
from services.attribution.events.encode_credits import encode_assertion
from services.kernel.money import MILLION
from services.kernel.time import DAY
from services.settlement.books.decode_credits import decode_credit
from tests.kit.attribution_words import NOW, line, payment, policy, touch


def worst(model="linear"):
    """The largest assertion there can be: every name as long as it may be, every list as long as it may be."""

    def long(prefix, i=0):
        return f"{prefix}{i}".ljust(128, "~")

    at = NOW - 15 * DAY
    touches = [
        touch(
            long("t", i),
            at + i,
            koc_id=long("k", i),
            content_id=long("v", i),
            campaign_id=long("c", i),
            traffic="boosted",
        )
        for i in range(3000)
    ]
    paid = payment(
        long("o"), lines=(line(long("l"), sku_id=long("u"), category_id=long("y"), goods_paid_minor=10**12),)
    )
    paid = paid._replace(shop_id="s_1", declared=Declaration(long("v"), long("b"), long("c"), "boosted"))
    state = LineState(
        "completed", NOW + 1, NOW + 1, 10**12, tuple(LineStep(long("e", i), NOW + i, 10**12, True) for i in range(50))
    )
    judgement = judge(long("b"), paid, paid.lines[0], touches, policy(model))
    vector = VersionVector(2**62, 2**62, 2**62, 2**62)
    return Assertion(long("b"), paid, paid.lines[0], state, NOW + 1, "p" * 64, judgement, touches[::-1], vector)


def test_the_largest_assertion_there_can_be_is_a_record_that_the_books_read():
    record = encode_assertion(worst(), 11)
    assert len(record.value) < MAX_EVENT_BYTES
    read = decode_credit(record.value)
    assert (len(read.credits), len(read.considered), sum(c.weight_ppm for c in read.credits)) == (
        MAX_CREDITS,
        100,
        MILLION,
    )


def test_considered_begins_with_the_declaration_and_goes_on_with_the_latest_touches():
    considered = json.loads(encode_assertion(worst(), 11).value)["considered"]
    assert (considered[0]["touch_id"], considered[0]["touched_at"], considered[0]["verdict"]) == (
        None,
        None,
        "same_account",
    )
    assert [one["touch_id"].rstrip("~") for one in considered[1:]] == [f"t{i}" for i in range(2999, 2900, -1)]
