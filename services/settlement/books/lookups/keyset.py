"""Pages of long lists by key: the next page begins behind the last row of this one, whatever was added meanwhile."""

from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

Row = TypeVar("Row")
PageKey = tuple[str | int, ...]
"""Where a page ends; the caller hands it back as `after`."""


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
