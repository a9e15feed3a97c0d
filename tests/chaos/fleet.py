"""Workers under a supervisor that counts: who runs, is frozen or was killed, and who ended without being asked."""

import math
import os
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from services.cli.main import UNAVAILABLE
from services.kernel.errors import StartRefused
from tests.kit.attribution_process import Worker

_STOP_SECONDS = 90.0
_RESTART_SECONDS = 1.0
_LAST_WORDS = 400
_NOTICE_SECONDS = 30.0
"""How long after it woke up a zombie's end is put down to that."""
_DEAF_SECONDS = 10.0
"""How long a process that starts may still die of SIGTERM, because it does not listen to it yet."""
_OUTAGE_SECONDS = 60.0
"""How long a broker that was killed or stalled may be missed: on a busy machine it starts for half a minute."""
_BOTH_SECONDS = 6.0
"""How long a worker may live on beside the one that took its name; it should have ended itself long before."""


class Ending(NamedTuple):
    """A worker that ended by itself, or not as it was asked to."""

    worker: str
    status: int
    after: str
    last_words: str

    @property
    def is_expected(self) -> bool:
        """Of two of one name one must end, a zombie if its place was taken; who finds the broker gone at its start may.
        Who is asked to stop while the broker is away cannot do so in order, and says that by its status. Nothing else
        may."""
        if self.status == UNAVAILABLE or (self.after == "cut off" and self.status == os.EX_TEMPFAIL):
            return True
        return self.after in {"frozen", "replaced"} and self.status == StartRefused.exit_code


@dataclass
class Member:
    """A worker process with its folder, which may outlive it.

    Attributes:
        after: what was last done to it, which explains how it may end.
        asked_at: since when it is asked to stop, by the monotonic clock.
        woke_at: when it last went on after it was frozen.
    """

    worker: Worker
    state: str = "down"
    after: str = "started"
    asked_at: float = 0.0
    woke_at: float = 0.0
    started_at: float = 0.0

    @property
    def name(self) -> str:
        """Its static instance id."""
        return self.worker.name

    def signal(self, which: signal.Signals) -> None:
        """Send it a signal."""
        self.worker.send_signal(which)


