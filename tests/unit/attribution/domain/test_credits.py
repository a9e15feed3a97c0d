"""How shares become weights: one sentence a rule."""

import pytest

from services.attribution.domain.credits import MAX_CREDITS
from services.attribution.domain.policy import BRAND, Policy
from services.attribution.domain.rule import judge
from services.kernel.money import MILLION
from services.kernel.time import DAY, MINUTE
from tests.kit.attribution_words import NOW, line, path, payment, policy, touch


def test_a_share_that_rounds_to_nothing_is_negligible():
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


def test_more_parties_than_the_limit_share_the_line_among_the_greatest():
    small = path(*(f"v_{i}" for i in range(MAX_CREDITS + 50)), step=MINUTE)
    big = [touch(f"big{i}", NOW - i, content_id=f"big_{i % 2}") for i in range(10)]
    found = judge("b_1", payment(), line(), [*small, *big], policy("linear"))
    assert len(found.credits) == MAX_CREDITS
    assert sum(credit.weight_ppm for credit in found.credits) == MILLION
    assert {"big_0", "big_1"} <= {credit.content_id for credit in found.credits}
    assert [str(v) for v in found.verdicts].count("beyond_limit") == 52
