"""Every kind of command is known to whoever makes the books again: a new kind must not be forgotten there."""

from types import SimpleNamespace
from typing import Any

from services.operations.audit.command_moves import KNOWN
from services.operations.rebuild.commands import NO_EFFECT, PLANNED, effects_of
from services.operations.rebuild.report import RebuildReport
from services.operations.rebuild.scene import RebuildScene
from services.settlement.domain.book.commands import CommandKind


def test_a_rebuild_carries_each_kind_of_command_out_or_knows_that_it_has_no_effect() -> None:
    scratch: Any = SimpleNamespace(book=None)
    carried_out = effects_of(RebuildScene(scratch, 480, RebuildReport("none"), lambda _line: None)).keys()
    assert carried_out | NO_EFFECT == set(CommandKind)
    assert not carried_out & NO_EFFECT
    assert carried_out >= PLANNED


def test_the_audit_knows_each_kind_of_command() -> None:
    assert set(CommandKind) == KNOWN
