"""The faults: what may be done to workers, broker and log, each as one step that leaves its consequences to time."""

import os
import random
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from services.runtime.local.stack import Stack
from services.runtime.publishing import Outgoing
from tests.chaos.fleet import Fleet, Member

MOST_WORKERS = 3
SESSION_SECONDS = 10.0
"""A worker that is silent for so long is out of its group."""


@dataclass
class Scene:
    """What a fault can reach."""

    fleet: Fleet
    stack: Stack
    chance: random.Random
    published: list[list[Outgoing]]
    publish: Callable[[list[Outgoing]], None]

    def victim(self) -> Member:
        """One of the running workers."""
        return self.chance.choice(self.fleet.up())

    def beyond_session(self) -> float:
        """Seconds after which a silent worker was given up by its group."""
        return SESSION_SECONDS + self.chance.uniform(1.0, 5.0)


def _join(scene: Scene) -> str:
    left = scene.fleet.down()
    if left and scene.chance.random() < 0.5:
        member = scene.chance.choice(left)
        scene.fleet.start(member)
        return f"{member.name} comes back with its old state"
    return f"{scene.fleet.add().name} joins with an empty disk"


def _leave(scene: Scene) -> str:
    member = scene.victim()
    scene.fleet.leave(member)
    return f"{member.name} leaves"


def _two_leave(scene: Scene) -> str:
    """Both are away at once; each comes back when it has ended and some time is over."""
    names = []
    for member in scene.chance.sample(scene.fleet.up(), 2):
        scene.fleet.leave(member)
        names.append(member.name)
        _start_again(scene, member, scene.chance.uniform(0.5, 4.0))
    return f"{' and '.join(names)} stop at once and come back"


def _start_again(scene: Scene, member: Member, seconds: float) -> None:
    """Start it after so many seconds, and not before it has ended."""

    def start() -> None:
        if member.state == "leaving":
            scene.fleet.later(0.2, start)
        elif member.state in {"left", "killed"}:
            scene.fleet.start(member)

    scene.fleet.later(seconds, start)


def _kill_back(scene: Scene) -> str:
    member = scene.victim()
    scene.fleet.kill(member)
    scene.fleet.start(member)
    return f"{member.name} is killed and comes back at once"


def _kill_later(scene: Scene) -> str:
    member, seconds = scene.victim(), scene.chance.uniform(2.0, 14.0)
    scene.fleet.kill(member)
    _start_again(scene, member, seconds)
    return f"{member.name} is killed and comes back in {seconds:.1f} s"


def _kill_replaced(scene: Scene) -> str:
    member = scene.victim()
    scene.fleet.kill(member)
    return f"{member.name} is killed for good, {scene.fleet.add().name} takes its place"


def _disk_lost(scene: Scene) -> str:
    member = scene.victim()
    scene.fleet.kill(member, disk_lost=True)
    scene.fleet.start(member)
    return f"{member.name} is killed, loses its disk and comes back"


def _freeze(scene: Scene) -> str:
    member, seconds = scene.victim(), scene.beyond_session()
    scene.fleet.freeze(member, seconds)
    return f"{member.name} freezes for {seconds:.1f} s, then goes on as a zombie"


def _twin(scene: Scene) -> str:
    member, seconds = scene.victim(), scene.beyond_session()
    scene.fleet.freeze(member, seconds, after="replaced")
    scene.fleet.add(member.name)
    return f"{member.name} freezes, another takes its name at once; it wakes up after {seconds:.1f} s"


def _broker_killed(scene: Scene) -> str:
    os.kill(scene.stack.pid("kafka"), signal.SIGKILL)
    scene.fleet.note_broker_away()
    return "the broker is killed"


def _broker_stalls(scene: Scene) -> str:
    pid, seconds = scene.stack.pid("kafka"), scene.chance.uniform(1.0, 6.0)
    os.kill(pid, signal.SIGSTOP)
    scene.fleet.note_broker_away()
    scene.fleet.live(seconds)
    os.kill(pid, signal.SIGCONT)
    return f"the broker stalled for {seconds:.1f} s"


def _slice_again(scene: Scene) -> str:
    number = scene.chance.randrange(len(scene.published))
    scene.publish(scene.published[number])
    return f"slice {number + 1} is published again, {len(scene.published[number])} records"


class Fault(NamedTuple):
    """A kind of fault: how many workers must run before it, at least and at most, and how it is done.

    Those that come back by themselves can be more than MOST_WORKERS; then nobody joins.
    """

    kind: str
    do: Callable[[Scene], str]
    least: int = 1
    most: int = sys.maxsize


FAULTS = (
    Fault("join", _join, most=MOST_WORKERS - 1),
    Fault("leave", _leave, least=2),
    Fault("two_leave", _two_leave, least=2),
    Fault("kill_back", _kill_back),
    Fault("kill_later", _kill_later, least=2),
    Fault("kill_replaced", _kill_replaced),
    Fault("disk_lost", _disk_lost),
    Fault("freeze", _freeze, least=2),
    Fault("twin", _twin),
    Fault("broker_killed", _broker_killed, least=0),
    Fault("broker_stalls", _broker_stalls, least=0),
    Fault("slice_again", _slice_again, least=0),
)


class Deck:
    """Draws kinds as from a shuffled deck, so that each comes in its turn; what cannot be done now stays in it."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._cards: list[Fault] = []

    def draw(self, running: int) -> Fault:
        """The next kind that so many running workers allow."""
        for _ in range(2):
            for card in self._cards:
                if card.least <= running <= card.most:
                    self._cards.remove(card)
                    return card
            self._cards += self._chance.sample(FAULTS, len(FAULTS))
        raise AssertionError(f"no fault is possible with {running} workers")
