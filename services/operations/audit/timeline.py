"""The commands topic: its chain, and the order in which its decisions took effect on the books."""

from collections.abc import Iterable
from typing import NamedTuple

from services.operations.audit.chains import BEGINNING, ChainPlace, CommandFacts, break_in, command_hash, read_command
from services.operations.audit.command_moves import KNOWN, POSTED, PROPOSED, RUN
from services.operations.audit.report import AuditReport


class LogPoint(NamedTuple):
    """How far logs were read: of each credits partition and of the registry the next offset."""

    generation: int
    credits: tuple[int, ...]
    registry: int


def read_commands(values: Iterable[bytes], report: AuditReport) -> list[CommandFacts]:
    """All commands by number, each proven to follow the one before."""
    found: list[CommandFacts] = []
    last = BEGINNING
    for raw in values:
        command = read_command(raw)
        if command.seq <= last.seq:
            continue
        report.checked["commands"] += 1
        where = f"command {command.seq} {command.command_id}"
        if broken := break_in(last, command.seq, command.prev_hash, command.hash, command_hash(command)):
            report.differ("command chain", where, *broken)
        if command.kind not in KNOWN:
            report.notes.append(f"{where} is a {command.kind}, which this audit cannot follow")
        last = ChainPlace(command.seq, command.hash)
        found.append(command)
    _check_approvals(found, report)
    return found


def in_order(commands: Iterable[CommandFacts]) -> list[CommandFacts]:
    """Commands as they took effect: a run is planned at its point, right after the last command that it saw."""

    def place(command: CommandFacts) -> tuple[int, bool, int]:
        is_run = command.kind == RUN and command.point is not None
        return command.point["commands"] if is_run and command.point else command.seq, is_run, command.seq

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
            proposal = proposals.get(command.body["proposal"])
            where = f"command {command.seq} {command.command_id}"
            if proposal is None or proposal.body["legs"] != command.body["legs"]:
                report.differ("approval", where, "a proposal with the same legs", proposal and proposal.body["legs"])
            elif proposal.by == command.by:
                report.differ("approval", where, f"another login than {proposal.by}", command.by)
