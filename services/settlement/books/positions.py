"""Where the books stand in the logs, whether these are still the logs that they were read from, and in which zone."""

from collections.abc import Mapping

from sqlalchemy import Connection, Engine, select, update

from schemas.topics import CREDITS, REGISTRY
from services.kernel.errors import HistoryLost, StartRefused
from services.settlement.books.tables import registry_position, writer

Place = tuple[str, int]
"""Topic and partition."""


def read_positions(engine: Engine) -> dict[Place, int]:
    """The next offset to be read of every credits partition and of the registry."""
    with engine.connect() as connection:
        credits_read = connection.execute(
            select(writer.c.partition, writer.c.next_offset).where(writer.c.partition < CREDITS.partitions)
        ).all()
        registry = connection.execute(select(registry_position.c.next_offset)).scalar_one()
    return {**{(CREDITS.name, partition): offset for partition, offset in credits_read}, (REGISTRY.name, 0): registry}


def check_topic_ids(engine: Engine, ids: Mapping[str, str]) -> None:
    """Remember the topics' ids at first sight; refuse topics that were deleted and made again.

    Args:
        engine: of the writer role.
        ids: Kafka's id of the credits and of the registry topic, by name.

    Raises:
        StartRefused: offsets in the books are of another topic of that name.
    """
    of_lines = writer.c.partition < CREDITS.partitions
    credits_id, registry_id = ids[CREDITS.name], ids[REGISTRY.name]
    with engine.begin() as connection:
        connection.execute(update(writer).where(of_lines, writer.c.topic_id.is_(None)).values(topic_id=credits_id))
        connection.execute(
            update(registry_position).where(registry_position.c.topic_id.is_(None)).values(topic_id=registry_id)
        )
        known = {
            CREDITS.name: set(connection.execute(select(writer.c.topic_id).where(of_lines)).scalars()),
            REGISTRY.name: set(connection.execute(select(registry_position.c.topic_id)).scalars()),
        }
    for name, stored in known.items():
        if stored != {ids[name]}:
            raise StartRefused(
                f"{name} is not the topic that the books were read from: it was deleted and made again, so their "
                "offsets mean nothing in it"
            )


def check_zone(engine: Engine, zone_minutes: int) -> None:
    """Remember the settlement zone at first sight; refuse a process that would put entries into other months.

    Args:
        engine: of the writer role, or of one that may do as much.
        zone_minutes: of this process, minutes east of UTC.

    Raises:
        StartRefused: the books have another zone.
    """
    zone = registry_position.c.zone_minutes
    with engine.begin() as connection:
        connection.execute(update(registry_position).where(zone.is_(None)).values(zone_minutes=zone_minutes))
        check_stored_zone(connection, zone_minutes)


def check_stored_zone(connection: Connection, zone_minutes: int) -> None:
    """Refuse a process that counts days and months otherwise than the books; books without a zone suit everybody.

    Args:
        connection: of any role that reads the books.
        zone_minutes: of this process, minutes east of UTC.

    Raises:
        StartRefused: the books have another zone.
    """
    stored = connection.execute(select(registry_position.c.zone_minutes)).scalar_one()
    if stored not in (None, zone_minutes):
        raise StartRefused(
            f"the books are in the zone {stored} minutes east of UTC, this process counts months in {zone_minutes}: "
            f"set KOC_SETTLEMENT_ZONE_MINUTES={stored}"
        )


def check_history(positions: Mapping[Place, int], starts: Mapping[Place, int], ends: Mapping[Place, int]) -> None:
    """Refuse logs that no longer, or not yet, hold the record that the books would read next.

    Raises:
        HistoryLost: naming the partition and the offsets.
    """
    for place, offset in sorted(positions.items()):
        topic, partition = place
        if not starts[place] <= offset <= ends[place]:
            raise HistoryLost(
                f"{topic}-{partition} holds offsets {starts[place]} to {ends[place]}, the books go on at {offset}"
            )
