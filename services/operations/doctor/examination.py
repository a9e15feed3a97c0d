"""All checks of the doctor in their order. A check that needs a server is left out if that server does not answer."""

import os
from collections.abc import Iterator
from functools import partial

from services.operations.doctor.books import check_contents, check_lines, check_positions
from services.operations.doctor.broker import check_broker, check_snapshots, check_topics
from services.operations.doctor.database import check_role, check_schema
from services.operations.doctor.findings import DoctorFinding, run_check, run_checks
from services.operations.doctor.local_machine import check_machine, check_processes
from services.operations.doctor.logins import check_logins
from services.runtime.database import has_address


def examine() -> Iterator[DoctorFinding]:
    """Run all checks; each finding comes as soon as it is known.

    Machine and processes are looked at only for a local stack, that is unless KOC_KAFKA_BOOTSTRAP leads elsewhere.
    """
    is_local = "KOC_KAFKA_BOOTSTRAP" not in os.environ
    if is_local:
        yield from check_machine()
    broker = run_check("kafka", check_broker)
    yield broker
    if broker.ok:
        yield from run_checks("topics", check_topics)
        yield run_check("snapshots", check_snapshots)
    database = run_check("database", partial(check_role, "writer"))
    yield database
    if database.ok:
        yield from check_logins()
        schema = run_check("schema", check_schema)
        yield schema
        if schema.ok and broker.ok:
            yield run_check("books", check_positions)
        if schema.ok and has_address("reader"):
            yield from run_checks("lines", check_lines)
            yield from run_checks("contents", check_contents)
    if is_local:
        yield from check_processes()
