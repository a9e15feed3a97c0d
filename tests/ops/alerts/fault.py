"""A fault: what it does to a real stack, which alerts it must raise, and how a person undoes it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from tests.ops.alerts.site import Site

Story = Callable[[Site], Iterator[None]]
"""Hurts what it is about, yields while the alerts must fire, then repairs as docs/runbook.md says."""


@dataclass(frozen=True)
class Fault:
    """A row of the proof.

    Attributes:
        alerts: they fire because of it, and clear after its repair.
        what: the fault in words, for the table.
        story: see Story.
        labels: every one of its alerts carries these.
        fires_within: seconds.
        clears_within: seconds.
        lasts: those of its alerts that may fire on when the next round begins.
        is_base: later faults of its round rest on it: it is repaired after them.
    """

    alerts: tuple[str, ...]
    what: str
    story: Story
    labels: Mapping[str, str] = field(default_factory=dict)
    fires_within: float = 100.0
    clears_within: float = 60.0
    lasts: tuple[str, ...] = ()
    is_base: bool = False

    @property
    def name(self) -> str:
        """What it is called in reports."""
        return self.story.__name__


Round = list[Fault]
"""Faults that do not disturb each other: all are injected, all must fire, all are repaired, all must clear."""


def fault(into: Round, *alerts: str, what: str, **more: object) -> Callable[[Story], Story]:
    """Add a story to a round; `more` are further attributes of the fault."""

    def add(story: Story) -> Story:
        into.append(Fault(alerts, what, story, **more))  # type: ignore[arg-type]  # Fault checks their names
        return story

    return add
