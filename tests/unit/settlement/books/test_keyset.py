"""Pages of order lines: put together they are the whole list, however many buyers claim a line; no key names one."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.kernel.errors import InputRefused
from services.settlement.books.lookups.keyset import KeysetPage, PageKey, page_of_order_lines, rows_shown


class Claim(NamedTuple):
    paid_at: int
    order_id: str
    line_id: str
    buyer_id: str

    @property
    def place(self) -> PageKey:
        return self.paid_at, self.order_id, self.line_id


CLAIMS = st.builds(
    Claim, st.integers(0, 2), st.sampled_from(["o_1", "o_2"]), st.sampled_from("12"), st.text("abcdef", min_size=1)
)


def read(claims: Sequence[Claim], after: PageKey | None, limit: int, *, descending: bool) -> KeysetPage[Claim]:
    """A page, by what the statements of the lists do: from the key's place on, OFFSET, and one row more than a page."""
    if after is not None and descending:
        claims = [one for one in claims if one.place <= after[:-1]]
    elif after is not None:
        claims = [one for one in claims if one.place >= after[:-1]]
    return page_of_order_lines(claims[rows_shown(after) :][: limit + 1], limit, lambda one: one.place, after)


@given(st.sets(CLAIMS), st.integers(1, 6), st.booleans())
@example({Claim(0, "o_1", "1", str(number)) for number in range(9)}, 2, True)
@example({Claim(0, "o_1", "1", str(number)) for number in range(6)}, 3, False)
def test_pages_of_any_size_are_the_whole_list(claims: set[Claim], limit: int, descending: bool) -> None:
    every = sorted(claims, reverse=descending)
    pages = [read(every, None, limit, descending=descending)]
    while (after := pages[-1].next_key) is not None:
        pages.append(read(every, after, limit, descending=descending))
        assert len(pages) <= len(every), "it comes to an end"
    assert [one for page in pages for one in page.rows] == every
    assert all(len(page.rows) == limit for page in pages[:-1]), "each page but the last one is full"
    assert len({page.next_key for page in pages}) == len(pages)
    for page, following in pairwise(pages):
        place, shown = page.next_key[:-1], page.next_key[-1]
        assert place == page.rows[-1].place, "a key is an order line, and no buyer"
        is_shared = following.rows[0].place == place
        assert shown <= sum(one.place == place for one in every) - is_shared


@pytest.mark.parametrize("shown", [-1, 1 << 40, "b_1"])
def test_no_page_ends_behind_a_number_of_rows_that_is_none(shown: int | str) -> None:
    with pytest.raises(InputRefused, match="no place in the table"):
        rows_shown((0, "o_1", "1", shown))
