"""A change of what is owed as entries: what it moves above S, what it claims back and what it restores."""

from typing import NamedTuple

from services.settlement.domain.book.drafts import EntryDraft
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.settling.place import SettledChange

CLAWED_BACK, RESTORED = "c", "r"
"""What the step of such a row ends with."""


class ReversalKinds(NamedTuple):
    """The kinds of the rows of settled money."""

    clawed_back: Kind
    restored: Kind


OF_COMMISSION = ReversalKinds(Kind.COMMISSION_CLAWED_BACK, Kind.COMMISSION_RESTORED)
OF_SCRIPT_FEE = ReversalKinds(Kind.SCRIPT_FEE_CLAWED_BACK, Kind.SCRIPT_FEE_RESTORED)


def change_rows(draft: EntryDraft, moved: SettledChange, kinds: ReversalKinds) -> list[EntryDraft]:
    """At most three rows, each balanced; `draft` names, explains and dates them, its kind is that of pending money."""
    parts = (
        (kinds.clawed_back, _step(draft.step, CLAWED_BACK), moved.clawed_back),
        (kinds.restored, _step(draft.step, RESTORED), moved.restored),
        (draft.kind, draft.step, moved.pending),
    )
    return [draft._replace(kind=kind, step=step, legs=legs) for kind, step, legs in parts if legs]


def _step(step: str, suffix: str) -> str:
    return f"{step}|{suffix}" if step else suffix
