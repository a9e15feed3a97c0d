"""The README shows lines of the demo: those that no stack is needed for are what the demo's events give."""

import re
from itertools import chain
from pathlib import Path

import pytest

from services.demo import conversion_paths, poison
from services.demo.run import settled_orders_text
from services.demo.second_wave import second_wave
from services.demo.shop_week import FIRST_RUN, SECOND_RUN, Week, arrivals, paid_orders, shop_week
from services.kernel.time import format_rfc3339

README = (Path(__file__).parents[3] / "README.md").read_text()
ORDERS = 6_000
"""The demo's orders if nobody says how many."""


@pytest.fixture(scope="module")
def week() -> Week:
    return shop_week(ORDERS)


def test_the_readme_says_how_many_events_the_demo_publishes(week: Week) -> None:
    around = (poison.good(), poison.bad(), poison.registry(), poison.misplaced(), poison.afterwards())
    stages = (conversion_paths.registry(), conversion_paths.events(), week.registry, arrivals(week.log, seed=1))
    assert f"{sum(1 for _ in chain(*stages, *around)):,} published after" in README


def test_the_readme_says_what_happens_to_settled_orders_and_when_the_runs_are(week: Week) -> None:
    assert "\n".join(settled_orders_text(second_wave(week))) in README
    moments = re.findall(r"--as-of (\d\S+Z) …", README)
    assert moments == [format_rfc3339(FIRST_RUN), format_rfc3339(SECOND_RUN)]


def test_the_explained_order_of_the_readme_is_refunded_by_half_in_the_wave(week: Week) -> None:
    explained = re.search(r"`koc explain (o_\d+)` after the demo", README)
    assert explained is not None
    assert explained[1] in second_wave(week).hit["half"]
    assert f"buyer {paid_orders(week.log)[explained[1]]['buyer_id']}\n" in README
