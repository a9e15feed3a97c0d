"""What attribution writes, the public contract reads: every assertion as a record passes the model in schemas/credits.

The books keep `considered` as it came and look into it only when somebody asks, so that nobody else would notice.
"""

import json
from random import Random

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from schemas import decoding
from schemas.credits import CreditAssertion
from schemas.fields import MAX_AMOUNT_MINOR, MAX_QUANTITY
from schemas.topics import CREDITS
from services.attribution.domain.assertion import assertions
from services.attribution.domain.buyer import Buyer, Order
from services.attribution.domain.facts import (
    CANCELLED,
    COMPLETED,
    RECEIVED,
    REFUND_REVERSED,
    REFUNDED,
    Declaration,
    Fact,
    PaidLine,
    Payment,
    Touch,
)
from services.attribution.domain.models import MODELS
from services.attribution.domain.policy import ALWAYS, SCOPES, Policy, Rules
from services.attribution.events.encode_credits import encode_assertion
from services.kernel.time import DAY, HOUR, format_rfc3339, parse_rfc3339
from tests.reference.attribution_messages import message
from tests.reference.wire_events import ids, traffics, words

FIRST, LAST = parse_rfc3339("2000-01-01T00:00:00Z"), parse_rfc3339("2099-12-31T23:59:59.999999Z")
COUNTS = st.sampled_from([0, 1, 2, 3, 99, 100, 101, 260])
"""Candidates: few, and about and above the limits of `considered` (100) and of `credits` (200)."""


def some(random: Random, names: list[str], *, none: bool = False) -> str | None:
    return None if none and random.random() < 0.3 else random.choice(names)


def touches(random: Random, names: list[str], count: int, paid_at: int, product_id: str | None) -> list[Touch]:
    """Touches in the order of their log, up to months before the payment; no two have one id.

    With a product all of them are clicks on it, so that many share a line.
    """
    found = []
    for n in range(count):
        at = max(FIRST, paid_at - random.choice([0, HOUR, 15 * DAY, 250 * DAY]) - n)
        kind = random.choice(["click", "click", "view", "code"]) if product_id is None else "click"
        koc_id, product, shop_id, brand_id = (random.choice(names) for _ in range(4))
        content_id, campaign_id = f"{some(random, names)}"[:100] + f"~{n}", some(random, names, none=True)
        found.append(
            Touch(
                f"{names[0][:100]}={n}", kind, at, "douyin", koc_id, content_id, random.choice(["video", "live"]),
                product_id or product, shop_id, brand_id, campaign_id, random.choice(["natural", "boosted", "paid"]),
            )
        )  # fmt: skip
    return found


def facts(random: Random, count: int, lines: tuple[PaidLine, ...], paid_at: int) -> dict[str, Fact]:
    """What became of an order, at any time; where it is much, refunds above all."""
    found = {}
    kinds = [*[REFUNDED] * count, REFUND_REVERSED, RECEIVED, COMPLETED, CANCELLED]
    for n in range(count):
        kind = random.choice(kinds)
        line_id, refund_id = random.choice(lines).line_id, f"rf{random.randrange(2 * count)}"
        refunds = ((line_id, random.choice([0, *[1] * 98, MAX_AMOUNT_MINOR]), 0),) if kind == REFUNDED else ()
        line_ids = None if kind in (COMPLETED, REFUNDED) else (line_id,)
        at = min(LAST, max(FIRST, paid_at + random.randrange(-DAY, 200 * DAY)))
        found[f"e{n}"] = Fact(kind, f"e{n}", at, line_ids, refund_id if "refund" in kind else "", refunds, "why")
    return found


@st.composite
def orders(draw: st.DrawFn) -> tuple[str, Buyer, Order, Rules]:
    """An order in its buyer's state, as valid events make it, and the rules that apply to it."""
    random = draw(st.randoms(use_true_random=False))
    names = draw(st.lists(ids, min_size=2, max_size=5, unique=True))
    paid_at = draw(st.sampled_from([FIRST, FIRST + 1, LAST]) | st.integers(FIRST, LAST))
    amounts = st.sampled_from([0, 1, MAX_AMOUNT_MINOR])
    line_ids = draw(st.lists(ids, min_size=1, max_size=3, unique=True))
    lines = tuple(
        PaidLine(
            line_id, random.choice(names), some(random, names, none=True), random.choice(names),
            some(random, names, none=True), random.choice([1, MAX_QUANTITY]), *(draw(amounts) for _ in range(5)),
        )
        for line_id in line_ids
    )  # fmt: skip
    declared = draw(st.none() | st.builds(Declaration, ids, st.sampled_from(names), st.none() | ids, traffics))
    payment = Payment(
        draw(ids), draw(ids), paid_at, draw(words), random.choice(names), "CNY", draw(st.booleans()), declared, lines
    )
    one_product = draw(st.none() | st.just(lines[0].product_id))
    buyer = Buyer(dict(enumerate(touches(random, names, draw(COUNTS), paid_at, one_product))))
    known = facts(random, draw(st.sampled_from([0, 1, 5, 200])), lines, paid_at)
    order = Order(payment, known, draw(st.integers(1, 2**62)), list(buyer.touches))
    buyer.add_order(order)
    windows = dict.fromkeys(["click", "code", "view"], draw(st.sampled_from([HOUR, 400 * DAY])))
    policy = Policy(
        draw(st.from_regex(r"[a-z0-9_]{1,64}", fullmatch=True)),
        draw(st.sampled_from(sorted(MODELS))),
        draw(st.sampled_from(sorted(SCOPES.values()))),
        windows,
        draw(st.sampled_from([{}, {"live": HOUR}])),
    )
    return random.choice(names), buyer, order, Rules(draw(st.integers(1, 2**31)), "0" * 64, ((ALWAYS, policy),), {})


@settings(max_examples=150, phases=set(Phase) - {Phase.shrink, Phase.explain})
@given(history=orders(), log=st.integers(0, 9), partition=st.integers(0, 11))
def test_every_assertion_that_is_encoded_is_one_by_the_public_model(
    history: tuple[str, Buyer, Order, Rules], log: int, partition: int
) -> None:
    buyer_id, buyer, order, rules = history
    published = list(assertions(buyer_id, buyer, order, rules, log))
    assert bool(published) == order.is_published()
    for assertion in published:
        record = encode_assertion(assertion, partition)
        read = decoding.read(CREDITS.name, record.value)
        assert isinstance(read, CreditAssertion)
        assert read.key.encode() == record.key
        assert json.loads(record.value) == json.loads(json.dumps(message(assertion, partition)))
        assert sum(credit.weight_ppm for credit in read.credits) in (0, 1_000_000)
        assert format_rfc3339(assertion.as_of).encode() in dict(record.headers).values()
