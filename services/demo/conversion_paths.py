"""Real conversion paths as events: a channel is a content, each step a click, each conversion an order of one line."""

import csv
import gzip
from collections.abc import Iterator
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from services.demo.events import Event, click, line, paid, plan
from services.kernel.money import allocate
from services.kernel.time import MINUTE, SECOND, parse_rfc3339

DATA = Path(__file__).parent / "data/mta_paths.csv.gz"
BEGIN = parse_rfc3339("2026-08-28T00:00:00+08:00")
LAST_CLICK = {"alpha": 8447, "eta": 4167, "iota": 3355, "theta": 653}
"""Published last-click totals, conversions by channel, of the four largest that both libraries agree on."""
BRAND = "br_paths"
ORDER_PREFIX = "path_"


class Conversion(NamedTuple):
    """One buyer's way to one order."""

    number: int
    channels: tuple[str, ...]
    value_minor: int


def conversions() -> Iterator[Conversion]:
    """All 19,785 conversions; a path's value is split over its conversions to the minor unit."""
    number = 0
    with gzip.open(DATA, "rt", newline="") as file:
        for row in csv.DictReader(file):
            count = int(row["total_conversions"])
            if not count:
                continue
            whole = round(Decimal(row["total_conversion_value"]) * 100)
            for value in allocate(whole, [1] * count, lambda index: index):
                yield Conversion(number, tuple(row["path"].split(" > ")), value)
                number += 1


def registry() -> list[Event]:
    """One open plan for the paths' brand."""
    return [plan("pl_paths", 1, BEGIN - 30 * MINUTE, 200_000, brand_id=BRAND)]


def journey(conversion: Conversion) -> list[Event]:
    """The clicks of a conversion, a minute apart, and its order."""
    buyer = f"b_path_{conversion.number}"
    start = BEGIN + conversion.number * SECOND
    steps = [
        click(
            f"pc_{conversion.number}_{step}",
            start + step * MINUTE,
            buyer,
            f"v_{channel}",
            f"k_{channel}",
            product_id="p_path",
            shop_id="s_path",
            brand_id=BRAND,
        )
        for step, channel in enumerate(conversion.channels)
    ]
    order = paid(
        f"{ORDER_PREFIX}{conversion.number}",
        start + len(steps) * MINUTE,
        buyer,
        [line("1", conversion.value_minor, product_id="p_path", sku_id=None, brand_id=BRAND)],
        shop_id="s_path",
    )
    return [*steps, order]


def events() -> Iterator[Event]:
    """Clicks and orders of all conversions, buyer by buyer."""
    return chain.from_iterable(map(journey, conversions()))
