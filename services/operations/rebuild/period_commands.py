"""Commands about months, once more: a close decides in which month later rows are. Its seal covers other rows."""

from typing import Any

from sqlalchemy.dialects.postgresql import insert

from services.operations.rebuild.scene import EffectByKind, RebuildScene
from services.settlement.books.tables import period
from services.settlement.commands.execute import CommandEffect, CommandScene, execute
from services.settlement.domain.book.commands import Command, CommandKind


def period_effects(scene: RebuildScene) -> EffectByKind:
    """How commands about months take effect: a month is closed, or open again."""

    def mark(command: Command, *, closed: bool) -> None:
        new: Any = insert(period).values(id=command.body["period"], closed=closed)

        def rule(scene: CommandScene) -> CommandEffect:
            marked = new.on_conflict_do_update(index_elements=["id"], set_={"closed": closed})
            scene.transaction.connection.execute(marked)
            return CommandEffect(command.result)

        execute(scene.scratch.book, scene.draft(command), rule)

    return {
        CommandKind.PERIOD_CLOSED: lambda command: mark(command, closed=True),
        CommandKind.PERIOD_REOPENED: lambda command: mark(command, closed=False),
    }
