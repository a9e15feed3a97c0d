"""Commands, once more: each takes effect at its point, by the code that carried it out, and as it was recorded."""

from collections.abc import Callable, Iterable
from typing import Any

from services.kernel.errors import InputRefused, InvariantBroken, StartRefused
from services.kernel.time import parse_rfc3339
from services.operations.rebuild.report import RebuildProgress, RebuildReport
from services.operations.rebuild.scratch import ScratchBooks
from services.settlement.books.command_rows import add_command
from services.settlement.books.command_transaction import command_transaction
from services.settlement.books.ports import LineChange
from services.settlement.commands.entries import ENTRY_KINDS
from services.settlement.commands.execute import CommandEffect, CommandScene, execute
from services.settlement.commands.lines import quarantine, release
from services.settlement.commands.rerating import rerate
from services.settlement.domain.book.commands import ChainedCommand, Command, CommandDraft, CommandKind
from services.settlement.runs.run import RunRequest, apply_run, plan_run

PLANNED = frozenset({CommandKind.SETTLEMENT_RUN, CommandKind.PAYOUT_PROPOSED})
"""Kinds that are worked out in a snapshot, and so see no command that was recorded while they were."""

_NO_EFFECT = frozenset({CommandKind.ADJUSTMENT_PROPOSED})


def in_order(commands: Iterable[ChainedCommand]) -> list[ChainedCommand]:
    """Commands as they took effect: a plan right after the last command that its snapshot saw."""

    def place(one: ChainedCommand) -> tuple[int, bool, int]:
        point: Any = one.command.point
        if one.command.kind in PLANNED and point is not None:
            return point["commands"], True, one.seq
        return one.seq, False, one.seq

    return sorted(commands, key=place)


class CommandReplay:
    """Carries commands out on the scratch books.

    Args:
        scratch: at the command's point, its clock at the command's time.
        zone_minutes: the settlement zone, minutes east of UTC.
        report: counts and differences go there.
        progress: told which runs are planned.
    """

    def __init__(
        self, scratch: ScratchBooks, zone_minutes: int, report: RebuildReport, progress: RebuildProgress
    ) -> None:
        self._scratch = scratch
        self._zone = zone_minutes
        self._report = report
        self._progress = progress
        self._effects: dict[str, Callable[[Command], None]] = {
            CommandKind.SETTLEMENT_RUN: self._run,
            CommandKind.LINE_QUARANTINED: self._quarantine,
            CommandKind.LINE_RELEASED: self._release,
            CommandKind.LINES_RERATED: self._rerate,
            **dict.fromkeys(ENTRY_KINDS, self._move),
        }

    def carry_out(self, recorded: ChainedCommand) -> None:
        """Let a command take effect; one that cannot is a difference, and is only recorded."""
        command = recorded.command
        self._report.replayed["commands"] += 1
        effect = self._effects.get(command.kind)
        if effect is None:
            if command.kind not in _NO_EFFECT:
                self._report.notes.append(f"command {recorded.seq} {command.id} is a {command.kind}: not repeated")
            self._only_record(recorded)
            return
        try:
            effect(command)
        except (InputRefused, StartRefused) as refused:
            self._report.differ("command", f"command {recorded.seq} {command.id}", "it took effect", refused)
            self._only_record(recorded)

    def _only_record(self, recorded: ChainedCommand) -> None:
        """A command without an effect of its own."""
        with command_transaction(self._scratch.book) as transaction:
            add_command(transaction.connection, recorded)

    def _run(self, command: Command) -> None:
        """Plan a run anew, compare its proof, and apply it."""
        as_of = str(command.body["as_of"])
        self._progress(f"planning run {command.id} again, as of {as_of}")
        request = RunRequest(_draft(command), parse_rfc3339(as_of))
        run = plan_run(self._scratch.runs, request, self._progress)
        self._compare_proof("run", command, run.plan_sha256)
        apply_run(self._scratch.runs, run, self._zone, self._progress, lambda attempt: attempt())
        self._report.replayed["runs"] += 1

    def _compare_proof(self, what: str, command: Command, plan_sha256: bytes) -> None:
        if (stored := command.result.get("plan_sha256")) != plan_sha256.hex():
            self._report.differ("plan", f"{what} {command.id}", stored, plan_sha256.hex())

    def _quarantine(self, command: Command) -> None:
        quarantine(self._scratch.book, str(command.body["line"]), command.reason, command.id)

    def _release(self, command: Command) -> None:
        release(self._scratch.book, str(command.body["line"]), command.reason, command.id)

    def _rerate(self, command: Command) -> None:
        rerate(self._scratch.book, str(command.body["scope"]), command.reason, command.id, is_trial=False)

    def _move(self, command: Command) -> None:
        """A command that names its own amount; whether it might be given was decided then."""

        def rule(scene: CommandScene) -> CommandEffect:
            return CommandEffect(command.result, [LineChange(scene.post_own())])

        execute(self._scratch.book, _draft(command), rule)


def _draft(command: Command) -> CommandDraft:
    """What asks for the command again.

    Raises:
        InvariantBroken: its kind is none of ours.
    """
    try:
        return CommandDraft(command.id, CommandKind(command.kind), command.reason, command.body)
    except ValueError:
        raise InvariantBroken(f"command {command.id} is a {command.kind}, which is no kind of command") from None
