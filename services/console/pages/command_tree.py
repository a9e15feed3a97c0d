"""What a command says as a tree for people: amounts with their currency, names as links to what they name."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from schemas.currencies import CURRENCIES
from services.console.values import MoneyCell, path

MOST_SHOWN = 50
"""Members of a list that a page shows; the topic and `koc commands show` have all."""

_OF_PLACE: Mapping[str, Callable[[str], str]] = {
    "batch": lambda name: path("batch", name),
    "payout": lambda name: path("payout", name),
    "party": lambda name: path("party", name),
    "koc_id": lambda name: path("party", f"koc:{name}"),
    "brand_id": lambda name: path("brand", name),
    "content_id": lambda name: path("content", name),
    "order_id": lambda name: path("order", name),
    "line": lambda name: path("order", name.partition("/")[0]),
    "scope": lambda name: path("order", name.partition("/")[0]),
    "proposal": lambda name: path("command", name),
    "entries": lambda name: path("entry", name),
    "file_sha256": lambda name: path("reply", name),
}
"""Where a text leads to, by the name of its place."""


class TreeNode(NamedTuple):
    """A value of a command.

    Attributes:
        name: of its place; None = a member of a list.
        text: of a plain value, or of the first of a list of plain values; None = it has children.
        href: where the text leads to.
        children: of an object or a list, the first of them.
        more: how many children, or values of a list, are not shown.
    """

    name: str | None
    text: str | None
    href: str | None = None
    children: Sequence["TreeNode"] = ()
    more: int = 0


def tree(value: object, name: str | None = None, place: str | None = None, currency: str | None = None) -> TreeNode:
    """A value with all that is in it.

    Args:
        value: as JSON has it.
        name: of its place.
        place: the name that tells what a text names; members of a list have that of their list.
        currency: that amounts beside it are in.
    """
    if isinstance(value, Mapping):
        return _object(value, name, place)
    if isinstance(value, list | tuple):
        some, more = value[:MOST_SHOWN], max(0, len(value) - MOST_SHOWN)
        if all(isinstance(one, str | int) or one is None for one in value) and place not in _OF_PLACE:
            return TreeNode(name, ", ".join(_plain(one) for one in some) or "-", more=more)
        return TreeNode(name, None, None, [tree(one, None, place) for one in some], more)
    if isinstance(value, int) and currency is not None and (name or "").endswith("_minor"):
        return TreeNode(name, f"{MoneyCell(value, currency)} {currency}")
    page_of = _OF_PLACE.get(place or "")
    return TreeNode(name, _plain(value), page_of(value) if page_of and isinstance(value, str) else None)


def _object(value: Mapping[str, object], name: str | None, place: str | None) -> TreeNode:
    if value and place is not None and _is_sums(value):
        return TreeNode(name, ", ".join(f"{MoneyCell(int(str(one)), of)} {of}" for of, one in value.items()))
    currency = value.get("currency")
    known = currency if isinstance(currency, str) else None
    return TreeNode(name, None, None, [tree(one, key, key, known) for key, one in value.items()])


def _is_sums(value: Mapping[str, object]) -> bool:
    """Whether it is amounts by currency."""
    return all(isinstance(one, int) and of in CURRENCIES for of, one in value.items())


def _plain(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)
