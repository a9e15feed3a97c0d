"""Choose where to resume: the local store or a snapshot, whichever is usable and furthest ahead."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from services.attribution.snapshots.archive import Snapshots
from services.attribution.snapshots.manifest import Manifest, SnapshotName, hash_of_topics
from services.attribution.state.metadata import Meta, StoreTerms, may_carry_on
from services.kernel.errors import StartRefused

Reach = tuple[int, int]
"""How far a state has come: Meta.reach()."""


class StoreRequirements(NamedTuple):
    """The requirements that a state must meet, so that this process can resume from it.

    Attributes:
        terms: of this process.
        starts: by topic, the first offset of the log.
    """

    terms: StoreTerms
    starts: Mapping[str, int]

    @property
    def topics(self) -> str:
        """The topics, as in a snapshot's name."""
        return hash_of_topics(self.terms.topic_ids)

    def check(self, meta: Meta) -> None:
        """Refuse a state that this process cannot go on with, or whose next records are lost.

        Raises:
            StartRefused: the state is refused; the sentence says why.
        """
        may_carry_on(meta.terms, self.terms)
        if hole := self.hole(meta):
            raise StartRefused(hole)

    def least_reach(self, here: Meta | None) -> Reach | None:
        """The reach that a snapshot must surpass to replace the local store; None if any usable snapshot may.

        A store of other terms gives way only to a snapshot that `rebase` has put into its place.
        """
        if here is None:
            return None
        try:
            may_carry_on(here.terms, self.terms)
        except StartRefused:
            return here.log + 1, -1
        return None if self.hole(here) else here.reach()

    def hole(self, meta: Meta) -> str | None:
        """A sentence on lost records that the state needs; None if the log still holds all of them."""
        for topic, start in self.starts.items():
            if (following := meta.next_offsets.get(topic, 0)) < start:
                return f"it must be read on from {topic} {following}, but the log starts at {start}"
        return None


def candidates(
    names: Mapping[SnapshotName, object], wanted: StoreRequirements, least: Reach | None
) -> Iterator[SnapshotName]:
    """The snapshots to try, the best first; snapshots of other topics come last, only to learn why they are refused."""
    own = wanted.topics
    further = [name for name in names if least is None or name.reach > least]
    yield from (name for name in further if name.topics == own)
    if least is None:
        yield from (name for name in further if name.topics != own)


def fetch(snapshots: Snapshots, partition: int, manifest: Manifest, folder: Path) -> None:
    """Fetch a snapshot into a folder of its own; leftovers of a crash in it are removed.

    Raises:
        UnusableSnapshot: a part of it is missing or damaged.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    snapshots.fetch(partition, manifest, folder)


def put_in_place(fetched: Path, folder: Path) -> None:
    """Make the fetched snapshot the local store; the former local store must be closed."""
    if folder.exists():
        shutil.rmtree(folder)
    fetched.rename(folder)
