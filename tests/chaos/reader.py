"""What lies in the credits topic and in the dead letters in the end."""

import hashlib
import json
from typing import Any

from schemas.topics import CLICKS, CREDITS, ORDERS
from services.runtime.deadletters import LogPosition
from tests.kit.topics import records
from tests.reference.credits_reader import CreditsReader, Line, read_messages


def read_credits() -> CreditsReader[dict[str, Any]]:
    """Read the credits topic from its first record to its last."""
    return read_messages(record.value for record in records(CREDITS.name))


def refusals() -> dict[LogPosition, set[str]]:
    """Why which record lies in a dead-letter topic; a replay may have put it there again."""
    found: dict[LogPosition, set[str]] = {}
    for topic in (CLICKS, ORDERS):
        for record in records(topic.dlq):
            said = {name: value.decode() for name, value in record.headers}
            at = LogPosition(said["source_topic"], int(said["source_partition"]), int(said["source_offset"]))
            found.setdefault(at, set()).add(said["reason"])
    return found


def digest(lines: dict[Line, dict[str, Any]]) -> str:
    """One hash over the whole truth."""
    return hashlib.sha256(json.dumps([lines[line] for line in sorted(lines)], sort_keys=True).encode()).hexdigest()
