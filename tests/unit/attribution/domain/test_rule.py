"""Who is credited: one sentence a rule."""

import pytest

from services.attribution.domain.policy import PRODUCT, SHOP, Policy
from services.attribution.domain.rule import judge
from services.kernel.time import DAY, HOUR
from tests.kit.attribution_words import NOW, POLICY, declared, line, payment, touch


def winners(touches, policy=POLICY, paid=None, buyer_id="b_1"):
    paid = paid or payment()
    return [credit.touch_id for credit in judge(buyer_id, paid, paid.lines[0], touches, policy).credits]


def verdicts(touches, policy=POLICY, paid=None, buyer_id="b_1"):
    paid = paid or payment()
    found = judge(buyer_id, paid, paid.lines[0], touches, policy).verdicts
    return {t.event_id: str(verdict) for t, verdict in zip(touches, found, strict=True)}


def test_the_last_click_takes_the_line():
    touches = [touch("late", NOW - HOUR), touch("early", NOW - DAY)]
    assert winners(touches) == ["late"]
    assert verdicts(touches) == {"late": "credited", "early": "not_last"}


def test_the_greater_id_is_the_last_of_two_touches_at_one_moment():
    assert winners([touch("b"), touch("a")]) == ["b"]
    assert winners([touch("a"), touch("b")]) == ["b"]


def test_a_code_beats_a_later_click_and_a_click_a_later_view():
    code, click, view = touch("code", NOW - 3 * HOUR, "code"), touch("click", NOW - 2 * HOUR), touch("v", kind="view")
    assert winners([view, click]) == ["click"]
    assert winners([view, click, code]) == ["code"]
    assert verdicts([view, click, code]) == {"v": "weaker_evidence", "click": "weaker_evidence", "code": "credited"}


def test_evidence_is_asked_before_scope():
    brand_code = touch("code", NOW - DAY, "code", product_id="p_9", shop_id="s_9")
    assert winners([touch("click"), brand_code]) == ["code"]


def test_the_same_product_beats_the_same_shop_and_that_the_same_brand():
    product = touch("product", NOW - 3 * HOUR)
    shop = touch("shop", NOW - 2 * HOUR, product_id="p_9", brand_id="br_9")
    brand = touch("brand", NOW - HOUR, product_id="p_9", shop_id="s_9")
    assert winners([brand, shop]) == ["shop"]
    assert verdicts([brand, shop, product]) == {
        "brand": "farther_scope",
        "shop": "farther_scope",
        "product": "credited",
    }


def test_a_touch_of_another_brand_is_of_a_wider_scope():
    elsewhere = touch(product_id="p_9", shop_id="s_9", brand_id="br_9")
    assert verdicts([elsewhere]) == {"t1": "wider_scope"}


@pytest.mark.parametrize(("widest", "expected"), [(SHOP, {"t1": "wider_scope"}), (PRODUCT, {"t1": "wider_scope"})])
def test_a_policy_may_allow_less_than_the_brand(widest, expected):
    policy = Policy("strict", "last_click", widest, POLICY.windows, {})
    assert verdicts([touch(product_id="p_9", shop_id="s_9")], policy) == expected


@pytest.mark.parametrize(
    ("window", "other"),
    [
        (15 * DAY, {"kind": "click"}),
        (15 * DAY, {"kind": "code"}),
        (DAY, {"kind": "view"}),
        (24 * HOUR, {"kind": "click", "content_type": "live"}),
        (24 * HOUR, {"kind": "code", "content_type": "live"}),
    ],
)
def test_a_window_includes_its_last_microsecond_and_no_more(window, other):
    assert verdicts([touch(at=NOW - window, **other)]) == {"t1": "credited"}
    assert verdicts([touch(at=NOW - window - 1, **other)]) == {"t1": "outside_window"}


def test_nobody_is_credited_for_buying_from_themselves():
    assert verdicts([touch(koc_id="b_1")]) == {"t1": "same_account"}
    assert winners([touch(koc_id="b_1")]) == []


def test_a_removed_touch_weakens_no_other():
    own_code = touch("own", kind="code", koc_id="b_1")
    stale_code = touch("stale", NOW - 2 * DAY, "code", content_type="live")
    far_code = touch("far", kind="code", product_id="p_9", shop_id="s_9", brand_id="br_9")
    assert winners([own_code, stale_code, far_code, touch("view", kind="view")]) == ["view"]


def test_a_declaration_takes_the_whole_line():
    paid = payment(declared=declared())
    [credit] = judge("b_1", paid, paid.lines[0], [touch("code", kind="code")], POLICY).credits
    assert (credit.content_id, credit.koc_id, credit.touch_id, credit.weight_ppm) == ("v_9", "k_9", None, 1_000_000)
    assert verdicts([touch("code", kind="code")], paid=paid) == {"code": "weaker_evidence"}


def test_a_declaration_that_would_pay_the_buyer_does_not_count():
    assert winners([touch("click")], paid=payment(declared=declared("b_1"))) == ["click"]


def test_each_line_of_an_order_is_judged_by_its_own_product():
    paid = payment(lines=(line("1"), line("2", product_id="p_2")))
    touches = [touch("second", product_id="p_2"), touch("first", NOW - DAY)]
    credited = [judge("b_1", paid, one, touches, POLICY).credits[0].touch_id for one in paid.lines]
    assert credited == ["first", "second"]


def test_the_result_does_not_depend_on_the_order_of_the_candidates():
    touches = [touch("a", NOW - DAY), touch("b", NOW - HOUR), touch("c", NOW - HOUR, "view"), touch("d", shop_id="s_9")]
    assert verdicts(touches) == verdicts(touches[::-1])
    assert winners(touches) == winners(touches[::-1])
