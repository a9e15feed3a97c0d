"""The promise: the final ledger is a function of the set of events, whatever their order, duplicates and crashes.

Two settlement runs are part of each history, at the same places of the set: most of the events come before the first.
"""

from collections.abc import Callable

import pytest

from schemas.topics import BUYER_PARTITIONS
from services.demo.shop_week import shop_week
from services.runtime.kafka import partition_of
from services.runtime.local.stack import Stack
from tests.kit.histories import Ending, Kill, live

ORDERS = 4_800
ENDINGS: dict[str, Ending] = {}
HISTORIES: dict[str, tuple[int, list[tuple[str, float]]]] = {
    "in one order": (11, []),
    "in another order": (22, []),
    "in a third order": (33, []),
    "with kills": (
        11,
        [("attribution-1", 0.3), ("poster-1", 0.5), ("attribution-1", 0.7), ("poster-1", 0.9)],
    ),
}


@pytest.mark.parametrize("name", HISTORIES)
def test_a_history_ends_in_proven_books(
    name: str, fresh_stack: Callable[..., Stack], lead_to: Callable[[Stack], None]
) -> None:
    seed, kills = HISTORIES[name]
    week = shop_week(ORDERS)
    assert len(week.log) >= 20_000
    assert len({partition_of(event["buyer_id"].encode(), BUYER_PARTITIONS) for event in week.log}) == BUYER_PARTITIONS
    stack = fresh_stack(workers=1)
    lead_to(stack)
    ending = ENDINGS[name] = live(stack, week, seed, [Kill(*kill) for kill in kills])
    print(name, {key: value for key, value in vars(ending).items() if key not in ("balances", "runs")})
    assert ending.input_end > len(week.log)
    assert ending.duplicates > 0.08 * len(week.log)
    assert ending.moved_by_late_touches > 0
    assert ending.repriced > 0
    assert all(run.lines and run.contents and run.parties for run in ending.runs)
    for kind in ("commission.clawed_back", "commission.restored", "clawback.netted", "hold.placed"):
        assert ending.rows_by_kind[kind] > 0, kind
    for kill in ending.kills:
        whole = ending.input_end if kill.process.startswith("attribution") else ending.credits_end
        assert 0.1 * whole < kill.fell_at < 0.9 * whole, f"{kill} of {whole}"


def test_all_histories_end_in_the_same_digest_and_balances() -> None:
    assert set(ENDINGS) == set(HISTORIES), "a history failed"
    assert len({ending.digests[-1] for ending in ENDINGS.values()}) == 1
    assert len({ending.digests[0] for ending in ENDINGS.values() if len(ending.digests) > 1}) == 1
    first, *others = ENDINGS.values()
    assert first.balances
    for other in others:
        assert other.balances == first.balances


def test_all_histories_settle_the_same_lines_by_the_same_amounts() -> None:
    assert set(ENDINGS) == set(HISTORIES), "a history failed"
    first, *others = ([run._replace(proofs=frozenset()) for run in ending.runs] for ending in ENDINGS.values())
    for other in others:
        assert other == first


def test_a_plan_over_the_same_logs_has_the_same_proof_whatever_was_killed() -> None:
    assert set(ENDINGS) == set(HISTORIES), "a history failed"
    assert [[len(run.proofs) for run in ending.runs] for ending in ENDINGS.values()] == [[1, 1]] * len(HISTORIES)


def test_the_histories_really_differed() -> None:
    assert set(ENDINGS) == set(HISTORIES), "a history failed"
    assert len({ending.adjustments for ending in ENDINGS.values()}) > 1
    assert sum(len(ending.kills) for ending in ENDINGS.values()) == 4
