"""How each model shares a line: one sentence a rule."""

import pytest

from services.attribution.domain.decay import HALF_LIFE
from services.attribution.domain.models import MODELS
from services.attribution.domain.rule import judge
from services.kernel.money import MILLION
from services.kernel.time import DAY
from tests.kit.attribution_words import NOW, declared, line, path, payment, policy, touch


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


def test_the_smaller_id_is_the_first_of_two_touches_at_one_moment():
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
