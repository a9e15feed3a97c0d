"""`koc ledger rebuild --from-topics`: copy what is compared out of the books, build them again, compare."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from sqlalchemy import Engine, select

from schemas.topics import CREDITS, REGISTRY
from services.kernel.errors import StartRefused
from services.operations.rebuild.commands import CommandReplay, in_order
from services.operations.rebuild.comparison import BooksCopy, compare, copy_books
from services.operations.rebuild.folding import Folding
from services.operations.rebuild.logs import LogReader, check_logs, point_of, read_commands
from services.operations.rebuild.report import RebuildProgress, RebuildReport
from services.operations.rebuild.scene import RebuildScene
from services.operations.rebuild.scratch import BooksOrigin, ScratchBooks, read_origin, scratch_books
from services.runtime.settings import settings
from services.runtime.topic_reader import TopicRecords
from services.runtime.topics import topic_ids
from services.settlement.books import run_tables
from services.settlement.books.net_ports import RunPoint
from services.settlement.books.positions import check_topic_ids, check_zone
from services.settlement.books.run_snapshot import RunBooksSnapshot
from services.settlement.books.snapshot import repeatable_read, snapshot


class _BooksAtRest(NamedTuple):
    """Where the books stand, in which topics and in which zone, and what is compared of them."""

    point: RunPoint
    origin: BooksOrigin
    copy: BooksCopy


OpenTopics = Callable[[], AbstractContextManager[TopicRecords]]
"""Opens the topics, as they are then."""


def rebuild(
    reader: Engine, open_topics: OpenTopics, database: str | None, progress: RebuildProgress, *, is_kept: bool
) -> RebuildReport:
    """Build the books again from the topics, and compare.

    The books themselves are only read, in one snapshot; what comes later does not count.

    Args:
        reader: the books, as the role reader.
        open_topics: credits, registry and commands; asked for once the books were read, so that they hold all of it.
        database: an empty one of the owner; None = one is made.
        progress: told what is done.
        is_kept: whether a database that is made stays.

    Raises:
        StartRefused: the books are not at rest, or the topics do not hold all that they were made of.
    """
    began = time.monotonic()
    with TemporaryDirectory() as folder:
        progress("reading the books")
        books = _read_books(reader, Path(folder) / "books")
        with open_topics() as topics:
            check_logs(topics, books.point)
            with scratch_books(database, is_kept=is_kept) as scratch:
                report = RebuildReport(scratch.name)
                _fill(scratch, topics, books, report, progress)
                progress("comparing")
                with snapshot(scratch.reader) as rebuilt:
                    compare(books.copy, copy_books(rebuilt, Path(folder) / "rebuilt"), report)
    report.seconds = time.monotonic() - began
    return report


def _read_books(reader: Engine, file: Path) -> _BooksAtRest:
    """What is compared of the books, all of one moment.

    Raises:
        StartRefused: a run is unfinished, or lines wait for a new price.
    """
    with repeatable_read(reader) as connection:
        books = RunBooksSnapshot(connection)
        unfinished = select(run_tables.run.c.id).where(run_tables.run.c.status != "done")
        if run := connection.execute(unfinished).scalar():
            raise StartRefused(f"run {run} is not applied to its end: `koc settlement run` finishes it; then try again")
        if books.open_jobs():
            raise StartRefused("lines wait to be priced again: run `koc drain`, then try again")
        return _BooksAtRest(books.point(), read_origin(connection), copy_books(books, file))


def _fill(
    scratch: ScratchBooks, topics: TopicRecords, books: _BooksAtRest, report: RebuildReport, progress: RebuildProgress
) -> None:
    """Fold up to each recorded point, let its command take effect, and fold what comes after the last."""
    commands = read_commands(topics, books.point.commands)
    scratch.begin(books.origin, commands)
    zone_minutes = settings().settlement_zone_minutes
    check_zone(scratch.reader, zone_minutes)
    check_topic_ids(scratch.reader, topic_ids((CREDITS.name, REGISTRY.name)))
    folding = Folding(scratch, LogReader(topics, report), zone_minutes, report, progress)
    replay = CommandReplay(RebuildScene(scratch, zone_minutes, report, progress))
    for recorded in in_order(commands):
        scratch.set_clock(recorded.command.at)
        if point := point_of(recorded.command):
            folding.advance(point)
        replay.carry_out(recorded)
    scratch.set_clock(None)
    folding.advance(books.point)
