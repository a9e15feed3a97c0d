"""Disputes and holds that are about a line: of its order, of itself, of a content that it credits, of a party of it."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from services.kernel.sentences import Sentence, with_commas
from services.settlement.books.ports import ReferenceEvent
from services.settlement.domain.lines.line import Key
from services.settlement.domain.settling.candidates import OpenCases, cases_of
from services.settlement.domain.settling.facts import (
    DENIED,
    DISPUTE_DECIDED,
    Dispute,
    Hold,
    dispute_of,
    open_disputes,
    open_holds,
)


class Cases:
    """What is open, and which disputes are lost.

    Args:
        events: of disputes and holds, by position.
        key: of the line.
        contents: that it credits.
        owners: its parties, `ROLE:ID`.
    """

    def __init__(
        self, events: Sequence[ReferenceEvent], key: Key, contents: Collection[str], owners: Collection[str]
    ) -> None:
        self._key = key
        holds = open_holds(events)
        self.disputes = [one for one in open_disputes(events) if self._is_of_line(one.order_id, one.line_id)]
        self.holds = [one for one in holds if self._is_of_line(one.order_id, one.line_id) or one.content_id in contents]
        self.owner_holds = [one for one in holds if one.owner in owners]
        self.lost = [one for one in _denied(events) if self._is_of_line(one.order_id, one.line_id)]

    def _is_of_line(self, order_id: str | None, line_id: str | None) -> bool:
        return order_id == self._key[0] and line_id in (None, self._key[1])

    def blocking(self) -> OpenCases:
        """What a run asks: open disputes and holds, but for those of owners."""
        return cases_of(self.disputes, self.holds)

    def names(self) -> str:
        """The open cases, as in `dispute d_1, hold h_2 of content v_3`."""
        return with_commas([*map(_dispute, self.disputes), *map(_hold, self.holds)])

    def sentences(self) -> list[str]:
        """A sentence for each."""
        return [
            *map(_open_dispute, self.disputes),
            *map(_open_hold, self.holds),
            *(
                Sentence("hold {id} of {owner}: what is settled for it is kept back", id=one.hold_id, owner=one.owner)
                for one in self.owner_holds
            ),
            *(Sentence("{dispute} is lost: nothing is owed", dispute=_dispute(one)) for one in self.lost),
        ]


def _denied(events: Iterable[ReferenceEvent]) -> Iterator[Dispute]:
    """Disputes whose newest decision is a denial."""
    decided = {str(one.body["dispute_id"]): dispute_of(one.body) for one in events if one.kind == DISPUTE_DECIDED}
    return (dispute for dispute in decided.values() if dispute.outcome == DENIED)


def _open_dispute(dispute: Dispute) -> str:
    """What it stops."""
    return Sentence(
        "{dispute} is open: no run settles the line, and what is settled of it is kept back, until it is decided",
        dispute=_dispute(dispute),
    )


def _open_hold(hold: Hold) -> str:
    """What it stops."""
    return Sentence(
        "{hold}: no run settles the line, and what is settled of it is kept back, until it is released",
        hold=_hold(hold),
    )


def _dispute(dispute: Dispute) -> str:
    return Sentence("dispute {id}", id=dispute.dispute_id)


def _hold(hold: Hold) -> str:
    """A hold and what it is of."""
    if hold.content_id is not None:
        return Sentence("hold {id} of content {content}", id=hold.hold_id, content=hold.content_id)
    if hold.line_id is not None:
        return Sentence("hold {id} of the line", id=hold.hold_id)
    return Sentence("hold {id} of the order", id=hold.hold_id)
