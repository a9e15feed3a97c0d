"""What replays of commands share: the scratch books, where differences go, and how a command is asked for again."""

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from services.kernel.errors import InvariantBroken
from services.operations.rebuild.report import RebuildProgress, RebuildReport
from services.operations.rebuild.scratch import ScratchBooks
from services.settlement.domain.book.commands import Command, CommandDraft, CommandKind

SILENCE_SECONDS = 5.0

EffectByKind = Mapping[CommandKind, Callable[[Command], None]]
"""By kind, how a recorded command takes effect again."""


class RebuildScene(NamedTuple):
    """Where commands take effect again.

    Args:
        scratch: at the command's point, its clock at the command's time.
        zone_minutes: the settlement zone, minutes east of UTC.
        report: counts and differences go there.
        progress: told what is planned.
    """

    scratch: ScratchBooks
    zone_minutes: int
    report: RebuildReport
    progress: RebuildProgress

    def draft(self, command: Command) -> CommandDraft:
        """What asks for the command again.

        Raises:
            InvariantBroken: its kind is none of ours.
        """
        try:
            return CommandDraft(command.id, CommandKind(command.kind), command.reason, command.body)
        except ValueError:
            raise InvariantBroken(f"command {command.id} is a {command.kind}, which is no kind of command") from None

    def compare_proof(self, what: str, command: Command, plan_sha256: bytes) -> None:
        """Note a plan that is another one than was recorded."""
        if (stored := command.result.get("plan_sha256")) != plan_sha256.hex():
            self.report.differ("plan", f"{what} {command.id}", stored, plan_sha256.hex())


def said_seldom(progress: RebuildProgress) -> RebuildProgress:
    """The same, but for lines that come sooner than SILENCE_SECONDS after the last one."""
    last = time.monotonic()

    def say(line: str) -> None:
        nonlocal last
        if time.monotonic() - last >= SILENCE_SECONDS:
            last = time.monotonic()
            progress(line)

    return say
