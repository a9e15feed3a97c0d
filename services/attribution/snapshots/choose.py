"""Of a store on disk and the snapshots of its partition the one to go on from: the furthest that may be used."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from services.attribution.snapshots.archive import Snapshots
from services.attribution.snapshots.manifest import Manifest, SnapshotName, hash_of_topics
from services.attribution.state.metadata import Meta, StoreTerms, may_carry_on
from services.kernel.errors import StartRefused

Reach = tuple[int, int]
"""How far a state is: Meta.reach()."""


class StoreRequirements(NamedTuple):
    """What a store must be, to be gone on from.

    Attributes:
        terms: of this process.
        starts: by topic, where the log starts.
    """

    terms: StoreTerms
    starts: Mapping[str, int]

    @property
    def topics(self) -> str:
        """The topics, as in a snapshot's name."""
        return hash_of_topics(self.terms.topic_ids)

    def check(self, meta: Meta) -> None:
        """Refuse a state that this process cannot carry on, or whose next records are gone.

        Raises:
            StartRefused: with the reason.
        """
        may_carry_on(meta.terms, self.terms)
        if hole := self.hole(meta):
            raise StartRefused(hole)

    def least_reach(self, here: Meta | None) -> Reach | None:
        """What a snapshot must surpass to be used instead of what is on disk; None: anything that may be used.

        A store on other terms is only given up for one that `rebase` has put into its place.
        """
        if here is None:
            return None
        try:
            may_carry_on(here.terms, self.terms)
        except StartRefused:
            return here.log + 1, -1
        return None if self.hole(here) else here.reach()

    def hole(self, meta: Meta) -> str | None:
        """The sentence for records that are gone; None if all are there."""
        for topic, start in self.starts.items():
            if (following := meta.next_offsets.get(topic, 0)) < start:
                return f"it must be read on from {topic} {following}, but the log starts at {start}"
        return None


def candidates(
    names: Mapping[SnapshotName, object], wanted: StoreRequirements, least: Reach | None
) -> Iterator[SnapshotName]:
    """The snapshots that come into question, the best first; those of other topics last, and only for their reason."""
    own = wanted.topics
    further = [name for name in names if least is None or name.reach > least]
    yield from (name for name in further if name.topics == own)
    if least is None:
        yield from (name for name in further if name.topics != own)


def fetch(snapshots: Snapshots, partition: int, manifest: Manifest, folder: Path) -> None:
    """Fetch a snapshot into a folder of its own; what a crash left there before goes.

    Raises:
        Unusable: a part of it is missing or damaged.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    snapshots.fetch(partition, manifest, folder)


def put_in_place(fetched: Path, folder: Path) -> None:
    """Make what was fetched the store; the store that was there must be closed."""
    if folder.exists():
        shutil.rmtree(folder)
    fetched.rename(folder)
