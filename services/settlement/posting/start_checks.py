"""What the poster checks before it touches money; each problem is one sentence and exit status 78."""

import importlib.util

from sqlalchemy import Engine, text

from schemas.topics import CREDITS, REGISTRY
from services.kernel.errors import StartRefused
from services.runtime import topics
from services.runtime.settings import settings
from services.settlement.books import migrations
from services.settlement.books.positions import check_history, check_topic_ids, check_zone, read_positions
from services.settlement.domain.book.chart import validate_chart

OLDEST_SERVER = 170_000
"""transaction_timeout, which ends a frozen writer, came with PostgreSQL 17."""


def check_start(engine: Engine) -> None:
    """Check library, chart of accounts, database and topics.

    Raises:
        StartRefused: with the way out.
    """
    check_crc32c()
    validate_chart()
    check_database(engine)
    if problems := topics.topic_problems((CREDITS, REGISTRY)):
        raise StartRefused("; ".join(problems))
    read = (CREDITS.name, REGISTRY.name)
    check_topic_ids(engine, topics.topic_ids(read))
    check_zone(engine, settings().settlement_zone_minutes)
    check_history(read_positions(engine), topics.log_starts(read), topics.log_ends(read))


def check_crc32c() -> None:
    """Refuse to run where kafka-python would compute checksums in Python: 115 us a record instead of 6."""
    if importlib.util.find_spec("crc32c") is None:
        raise StartRefused("the package crc32c is missing: install koc-settlement with its dependencies")


def check_database(engine: Engine) -> None:
    """Refuse another schema, an old server, or a session that does not count in UTC."""
    with engine.connect() as connection:
        version = int(connection.execute(text("SHOW server_version_num")).scalar_one())
        if version < OLDEST_SERVER:
            raise StartRefused(f"PostgreSQL {version // 10_000} is too old: the books need 17 or newer")
        zone = connection.execute(text("SHOW TimeZone")).scalar_one()
        if zone != "UTC":
            raise StartRefused(f"the database session's time zone is {zone}: it must be UTC")
        migrations.check_revision(connection)
