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


def test_what_the_group_did_not_take_it_is_told_again_though_nothing_new_came():
    assert asyncio.run(mirrored_after(Group(False, False), [7, None, None, None])) == [7, 7, 7]


def test_the_group_is_told_of_every_change_once():
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


def test_after_an_assignment_the_group_is_told_where_the_stores_are_though_nothing_new_came():
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


def test_a_worker_without_partitions_tells_the_group_nothing_which_it_would_refuse_as_an_error():
    assert all(asyncio.run(_mirrored_without_partitions()))
