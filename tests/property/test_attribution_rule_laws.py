"""Laws of the rule, over generated lines: it equals a second computation in fractions, whatever the candidates."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.attribution.domain import credits as crediting
from services.attribution.domain.credits import party_of
from services.attribution.domain.decay import decayed_shares
from services.attribution.domain.facts import Declaration, PaidLine, Payment, Touch
from services.attribution.domain.models import MODELS
from services.attribution.domain.policy import SCOPES, Policy
from services.attribution.domain.rule import judge
from services.kernel.time import DAY, HOUR
from tests.reference.attribution_rule import SEVEN_DAYS, expected, fractions, removal

PAID_AT = 20_000 * DAY
BUYER = "a"
MAX_CREDITS = 3
LINE = PaidLine("1", "p1", None, "br1", None, 1, 100, 0, 0, 0, 0)
AGES = st.one_of(
    st.sampled_from([0, 1, HOUR, DAY, DAY + 1, SEVEN_DAYS // 2, SEVEN_DAYS, 2 * SEVEN_DAYS, 15 * DAY, 40 * SEVEN_DAYS]),
    st.integers(0, 300 * DAY),
)
touches = st.builds(
    Touch,
    event_id=st.from_regex("[a-z]{1,3}", fullmatch=True),
    kind=st.sampled_from(["click", "click", "click", "view", "code"]),
    occurred_at=AGES.map(lambda age: PAID_AT - age),
    platform=st.just("douyin"),
    koc_id=st.sampled_from(["k1", "k2", BUYER]),
    content_id=st.sampled_from(["v1", "v2", "v3"]),
    content_type=st.sampled_from(["video", "live"]),
    product_id=st.sampled_from(["p1", "p1", "p9"]),
    shop_id=st.sampled_from(["s1", "s9"]),
    brand_id=st.sampled_from(["br1", "br9"]),
    campaign_id=st.sampled_from([None, "c1"]),
    traffic=st.sampled_from(["natural", "paid"]),
)
candidates = st.lists(touches, max_size=12, unique_by=lambda touch: touch.event_id)
windows = st.sampled_from([DAY, 15 * DAY, 400 * DAY])
policies = st.builds(
    Policy,
    name=st.just("any"),
    model=st.sampled_from(sorted(MODELS)),
    widest_scope=st.sampled_from(sorted(SCOPES.values())),
    windows=st.fixed_dictionaries({"click": windows, "code": windows, "view": windows}),
    content_windows=st.sampled_from([{}, {"live": DAY}]),
)
declarations = st.sampled_from(
    [None, None, Declaration("v9", "k9", "c9", "paid"), Declaration("v9", BUYER, None, "paid")]
)
payments = st.builds(
    lambda order_id, declared: Payment("e", order_id, PAID_AT, "douyin", "s1", "CNY", False, declared, (LINE,)),
    st.sampled_from(["o1", "o2", "o3"]),
    declarations,
)


@pytest.fixture(autouse=True, scope="module")
def _few_credits():
    patch = pytest.MonkeyPatch()
    patch.setattr(crediting, "MAX_CREDITS", MAX_CREDITS)
    yield
    patch.undo()


def outcome(payment, touched, policy):
    """Weights by party, and verdicts by event_id with the declaration's under None."""
    found = judge(BUYER, payment, LINE, touched, policy)
    said = {touch.event_id: str(verdict) for touch, verdict in zip(touched, found.verdicts, strict=True)}
    if found.declared is not None:
        said[None] = str(found.declared)
    return {tuple(credit[:4]): credit.weight_ppm for credit in found.credits}, said


@given(payment=payments, touched=candidates, policy=policies)
def test_the_rule_equals_its_second_computation_in_fractions(payment, touched, policy):
    assert outcome(payment, touched, policy) == expected(BUYER, payment, LINE, touched, policy, MAX_CREDITS)


@given(payment=payments, touched=candidates, policy=policies)
def test_weights_add_up_to_a_million_or_there_are_none(payment, touched, policy):
    weights, said = outcome(payment, touched, policy)
    assert sum(weights.values()) == (1_000_000 if weights else 0)
    assert all(weights.values())
    assert bool(weights) == ("credited" in said.values())


@given(payment=payments, touched=candidates, policy=policies, random=st.randoms())
def test_the_order_of_the_candidates_does_not_matter(payment, touched, policy, random):
    shuffled = random.sample(touched, len(touched))
    assert judge(BUYER, payment, LINE, shuffled, policy).credits == judge(BUYER, payment, LINE, touched, policy).credits
    assert outcome(payment, shuffled, policy) == outcome(payment, touched, policy)


@given(payment=payments, touched=candidates, policy=policies)
def test_removed_touches_change_nothing_for_the_others(payment, touched, policy):
    kept = [touch for touch in touched if removal(BUYER, payment, LINE, touch, policy) is None]
    weights, said = outcome(payment, kept, policy)
    with_all, said_of_all = outcome(payment, touched, policy)
    assert with_all == weights
    assert {name: said_of_all[name] for name in said} == said


@given(payment=payments, touched=candidates, policy=policies)
def test_a_credit_names_the_latest_of_its_partys_touches_that_were_credited(payment, touched, policy):
    found = judge(BUYER, payment, LINE, touched, policy)
    won = [touch for touch, verdict in zip(touched, found.verdicts, strict=True) if verdict == "credited"]
    for credit in found.credits:
        if credit.touch_id is not None:
            mine = [touch for touch in won if party_of(touch) == tuple(credit[:4])]
            latest = max(mine, key=lambda touch: (touch.occurred_at, touch.event_id))
            assert (credit.touch_id, credit.touched_at) == (latest.event_id, latest.occurred_at)


@given(ages=st.lists(st.integers(0, 100 * DAY), min_size=1, max_size=8, unique=True))
def test_time_decay_is_as_exact_as_it_says_and_the_younger_has_more(ages):
    ages = sorted(ages, reverse=True)
    shares = decayed_shares(ages)
    assert all(older < younger for older, younger in pairwise(shares))
    exact = fractions("time_decay", [_touch_at(-age) for age in ages])
    for share, part in zip(shares, exact, strict=True):
        assert abs(share - part * sum(shares)) * 2**54 < share


def _touch_at(at):
    return Touch("t", "click", at, "douyin", "k", "v", "video", "p", "s", "b", None, "natural")
