"""Whether the books fit the topics that they were read from, and what in them waits for a person."""

from collections.abc import Iterator

from services.operations.doctor.findings import DoctorFinding, Severity
from services.runtime.database import engine
from services.settlement.books.line_lists import LineCondition, LineList, list_lines
from services.settlement.books.reader import books_reader
from services.settlement.books.snapshot import snapshot
from services.settlement.posting.start_checks import check_start
from services.settlement.verify.contents import first_names, read_content_facts

_SHOWN = 3
_REMEDIES = {
    LineCondition.SET_ASIDE: (
        Severity.PROBLEM,
        "publish a corrected version of the plan, or agree on the order as docs/runbook.md says",
    ),
    LineCondition.QUARANTINED: (
        Severity.NOTE,
        "look at it with `koc explain ORDER_ID`; `koc settlement release LINE` lets it go",
    ),
}


def check_positions() -> str:
    """What the poster checks at its start: topic ids against the database, its offsets against the logs."""
    check_start(engine("writer"))
    return "their positions fit the topics"


def check_lines() -> Iterator[DoctorFinding]:
    """Lines of which nothing is booked any more until somebody acts."""
    with books_reader() as reader, reader.connect() as connection:
        found = {condition: list_lines(connection, condition, _SHOWN) for condition in _REMEDIES}
    for condition, listed in found.items():
        name = f"lines {condition.replace('_', ' ')}"
        if not listed.total:
            yield DoctorFinding(name, Severity.OK, "none")
            continue
        severity, remedy = _REMEDIES[condition]
        option = condition.replace("_", "-")
        yield DoctorFinding(name, severity, f"{_names(listed)}; {remedy}; `koc ledger lines --{option}` lists all")


def _names(listed: LineList) -> str:
    """The first lines with their reasons, and how many more there are."""
    shown = "; ".join(f"{one.order_id}/{one.line_id}/{one.buyer_id} ({one.reason})" for one in listed.lines)
    more = f" and {listed.total - len(listed.lines):,} more" if listed.total > len(listed.lines) else ""
    return f"{shown}{more}"


def check_contents() -> Iterator[DoctorFinding]:
    """Script fees and spends of contents that nobody registered: they book nothing until somebody does."""
    with books_reader() as reader, snapshot(reader) as books:
        missing = read_content_facts(books).unregistered()
    if not missing:
        yield DoctorFinding("contents", Severity.OK, "every accepted script fee and every spend has its content")
    for kind, ids in missing.items():
        seen = f"{kind} names {first_names(ids)}, which nobody registered, so nothing is booked"
        remedy = "publish content.registered, or publish the event again with the right content_id"
        yield DoctorFinding("contents", Severity.NOTE, f"{seen}; {remedy}")