@dataclass
class Fleet:
    """All members, what is to be done later, and what was found.

    Args:
        folder: a folder a member is made below it.
        environment: further variables of every worker.
    """

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    members: list[Member] = field(default_factory=list)
    endings: list[Ending] = field(default_factory=list)
    zombies: int = 0
    _broker_away_at: float = -math.inf
    _later: list[tuple[float, Callable[[], None]]] = field(default_factory=list)

    def up(self) -> list[Member]:
        """Who runs and is not about to end."""
        return [member for member in self.members if member.state == "up"]

    def down(self) -> list[Member]:
        """Who has left and could come back with the state of then."""
        return [member for member in self.members if member.state == "left"]

    def add(self, name: str = "") -> Member:
        """A new worker on an empty disk, under a new name unless it takes over another's."""
        number = len(self.members) + 1
        name = name or f"chaos-{number}"
        member = Member(Worker(self.folder / f"{number}-{name}", name, self.environment))
        self.members.append(member)
        self.start(member)
        return member

    def start(self, member: Member) -> None:
        """Start a member's process on its own disk."""
        member.worker.start()
        member.state, member.after, member.started_at = "up", "started", time.monotonic()

    def kill(self, member: Member, *, disk_lost: bool = False) -> None:
        """SIGKILL, and perhaps its disk with it."""
        member.worker.kill()
        member.state = "killed"
        if disk_lost:
            shutil.rmtree(member.worker.folder / "state", ignore_errors=True)

    def leave(self, member: Member) -> None:
        """Ask it to end; `live` sees whether it does."""
        member.state, member.asked_at = "leaving", time.monotonic()
        member.signal(signal.SIGTERM)

    def freeze(self, member: Member, seconds: float, after: str = "frozen") -> None:
        """Stop its clock; it goes on later and knows nothing of it."""
        member.signal(signal.SIGSTOP)
        member.state, member.after = "frozen", after
        self.later(seconds, lambda: self._thaw(member))

    def _thaw(self, member: Member) -> None:
        """It goes on; one whose place was taken is told to end after a while, as an orchestrator that finds it does."""
        member.signal(signal.SIGCONT)
        member.state, member.woke_at = "up", time.monotonic()
        self.zombies += 1
        if member.after == "replaced":
            member.state = "replaced"
            self.later(_BOTH_SECONDS, lambda: self._dismiss(member))

    def _dismiss(self, member: Member) -> None:
        if member.state == "replaced":
            self.leave(member)

    def note_broker_away(self) -> None:
        """Remember that the broker is away from now on, for a while."""
        self._broker_away_at = time.monotonic()

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something in so many seconds, while the fleet lives on."""
        self._later.append((time.monotonic() + seconds, action))

    def live(self, seconds: float) -> None:
        """Let time pass: what is due is done, and who ended is noticed."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.tick()
            time.sleep(0.05)

    def calm(self, seconds: float = 240.0) -> None:
        """Let time pass until nothing is due any more and nobody is on the way out."""
        until = time.monotonic() + seconds
        while self._later or any(member.state in {"leaving", "replaced"} for member in self.members):
            assert time.monotonic() < until, f"still due after {seconds} s: {self.states()}"
            self.tick()
            time.sleep(0.05)

    def tick(self) -> None:
        """One round of the supervisor."""
        now = time.monotonic()
        due = [action for at, action in self._later if at <= now]
        self._later = [entry for entry in self._later if entry[0] > now]
        for action in due:
            action()
        for member in self.members:
            if member.state in {"up", "leaving", "replaced"}:
                self._watch(member)

    def _watch(self, member: Member) -> None:
        """Notice an end, asked for or not; who was not asked is started again, as a supervisor would."""
        status = member.worker.process.poll()
        if status is None:
            if member.state == "leaving" and time.monotonic() - member.asked_at > _STOP_SECONDS:
                self._found(member, -signal.SIGTERM, f"not ended {_STOP_SECONDS:.0f} s after SIGTERM")
                self.kill(member)
            return
        before, member.state = member.state, "ended" if member.after == "replaced" else "left"
        deaf = member.asked_at - member.started_at < _DEAF_SECONDS
        if before == "leaving" and (status == 0 or (deaf and status == -signal.SIGTERM)):
            return
        self._found(member, status, self._cause(member, status, before))
        if before == "up":
            member.state = "waiting"
            self.later(_RESTART_SECONDS, lambda: self.start(member))

    def _cause(self, member: Member, status: int, before: str) -> str:
        """What an end is put down to."""
        if status == StartRefused.exit_code and self._has_twin(member):
            return "replaced"
        is_cut_off = member.asked_at - self._broker_away_at < _OUTAGE_SECONDS
        if status == os.EX_TEMPFAIL and before == "leaving" and is_cut_off:
            return "cut off"
        return member.after if time.monotonic() - member.woke_at < _NOTICE_SECONDS else before

    def _has_twin(self, member: Member) -> bool:
        """Whether another process has its name: one that froze before it joined takes the place when it wakes up."""
        others = (other for other in self.members if other is not member and other.name == member.name)
        return any(other.worker.is_running for other in others)

    def _found(self, member: Member, status: int, after: str) -> None:
        words = member.worker.log().strip().rpartition("\n")[2][-_LAST_WORDS:]
        self.endings.append(Ending(member.name, status, after, words))

    def states(self) -> str:
        """Everyone's name and state, for a person."""
        return ", ".join(f"{member.name} {member.state}" for member in self.members)

    def restart(self) -> None:
        """What a person does when nothing moves any more: everybody at once."""
        for member in self.up():
            self.kill(member)
            self.start(member)

    def end(self) -> None:
        """All at once, whatever they do."""
        self._later.clear()
        for member in self.members:
            member.worker.kill()
