"""`koc report` on real books: each figure is that of a separate computation over what the books export."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from services.kernel.time import DAY
from tests.kit import runs
from tests.kit.books import Books
from tests.kit.exported_sales import exported_sales, koc_report
from tests.kit.scripted_books import ScriptedBooks
from tests.kit.settling_rules import ZERO
from tests.reference import settling_script as script
from tests.reference.sales import SalesReference, Wanted
from tests.reference.settling_worlds import World


class RandomBooks(ScriptedBooks):
    """Books in which random scripts happen: they may have several runs on a day, and one content for several KOCs."""

    _runs = 0

    def _on_RunPlanned(self, event: script.RunPlanned) -> None:  # noqa: N802
        self._runs += 1
        runs.plan(self.books, ZERO + event.day * DAY, f"run-{self._runs}")

    def _on_Spent(self, event: script.Spent) -> None:  # noqa: N802
        content_id = f"content_of_{event.spend_id}"
        self.register("content.registered", content_id=content_id, koc_id=event.koc_id, platform="douyin")
        super()._on_Spent(replace(event, content_id=content_id))


COUNTS = ("lines", "orders", "buyers")
NAMES = {
    "content": ("content_id",), "family": ("content_family_id", "platform"), "koc": ("koc_id",),
    "campaign": ("campaign_id",), "product": ("brand_id", "product_id"),
}  # fmt: skip


def words_of(by: str) -> tuple[str, ...]:
    return ("content", "--by-family") if by == "family" else (by,)


def rows_of(report: dict[str, Any], by: str) -> dict[Any, dict[str, int]]:
    """By names, whether it is credited, and currency, without zeros; counts have their name, amounts lose _minor."""
    found = {}
    for row in report["rows"]:
        key = tuple(row[name] for name in NAMES[by]), row["is_credited"], row["currency"]
        figures = {name.removesuffix("_minor"): row[name] for name in row if name.endswith("_minor") or name in COUNTS}
        assert key not in found
        found[key] = {name: figure for name, figure in figures.items() if figure and isinstance(figure, int)}
    return found


def with_sums(figures: Counter[str]) -> dict[str, int]:
    """The reference's figures with those that follow from them."""
    every = Counter(figures)
    every["refunds"] = figures["gmv"] - figures["net_revenue"]
    every["commission"] = figures["accrued"] + figures["settled"] - figures["clawed_back"]
    every["spend"] = figures["spend_brand"] + figures["spend_platform"] + figures["spend_koc"]
    every["contribution"] = figures["net_revenue"] - every["commission"] - figures["script_fee"] - every["spend"]
    return {name: figure for name, figure in every.items() if figure}


@pytest.mark.parametrize("seed", [3, 11])
def test_every_figure_of_random_settled_books_is_what_a_separate_computation_gives(books: Books, seed: int) -> None:
    world = RandomBooks(books)
    for event in World(seed).run_to(60):
        world.tell(event)
    exported = exported_sales(books)
    assert any(line.planned for line in exported.lines.values())
    assert any("|c" in entry["idem_key"] for entry in exported.entries), "nothing is claimed back"
    for by in NAMES:
        report = koc_report(*words_of(by))
        wanted = SalesReference(exported, by, Wanted(), None, 0).compute()
        assert rows_of(report, by) == {
            name: found for name, sums in wanted.groups.items() if (found := with_sums(sums))
        }
