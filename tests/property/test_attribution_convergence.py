"""The law of the service: whatever happens to the workers, the reader ends with the function of the two logs."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference.attribution_histories import (
    LIMITS,
    LONG_MEMORY,
    SHORT,
    History,
    logs,
    outcome_of,
    rules,
    small_limits,
)
from tests.reference.attribution_reference import truth

HISTORIES = 4


@pytest.fixture(autouse=True, scope="module")
def _small_limits():
    with small_limits():
        yield


def _assert_every_history_ends_in_the_truth(seed, horizons, last_revision):
    random = Random(seed)
    clicks, orders = logs(random)
    expected = truth(clicks, orders, horizons, rules(last_revision), LIMITS)
    for _ in range(HISTORIES):
        topics = History(random, clicks, orders, horizons, last_revision).run()
        reader = outcome_of(topics)
        assert reader.accepted == expected.lines
        assert reader.below_join() == []
        assert topics.refused == expected.refused


@settings(max_examples=1500)
@given(seed=st.integers(0, 2**32))
def test_every_history_ends_in_the_function_of_the_two_logs(seed):
    _assert_every_history_ends_in_the_truth(seed, SHORT, last_revision=1)


@settings(max_examples=500)
@given(seed=st.integers(0, 2**32))
def test_a_changed_policy_reaches_every_order_that_is_kept(seed):
    _assert_every_history_ends_in_the_truth(seed, LONG_MEMORY, last_revision=2)
