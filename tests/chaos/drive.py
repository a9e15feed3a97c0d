"""One run of chaos: a history in slices, a fault beside each, and in the end one truth."""

import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka.errors import KafkaError as PublishError
from kafka.errors import KafkaError

from services.runtime.local.stack import Stack
from services.runtime.publishing import Outgoing, publish
from services.runtime.topics import log_ends
from tests.chaos.faults import Deck, Scene
from tests.chaos.fleet import Ending, Fleet
from tests.chaos.history import slices
from tests.chaos.reader import digest, read_credits, refusals
from tests.chaos.truth import expected
from tests.kit.attribution_group import INPUTS, holders, lag, lags
from tests.kit.waiting import until

CALM_EVERY = 10
"""Faults after which all must come to rest and catch up: chaos that is never survived proves nothing."""
_CATCH_UP_SECONDS = 240.0
_PUBLISH_SECONDS = 240.0

Say = Callable[[str], None]


@dataclass
class Outcome:
    """What a run led to."""

    seed: int
    faults: Counter[str] = field(default_factory=Counter)
    events: int = 0
    credits: int = 0
    lines: int = 0
    refused: int = 0
    zombies: int = 0
    endings: list[Ending] = field(default_factory=list)
    longest_catch_up_seconds: float = 0.0
    digest: str = ""
    digest_of_the_function: str = ""
    problems: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """For a program."""
        return vars(self) | {"faults": dict(self.faults), "endings": [ending._asdict() for ending in self.endings]}


class Chaos:
    """A stack's servers, a fleet of workers, and what is done to them.

    Args:
        stack: servers of this run's own, with settings() leading to them.
        folder: for the workers' disks and logs; they are kept.
    """

    def __init__(self, stack: Stack, folder: Path, seed: int, say: Say) -> None:
        self.outcome = Outcome(seed)
        self._say, self._seed, self._chance = say, seed, random.Random(seed)
        environment = {"KOC_SNAPSHOT_URL": (folder / "snapshots").as_uri(), "KOC_SNAPSHOT_SECONDS": "15"}
        self.fleet = Fleet(folder, environment)
        self._scene = Scene(self.fleet, stack, self._chance, [], self._publish)

    def run(self, faults: int, orders: int) -> Outcome:
        """Inject so many faults into a history of so many orders; never raises for what the workers did."""
        with ExitStack() as ends:
            ends.callback(self.fleet.end)
            for _ in range(2):
                self.fleet.add()
            deck = Deck(self._chance)
            for number, part in enumerate(slices(self._seed, orders, faults), start=1):
                self._publish(part)
                self._scene.published.append(part)
                self._inject(deck, number, faults)
                if number % CALM_EVERY == 0 or number == faults:
                    self._catch_up()
            self._stop_all()
        self._judge()
        return self.outcome

    def _inject(self, deck: Deck, number: int, faults: int) -> None:
        fault = deck.draw(len(self.fleet.up()))
        done = fault.do(self._scene)
        self.outcome.faults[fault.kind] += 1
        self.fleet.live(self._chance.uniform(0.5, 4.5))
        self._say(f"{number:4}/{faults} {done}; {len(self.fleet.up())} run, {_behind()} records behind")

    def _publish(self, records: list[Outgoing]) -> None:
        """Until the broker has them all; what it had before a failure it then has twice."""
        deadline = time.monotonic() + _PUBLISH_SECONDS
        while True:
            try:
                publish(records)
            except (PublishError, ConnectionError):
                assert time.monotonic() < deadline, "the broker does not come back"
                self.fleet.live(0.5)
            else:
                self.outcome.events += len(records)
                return

    def _catch_up(self) -> None:
        """Wait until nobody is frozen or on the way out and everything published is durable."""
        self.fleet.calm()
        if not self.fleet.up():
            self.fleet.add()
        began = time.monotonic()

        def caught_up() -> bool:
            self.fleet.tick()
            return _settled()

        try:
            until(caught_up, "all inputs durable", _CATCH_UP_SECONDS)
        except AssertionError:
            problem = f"stood still; {_standstill()}; {self.fleet.states()}"
            self._say(problem)
            self.outcome.problems.append(problem)
            self.fleet.restart()
            until(caught_up, "all inputs durable after a restart of all", _CATCH_UP_SECONDS)
        seconds = time.monotonic() - began
        self.outcome.longest_catch_up_seconds = max(self.outcome.longest_catch_up_seconds, round(seconds, 1))
        self._say(f"          caught up in {seconds:.1f} s")

    def _stop_all(self) -> None:
        """Let everyone leave; what a last one sent elsewhere is read by another."""
        while True:
            for member in self.fleet.up():
                self.fleet.leave(member)
            self.fleet.calm()
            if _settled():
                break
            self.fleet.add()
            self._catch_up()
        self.outcome.zombies, self.outcome.endings = self.fleet.zombies, self.fleet.endings

    def _judge(self) -> None:
        """Hold what lies in the topics against the function of the logs."""
        wanted, reader, buried = expected(), read_credits(), refusals()
        outcome = self.outcome
        outcome.credits, outcome.lines, outcome.refused = reader.assertions, len(wanted.lines), len(wanted.refused)
        outcome.digest, outcome.digest_of_the_function = digest(reader.accepted), digest(wanted.lines)
        outcome.problems += _differences("line", wanted.lines, reader.accepted)
        outcome.problems += _differences("refusal", {at: {why} for at, why in wanted.refused.items()}, buried)
        outcome.problems += [f"equal vectors, other content: {line}" for line in reader.contradictions[:5]]
        outcome.problems += [f"below its join: {line}" for line in reader.below_join()[:5]]
        outcome.problems += [
            f"{one.worker} ended with {one.status} after it was {one.after}: {one.last_words}"
            for one in outcome.endings
            if not one.is_expected
        ]


def _differences(what: str, wanted: dict[Any, Any], found: dict[Any, Any]) -> list[str]:
    """A sentence for each of the first few that are missing, too many or other."""
    wrong = [at for at in wanted.keys() | found.keys() if wanted.get(at) != found.get(at)]
    shown = [f"{what} {at}: {_other(wanted.get(at), found.get(at))}" for at in sorted(wrong)[:3]]
    return shown + ([f"{len(wrong)} {what}s differ"] if wrong else [])


def _other(wanted: Any, found: Any) -> str:
    """What differs; of messages only the fields that do."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        fields = [name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name)]
        return "; ".join(f"{name}: wanted {wanted.get(name)}, found {found.get(name)}" for name in sorted(fields))
    return f"wanted {wanted}, found {found}"


def _behind() -> str:
    """Records that are not yet durable; a question mark while the broker is away."""
    try:
        return f"{lag():,}"
    except (KafkaError, OSError):
        return "?"


def _standstill() -> str:
    """Which partitions are behind, and who holds what."""
    behind = {(topic.split(".")[1], number): left for (topic, number), left in lags().items() if left}
    return f"behind: {behind}; held: {holders()}"


def _settled() -> bool:
    """Nothing is behind, and nothing came meanwhile that a reader of one partition sent to another.

    A broker that is still away says neither, so that it is asked again.
    """
    try:
        ends = log_ends(INPUTS)
        return lag() == 0 and log_ends(INPUTS) == ends
    except (KafkaError, OSError):
        return False


def folder_of(seed: int) -> Path:
    """A new folder for a run's disks and logs."""
    return Path(tempfile.mkdtemp(prefix=f"koc-chaos-{seed}-"))
