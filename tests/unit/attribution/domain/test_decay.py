"""Two to the power of minus an age, in integers."""

from services.attribution.domain.decay import HALF_LIFE, decayed_shares
from services.kernel.time import DAY


def test_the_shares_of_time_decay_are_these_integers_on_every_machine():
    assert decayed_shares([0, HALF_LIFE // 2, HALF_LIFE, 1]) == [
        2 << 64, 26087635650665564424, 1 << 64, 36893488147376820430,
    ]  # fmt: skip


def test_a_microsecond_younger_is_more_by_time_decay():
    for age in (0, 1, HALF_LIFE // 2, HALF_LIFE - 1, HALF_LIFE, 15 * DAY):
        younger, older, oldest = decayed_shares([age, age + 1, 16 * DAY])
        assert younger > older > oldest
