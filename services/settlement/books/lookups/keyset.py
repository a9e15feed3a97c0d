"""Pages of long lists by key: the next page begins behind the last row of this one, whatever was added meanwhile."""

from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from services.kernel.errors import InputRefused

Row = TypeVar("Row")
PageKey = tuple[str | int, ...]
"""Where a page ends; the caller hands it back as `after`."""

_MOST_SHOWN = 1 << 31


class KeysetPage(NamedTuple, Generic[Row]):
    """Some rows of a list, and the key behind which the next ones follow; None = these are the last."""

    rows: Sequence[Row]
    next_key: PageKey | None


def page_of(rows: Sequence[Row], limit: int, key_of: Callable[[Row], PageKey]) -> KeysetPage[Row]:
    """The page that begins these rows.

    Args:
        rows: in the list's order, one more than `limit` where the list goes on.
        limit: rows a page.
        key_of: a row's key.
    """
    some = rows[:limit]
    return KeysetPage(some, key_of(some[-1]) if len(rows) > limit else None)


def page_of_order_lines(
    rows: Sequence[Row], limit: int, place_of: Callable[[Row], PageKey], after: PageKey | None
) -> KeysetPage[Row]:
    """The page that begins these rows of order lines, which buyers share where several claim one order line.

    Keys stand in addresses, which proxies and browsers keep. So a key names no buyer: it is the place of an order line
    in the list, and how many of its rows were shown so far. The next page is read from this place on, in the same
    order, with OFFSET `rows_shown`. A row that comes to the very order line between two pages may repeat another one.

    Args:
        rows: in the list's order, those of an order line by their buyer; one more than `limit` where the list goes on.
        limit: rows a page.
        place_of: where the order line of a row stands, the same for each of its buyers.
        after: the key that the rows were read behind.
    """
    some = rows[:limit]
    if len(rows) <= limit:
        return KeysetPage(some, None)
    place = place_of(some[-1])
    shown = sum(place_of(row) == place for row in some)
    if after is not None and after[:-1] == place:
        shown += rows_shown(after)
    return KeysetPage(some, (*place, shown))


def rows_shown(after: PageKey | None) -> int:
    """How many rows of its order line a key of `page_of_order_lines` has behind it; 0 = the list begins.

    Raises:
        InputRefused: no page ends there.
    """
    shown = 0 if after is None else after[-1]
    if not isinstance(shown, int) or not 0 <= shown < _MOST_SHOWN:
        raise InputRefused("this is no place in the table")
    return shown
