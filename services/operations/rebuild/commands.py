"""Commands, once more: each takes effect at its point, by the code that carried it out, and as it was recorded."""

from collections.abc import Iterable
from typing import Any

from schemas.partitioning import partition_of
from schemas.topics import CREDITS
from services.kernel.errors import InputRefused, StartRefused
from services.kernel.identifiers import line_key
from services.kernel.time import parse_rfc3339
from services.operations.rebuild.payout_commands import payout_effects
from services.operations.rebuild.period_commands import period_effects
from services.operations.rebuild.scene import EffectByKind, RebuildScene, said_seldom
from services.settlement.books.command_rows import add_command
from services.settlement.books.command_transaction import command_transaction
from services.settlement.books.ports import LineChange
from services.settlement.books.posting_transaction import BookConnections
from services.settlement.commands.entries import ENTRY_KINDS
from services.settlement.commands.execute import CommandEffect, CommandScene, execute
from services.settlement.commands.lines import quarantine, release
from services.settlement.commands.rerating import rerate
from services.settlement.commands.severing import sever_again
from services.settlement.domain.book.commands import ChainedCommand, Command, CommandKind
from services.settlement.domain.lines.surrogates import is_surrogate
from services.settlement.runs.run import RunRequest, apply_run, plan_run

PLANNED = frozenset({CommandKind.SETTLEMENT_RUN, CommandKind.PAYOUT_PROPOSED})
"""Kinds that are worked out in a snapshot, and so see no command that was recorded while they were."""

NO_EFFECT = frozenset(
    {CommandKind.ADJUSTMENT_PROPOSED, CommandKind.PERIOD_REOPEN_PROPOSED, CommandKind.PAYOUT_EXPORTED}
)
"""Kinds that move no money and decide nothing in the books."""


def in_order(commands: Iterable[ChainedCommand]) -> list[ChainedCommand]:
    """Commands as they took effect: a plan right after the last command that its snapshot saw."""

    def place(one: ChainedCommand) -> tuple[int, bool, int]:
        point: Any = one.command.point
        if one.command.kind in PLANNED and point is not None:
            return point["commands"], True, one.seq
        return one.seq, False, one.seq

    return sorted(commands, key=place)


class CommandReplay:
    """Carries recorded commands out on the scratch books."""

    def __init__(self, scene: RebuildScene) -> None:
        self._scene = scene
        self._effects = effects_of(scene)

    def carry_out(self, recorded: ChainedCommand) -> None:
        """Let a command take effect; one that cannot is a difference, and is only recorded."""
        command, report = recorded.command, self._scene.report
        report.replayed["commands"] += 1
        effect = self._effects.get(CommandKind(command.kind)) if command.kind in set(CommandKind) else None
        if effect is None:
            if command.kind not in NO_EFFECT:
                report.notes.append(f"command {recorded.seq} {command.id} is a {command.kind}: not repeated")
            self._only_record(recorded)
            return
        try:
            effect(command)
        except (InputRefused, StartRefused) as refused:
            report.differ("command", f"command {recorded.seq} {command.id}", "it took effect", refused)
            self._only_record(recorded)

    def _only_record(self, recorded: ChainedCommand) -> None:
        """A command without an effect of its own."""
        with command_transaction(self._scene.scratch.book) as transaction:
            add_command(transaction.connection, recorded)


def effects_of(scene: RebuildScene) -> EffectByKind:
    """How commands take effect, but for those in NO_EFFECT."""
    return {**_own_effects(scene), **payout_effects(scene), **period_effects(scene)}


def _own_effects(scene: RebuildScene) -> EffectByKind:
    """How runs, commands about lines, and commands that name their own amount take effect."""
    book = scene.scratch.book

    def run(command: Command) -> None:
        as_of = str(command.body["as_of"])
        scene.progress(f"planning run {command.id} again, as of {as_of}")
        request = RunRequest(scene.draft(command), parse_rfc3339(as_of))
        planned = plan_run(scene.scratch.store, request, scene.progress)
        scene.compare_proof("run", command, planned.plan_sha256)
        seldom = said_seldom(scene.progress)
        apply_run(scene.scratch.store, planned, scene.zone_minutes, seldom, lambda attempt: attempt())
        scene.report.replayed["runs"] += 1

    def freeze(command: Command) -> None:
        quarantine(book, _name_now(book, str(command.body["line"])), command.reason, command.id)

    def let_go(command: Command) -> None:
        release(book, _name_now(book, str(command.body["line"])), command.reason, command.id)

    def rerate_again(command: Command) -> None:
        rerate(book, _name_now(book, str(command.body["scope"])), command.reason, command.id, is_trial=False)

    def sever(command: Command) -> None:
        sever_again(book, scene.draft(command), command)

    def move(command: Command) -> None:
        """Whether its amount might be moved was decided then."""

        def rule(scene: CommandScene) -> CommandEffect:
            return CommandEffect(command.result, [LineChange(scene.post_own())])

        execute(book, scene.draft(command), rule)

    return {
        CommandKind.SETTLEMENT_RUN: run,
        CommandKind.LINE_QUARANTINED: freeze,
        CommandKind.LINE_RELEASED: let_go,
        CommandKind.LINES_RERATED: rerate_again,
        CommandKind.BUYER_SEVERED: sever,
        **dict.fromkeys(ENTRY_KINDS, move),
    }


def _name_now(book: BookConnections, name: str) -> str:
    """What a line is called here that a command names, perhaps by a surrogate that the line gets only later.

    A surrogate is of its buyer's partition, so the line of that partition is meant.
    """
    order_id, _, rest = name.partition("/")
    line_id, _, buyer_id = rest.partition("/")
    if is_surrogate(buyer_id):
        partition = partition_of(buyer_id.encode(), CREDITS.partitions)
        with command_transaction(book) as transaction:
            for line in transaction.read_lines([(order_id, line_id)]):
                if line.partition == partition:
                    return line_key(*line.key)
    return name
