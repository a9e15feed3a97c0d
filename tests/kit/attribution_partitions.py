"""What stands around a worker's partitions, without a broker: its group, its keeper and its outbox."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

from faust.types import TP

from schemas.topics import BUYER_PARTITIONS, CLICKS, ORDERS
from services.attribution.domain.horizons import Horizons
from services.attribution.state.metadata import StoreTerms
from services.attribution.state.store import Store
from services.attribution.worker.partitions import AssignedPartitions
from tests.kit.attribution_memory import MemoryKeyValue
from tests.kit.attribution_words import RULES

INPUTS = frozenset({CLICKS.name, ORDERS.name})
ASSIGNED = {TP(topic, 3) for topic in INPUTS}


class Group:
    """A consumer whose group refuses some of what it is told, as in a rebalance."""

    def __init__(self, *answers: bool) -> None:
        self.answers, self.mirrored = list(answers), cast("list[dict[TP, int]]", [])

    async def mirror(self, offsets: dict[TP, int]) -> bool:
        self.mirrored.append(offsets)
        return self.answers.pop(0) if self.answers else True

    async def earliest(self, tps: list[TP]) -> dict[TP, int]:
        return dict.fromkeys(tps, 0)

    async def seek_all(self, positions: dict[TP, int], epoch: int) -> None:
        """Nothing is fetched."""

    def highwater(self, tp: TP) -> int:
        del tp
        return 0


class Keeper:
    """Opens stores in memory, which keep what was written to them."""

    def __init__(self) -> None:
        self.rules = RULES
        self.rows = {number: cast("dict[bytes, bytes]", {}) for number in range(BUYER_PARTITIONS)}

    def open(self, number: int, starts: dict[str, int]) -> Store:
        terms = StoreTerms.now(number, dict.fromkeys(starts, "id"), Horizons(), self.rules)
        return Store(MemoryKeyValue(self.rows[number]), terms, self.rules)

    def freeze(self, number: int) -> Any:
        """There is nothing new to upload."""


class Outbox:
    """Nothing was sent."""

    def take_acknowledgements(self) -> list[Any]:
        return []


async def crash(problem: BaseException) -> None:
    raise problem


def partitions(
    keeper: Any = None, pipeline: Any = None, crash: Callable[[BaseException], Awaitable[None]] = crash
) -> AssignedPartitions:
    """A worker's partitions, none of them assigned yet."""
    return AssignedPartitions(INPUTS, keeper or cast("Any", Keeper()), pipeline, cast("Any", Outbox()), crash)
