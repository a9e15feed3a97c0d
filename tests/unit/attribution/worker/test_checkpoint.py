"""Checkpoints and what Kafka's group is told of them, without a broker."""

import asyncio
from typing import Any, cast

from faust.types import TP

from schemas.topics import CLICKS, ORDERS
from tests.kit.attribution_partitions import ASSIGNED, Group, partitions
from tests.kit.attribution_words import read_to


async def mirrored_after(group: Group, rounds: list[int | None]) -> list[int]:
    """The offsets of the clicks that the group heard of, one checkpoint a round; None: nothing new was read."""
    parts = partitions()
    await parts.open(ASSIGNED, cast("Any", group))
    for offset in rounds:
        if offset is not None:
            read_to(parts.stores[3], CLICKS.name, offset)
        parts._checkpoint_writer._due.set()
        await parts.checkpoint(cast("Any", group))
    return [offsets.get(TP(CLICKS.name, 3), 0) for offsets in group.mirrored]


def test_offsets_that_the_group_did_not_take_are_mirrored_again_without_new_events():
    assert asyncio.run(mirrored_after(Group(False, False), [7, None, None, None])) == [7, 7, 7]


def test_each_change_of_offsets_is_mirrored_once():
    assert asyncio.run(mirrored_after(Group(), [7, None, 9, None])) == [7, 9]


async def _mirrored_over_two_assignments() -> list[dict[TP, int]]:
    group = Group()
    parts = partitions()
    for offset in (5, 5):
        await parts.open(ASSIGNED, cast("Any", group))
        read_to(parts.stores[3], CLICKS.name, offset)
        parts._checkpoint_writer._due.set()
        await parts.checkpoint(cast("Any", group))
    return group.mirrored


def test_after_an_assignment_the_offsets_of_the_stores_are_mirrored_without_new_events():
    assert asyncio.run(_mirrored_over_two_assignments()) == [{TP(CLICKS.name, 3): 5, TP(ORDERS.name, 3): 0}] * 2


async def _mirrored_without_partitions() -> list[dict[TP, int]]:
    group = Group()
    parts = partitions()
    await parts.open(ASSIGNED, cast("Any", group))
    read_to(parts.stores[3], CLICKS.name, 7)
    for _ in range(2):
        parts._checkpoint_writer._due.set()
        await parts.checkpoint(cast("Any", group))
        parts.stores.clear()
    return group.mirrored


def test_a_worker_without_partitions_mirrors_no_offsets():
    assert all(asyncio.run(_mirrored_without_partitions()))
