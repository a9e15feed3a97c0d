"""A buyer as rows."""

import pytest

from services.attribution.domain.buyer import Buyer
from services.attribution.state.buyer_rows import read_buyers, rows_of
from tests.kit.attribution_words import buyer_with, order_of, touch


@pytest.mark.parametrize("first", [-(1 << 62), -3, 0, 1 << 40])
def test_rows_come_in_the_order_of_their_keys_and_hold_the_whole_buyer(first):
    some = buyer_with([touch("t1"), touch("t2")], [order_of()])
    shifted = Buyer({first + n: one for n, one in some.touches.items()}, some.orders)
    rows = [row for name in ("a", "a-b", "a_b", "b") for row in rows_of(name, shifted)]
    assert [key for key, _ in rows] == sorted(key for key, _ in rows)
    assert list(read_buyers(rows)) == [(name, shifted) for name in ("a", "a-b", "a_b", "b")]
    assert list(rows_of("nobody", Buyer())) == []
