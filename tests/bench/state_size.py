"""How large the state becomes: days of a shop through the real intake, rules and checkpoints into a real RocksDB.

`python -m tests.bench.state_size` prints the curve at three sizes, each in a process of its own. Touches stop growing
after W + LO (30 days), orders after H (180 days); from then on the state is as large as the shop, not as old.
A checkpoint is taken every 12 events, as often as a partition with a million events a day has one.
"""

import argparse
import json
import tempfile
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import psutil

from services.attribution.apply.orders import apply_orders
from services.attribution.apply.touches import apply_touches
from services.attribution.domain.horizons import Horizons
from services.attribution.events.read import read_clicks, read_orders
from services.attribution.policy.file import read_policy_file
from services.attribution.state.buyer_rows import order_key, order_row, rows_of
from services.attribution.state.keyvalue import KeyValue
from services.attribution.state.metadata import StoreTerms
from services.attribution.state.rocksdb import RocksKeyValue
from services.attribution.state.store import Store
from tests.bench.state_events import Shop
from tests.kit.attribution_words import Records

SIZES = (1, 4, 16)
DAYS = (10, 20, 30, 45, 60, 90, 120, 150, 180, 195, 210)
EVENTS_A_CHECKPOINT = 12


class _Everybody:
    """Belongs here."""

    def __contains__(self, buyer_id: object) -> bool:
        return True


_EVERYBODY = _Everybody()


class Size(NamedTuple):
    """The state at the end of a day. Bytes are of rows as written, uncompressed, if not said otherwise."""

    day: int
    buyers: int
    touches: int
    open_orders: int
    row_bytes: int
    order_bytes: int
    disk_bytes: int
    memory_bytes: int

    @property
    def bytes_a_buyer(self) -> int:
        """What a buyer takes besides orders: key and touches."""
        return (self.row_bytes - self.order_bytes) // max(1, self.buyers)

    @property
    def bytes_an_open_order(self) -> int:
        """What an order takes, with its events and the names of its candidates."""
        return self.order_bytes // max(1, self.open_orders)


def grow(database: KeyValue, size: int, days: Iterable[int], horizons: Horizons) -> list[Size]:
    """Let a shop of a size live, and measure its state at the end of these days, ascending."""
    rules = read_policy_file().rules
    store = Store(database, StoreTerms.now(0, {"clicks": "id-c", "orders": "id-o"}, horizons, rules), rules)
    shop, found, day, before = Shop(size), [], 0, _resident()
    for until in days:
        for n in range(day, until):
            _live(store, shop, n)
        day = until
        found.append(_measure(store, database, day, before))
    return found


def _live(store: Store, shop: Shop, day: int) -> None:
    """One day's events, with a checkpoint after every few."""
    events = shop.day(day)
    while some := list(islice(events, EVENTS_A_CHECKPOINT)):
        for log in ("clicks", "orders"):
            records = [record for its_log, record in some if its_log == log]
            first = store.next_offsets[log]
            with store.applying(Records(log, first, first + len(records))):
                if log == "clicks":
                    outcome = apply_touches(store.shard, read_clicks(records, _EVERYBODY, 0).records)
                else:
                    outcome = apply_orders(store.shard, read_orders(records, _EVERYBODY, 0).records)
            assert not outcome.refusals, outcome.refusals[0]
        store.write(store.take())


def _measure(store: Store, database: KeyValue, day: int, before: int) -> Size:
    buyers = touches = orders = row_bytes = order_bytes = 0
    for buyer_id, buyer in store.every_buyer():
        buyers, touches, orders = buyers + 1, touches + len(buyer.touches), orders + len(buyer.orders)
        row_bytes += sum(len(key) + len(row) for key, row in rows_of(buyer_id, buyer))
        order_bytes += sum(len(order_key(buyer_id, i)) + len(order_row(order)) for i, order in buyer.orders.items())
    return Size(
        day, buyers, touches, orders, row_bytes, order_bytes, database.size_bytes(), max(0, _resident() - before)
    )


def _resident() -> int:
    return int(psutil.Process().memory_info().rss)


def run(size: int) -> list[Size]:
    """Grow a shop in a temporary RocksDB, with the horizons as shipped."""
    with tempfile.TemporaryDirectory() as folder:
        database = RocksKeyValue(Path(folder) / "0")
        try:
            return grow(database, size, DAYS, Horizons())
        finally:
            database.close()


def main() -> None:
    """Print a table a size, or everything as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    figures = {}
    for size in SIZES:
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            figures[size] = pool.submit(run, size).result()
        if not as_json:
            _print(size, figures[size])
    if as_json:
        print(json.dumps({f"{size}x": [_as_dict(one) for one in found] for size, found in figures.items()}, indent=1))


def _as_dict(one: Size) -> dict[str, int]:
    return one._asdict() | {"bytes_a_buyer": one.bytes_a_buyer, "bytes_an_open_order": one.bytes_an_open_order}


def _print(size: int, found: list[Size]) -> None:
    print(f"\n{size}x       buyers   touches    orders   rows KB   disk KB memory KB  B/buyer  B/order")
    for one in found:
        kilo = [f"{count // 1000:10,}" for count in (one.row_bytes, one.disk_bytes, one.memory_bytes)]
        print(
            f"day {one.day:4}{one.buyers:9,}{one.touches:10,}{one.open_orders:10,}{''.join(kilo)}"
            f"{one.bytes_a_buyer:9,}{one.bytes_an_open_order:9,}",
            flush=True,
        )


if __name__ == "__main__":
    main()
