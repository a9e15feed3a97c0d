"""How each model shares a line, and how shares become weights: one sentence a rule."""

import json

import pytest

from schemas.fields import MAX_EVENT_BYTES
from services.attribution.domain.assertion import Assertion, VersionVector
from services.attribution.domain.credits import MAX_CREDITS
from services.attribution.domain.decay import HALF_LIFE, decayed_shares
from services.attribution.domain.facts import Declaration
from services.attribution.domain.fold import LineState, LineStep
from services.attribution.domain.models import MODELS
from services.attribution.domain.policy import BRAND, Policy
from services.attribution.domain.rule import judge
from services.attribution.events.encode_credits import encode_assertion
from services.kernel.time import DAY, HOUR, MINUTE
from services.settlement.books.decode_credits import decode_credit
from tests.kit.attribution_words import NOW, POLICY, declared, line, payment, touch

MILLION = 1_000_000


def policy(model):
    return Policy(model, model, BRAND, POLICY.windows, {})


def path(*names, step=HOUR):
    """Touches of these contents, one a step, the last one a step before the payment."""
    return [touch(f"t{i}", NOW - (len(names) - i) * step, content_id=name) for i, name in enumerate(names)]


def weights(model, touches, paid=None):
    paid = paid or payment()
    found = judge("b_1", paid, paid.lines[0], touches, policy(model)).credits
    return {credit.content_id: credit.weight_ppm for credit in found}


def verdicts(model, touches):
    return [str(v) for v in judge("b_1", payment(), line(), touches, policy(model)).verdicts]


def test_there_are_five_models():
    assert set(MODELS) == {"last_click", "first_click", "linear", "position_based", "time_decay"}


@pytest.mark.parametrize("model", MODELS)
def test_a_single_touch_has_the_whole_line_by_every_model(model):
    assert weights(model, path("a")) == {"a": MILLION}
    assert verdicts(model, path("a")) == ["credited"]


def test_the_first_click_takes_the_line():
    assert weights("first_click", path("a", "b", "c")) == {"a": MILLION}
    assert verdicts("first_click", path("a", "b", "c")) == ["credited", "not_first", "not_first"]


def test_of_two_touches_at_one_moment_the_smaller_id_is_the_first():
    assert weights("first_click", [touch("y", content_id="y"), touch("x", content_id="x")]) == {"x": MILLION}


def test_linear_gives_the_same_to_each_touch():
    assert weights("linear", path("a", "b", "a", "c")) == {"a": 500_000, "b": 250_000, "c": 250_000}
    assert verdicts("linear", path("a", "b")) == ["credited", "credited"]


def test_position_based_gives_forty_to_each_end_and_twenty_to_all_between():
    assert weights("position_based", path("a", "b", "c", "d")) == {
        "a": 400_000, "b": 100_000, "c": 100_000, "d": 400_000,
    }  # fmt: skip


def test_position_based_gives_each_of_two_touches_the_half():
    assert weights("position_based", path("a", "b")) == {"a": 500_000, "b": 500_000}


def test_position_based_goes_by_time_and_not_by_the_order_given():
    assert weights("position_based", path("a", "b", "c")[::-1]) == {"a": 400_000, "b": 200_000, "c": 400_000}


def test_time_decay_halves_a_touch_for_each_seven_days():
    touches = [touch(name, NOW - days * DAY, content_id=name) for name, days in (("a", 0), ("b", 7), ("c", 14))]
    assert weights("time_decay", touches) == {"a": 571_429, "b": 285_714, "c": 142_857}


