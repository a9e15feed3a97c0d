"""Whether Kafka lets a process do its work, asked before it takes the place of one that can."""

import logging
from collections.abc import Iterable

from schemas.topics import Topic
from services.kernel.errors import StartRefused
from services.runtime.kafka import admin
from services.runtime.settings import settings


def check_rights(reads: Iterable[Topic] = (), writes: Iterable[Topic] = (), group: str | None = None) -> None:
    """Refuse to start without a right that would be missed later; without a login there are no rights to ask for.

    Args:
        reads: topics that the process reads; they exist.
        writes: topics that it writes; they exist.
        group: that it joins.

    Raises:
        StartRefused: names what is missing.
        ConnectionError: no broker answers.
    """
    if settings().kafka_security_protocol == "PLAINTEXT":
        return
    wanted = [("read", topic.name) for topic in reads] + [("write", topic.name) for topic in writes]
    with admin() as client:
        described = client.describe_topics(sorted({name for _, name in wanted}))
    allowed = {topic["name"]: topic["authorized_operations"] or () for topic in described}
    missing = [f"{operation} {name}" for operation, name in wanted if operation.upper() not in allowed[name]]
    if group is not None and not _may_join(group):
        missing.append(f"join the group {group}")
    if missing:
        raise StartRefused(
            f"Kafka does not let us {', '.join(missing)}: docs/security.md lists the rights of each service"
        )


def _may_join(group: str) -> bool:
    """Whether the group may be used, as far as its coordinator says now: joining tells the rest."""
    from kafka.errors import GroupAuthorizationFailedError, KafkaError

    logging.getLogger("kafka.admin._groups").setLevel(logging.ERROR)  # it cannot read Faust's metadata, and need not
    try:
        with admin() as client:
            client.describe_groups([group])
    except GroupAuthorizationFailedError:
        return False
    except KafkaError:
        return True
    return True
