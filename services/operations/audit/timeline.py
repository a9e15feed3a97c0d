"""The commands topic: its chain, and the order in which its decisions took effect on the books."""

from collections.abc import Iterable
from typing import NamedTuple

from services.kernel.time import parse_rfc3339
from services.operations.audit.chains import BEGINNING, ChainPlace, CommandFacts, break_in, command_hash, read_command
from services.operations.audit.command_bodies import check_command
from services.operations.audit.command_moves import (
    FROZEN,
    KNOWN,
    PAYOUT_PROPOSED,
    PLANNED,
    POSTED,
    PROPOSED,
    RELEASED,
    RERATED,
    RUN,
    SEVERED,
    line_of,
    moved_by,
)
from services.operations.audit.report import AuditReport
from services.operations.audit.severed import SeveredMarks, severing_of
from services.runtime.wire import UNDECODABLE


class LogPoint(NamedTuple):
    """How far logs were read: of each credits partition and of the registry the next offset."""

    generation: int
    credits: tuple[int, ...]
    registry: int


def read_commands(values: Iterable[bytes], report: AuditReport) -> list[CommandFacts]:
    """All commands by number, each proven to follow the one before."""
    found: list[CommandFacts] = []
    changed: list[tuple[CommandFacts, str, tuple[str, str]]] = []
    last = BEGINNING
    for raw in values:
        try:
            command = read_command(raw)
        except UNDECODABLE as problem:
            report.differ("unreadable", f"the record after command {last.seq}", "a command", problem)
            continue
        if command.seq <= last.seq:
            continue
        report.checked["commands"] += 1
        where = _name(command)
        computed = command_hash(command)
        if broken := break_in(last, command.seq, command.prev_hash, command.hash, command.hash):
            report.differ("command chain", where, *broken)
        elif computed != command.hash:
            changed.append((command, computed, (f"hash {computed}", f"hash {command.hash}")))
        if command.kind not in KNOWN:
            report.notes.append(f"{where} is a {command.kind}, which this audit cannot follow")
        last = ChainPlace(command.seq, command.hash)
        if lack := _unusable(command):
            report.differ("command body", where, f"a {command.kind}", lack)
        else:
            found.append(command)
    severed = SeveredMarks(found)
    for command, computed, broken in changed:
        if not severed.has(str(command.seq), computed):
            report.differ("command chain", _name(command), *broken)
    _check_approvals(found, report)
    return found


def in_order(commands: Iterable[CommandFacts]) -> list[CommandFacts]:
    """Commands as they took effect: a plan is made at its point, right after the last command that it saw."""

    def place(command: CommandFacts) -> tuple[int, bool, int]:
        if command.kind in PLANNED and command.point is not None:
            return command.point["commands"], True, command.seq
        return command.seq, False, command.seq

    return sorted(commands, key=place)


def point_of(command: CommandFacts) -> LogPoint | None:
    """Where the books stood at a command; None: it does not say."""
    said = command.point
    return None if said is None else LogPoint(said["generation"], tuple(said["credits"]), said["registry"])


def _check_approvals(commands: Iterable[CommandFacts], report: AuditReport) -> None:
    """What was posted is what somebody else had proposed."""
    proposals = {}
    for command in commands:
        if command.kind == PROPOSED:
            proposals[command.command_id] = command
        elif command.kind == POSTED:
            proposal = proposals.get(command.body.get("proposal", ""))
            where = _name(command)
            if proposal is None or proposal.body.get("legs") != command.body["legs"]:
                report.differ(
                    "approval",
                    where,
                    "a proposal with the same legs",
                    None if proposal is None else proposal.body.get("legs"),
                )
            elif proposal.by == command.by:
                report.differ("approval", where, f"another login than {proposal.by}", command.by)


def _unusable(command: CommandFacts) -> str | None:
    """What a command's body or point lacks; None: nothing."""
    try:
        point_of(command)
        moved_by(command)
        check_command(command)
        if command.kind in (RUN, PAYOUT_PROPOSED):
            parse_rfc3339(command.body["as_of"])
        elif command.kind in (FROZEN, RELEASED):
            line_of(command)
        elif command.kind == SEVERED:
            severing_of(command)
        elif command.kind == RERATED:
            command.body["scope"].partition("/")
            parse_rfc3339(command.at)
    except (AttributeError, KeyError, TypeError, ValueError) as problem:
        return repr(problem)
    return None


def _name(command: CommandFacts) -> str:
    return f"command {command.seq} {command.command_id}"