def test_time_decay_knows_half_a_half_life():
    touches = [touch("a", content_id="a", at=NOW), touch("b", content_id="b", at=NOW - HALF_LIFE // 2)]
    assert weights("time_decay", touches) == {"a": 585_786, "b": 414_214}  # 1 : 1 / sqrt(2)


def test_the_shares_of_time_decay_are_these_integers_on_every_machine():
    assert decayed_shares([0, HALF_LIFE // 2, HALF_LIFE, 1]) == [
        2 << 64, 26087635650665564424, 1 << 64, 36893488147376820430,
    ]  # fmt: skip


def test_a_microsecond_younger_is_more_by_time_decay():
    for age in (0, 1, HALF_LIFE // 2, HALF_LIFE - 1, HALF_LIFE, 15 * DAY):
        younger, older, oldest = decayed_shares([age, age + 1, 16 * DAY])
        assert younger > older > oldest


def test_what_rounds_to_nothing_is_negligible():
    long = Policy("long", "time_decay", BRAND, {"click": 200 * DAY}, {})
    touches = [touch("ancient", NOW - 200 * DAY, content_id="ancient"), *path("a", "b")]
    found = judge("b_1", payment(), line(), touches, long)
    assert [str(verdict) for verdict in found.verdicts] == ["negligible", "credited", "credited"]
    assert {credit.content_id for credit in found.credits} == {"a", "b"}
    assert sum(credit.weight_ppm for credit in found.credits) == MILLION


def test_credits_of_one_party_are_merged_and_name_its_latest_touch():
    touches = path("a", "b", "a")
    [merged] = [c for c in judge("b_1", payment(), line(), touches, policy("linear")).credits if c.content_id == "a"]
    assert (merged.touch_id, merged.touched_at, merged.weight_ppm) == ("t2", touches[2].occurred_at, 666_667)


@pytest.mark.parametrize("other", [{"koc_id": "k_2"}, {"campaign_id": "c_2"}, {"traffic": "paid"}])
def test_a_party_is_content_koc_campaign_and_traffic(other):
    touches = [touch("x", content_id="v"), touch("y", content_id="v", **other)]
    assert len(judge("b_1", payment(), line(), touches, policy("linear")).credits) == 2


def test_equal_remainders_go_by_the_hash_of_the_credits_name():
    """sha256("o_1|1|CONTENT|k_1||natural") begins with 3d for a, 53 for b, f5 for c."""
    found = judge("b_1", payment(), line(), path("a", "b", "c"), policy("linear")).credits
    assert [(c.content_id, c.weight_ppm) for c in found] == [("a", 333_334), ("b", 333_333), ("c", 333_333)]


def test_models_share_only_among_what_competes():
    weaker = touch("view", NOW, kind="view", content_id="view")
    farther = touch("far", NOW, product_id="p_9", content_id="far")
    assert weights("linear", [*path("a", "b"), weaker, farther]) == {"a": 500_000, "b": 500_000}


def test_a_declaration_beats_every_model_and_is_itself_credited():
    for model in MODELS:
        found = judge("b_1", payment(declared=declared()), line(), path("a", "b"), policy(model))
        assert [(c.content_id, c.weight_ppm, c.touch_id) for c in found.credits] == [("v_9", MILLION, None)]
        assert (str(found.declared), {str(v) for v in found.verdicts}) == ("credited", {"weaker_evidence"})


def test_a_declaration_for_the_buyer_is_removed_and_weakens_nobody():
    found = judge("b_1", payment(declared=declared("b_1")), line(), path("a", "b"), policy("linear"))
    assert str(found.declared) == "same_account"
    assert {c.content_id: c.weight_ppm for c in found.credits} == {"a": 500_000, "b": 500_000}


def test_more_parties_than_the_limit_share_the_line_among_the_greatest():
    small = path(*(f"v_{i}" for i in range(MAX_CREDITS + 50)), step=MINUTE)
    big = [touch(f"big{i}", NOW - i, content_id=f"big_{i % 2}") for i in range(10)]
    found = judge("b_1", payment(), line(), [*small, *big], policy("linear"))
    assert len(found.credits) == MAX_CREDITS
    assert sum(credit.weight_ppm for credit in found.credits) == MILLION
    assert {"big_0", "big_1"} <= {credit.content_id for credit in found.credits}
    assert [str(v) for v in found.verdicts].count("beyond_limit") == 52


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
