"""`koc ledger rebuild`."""

import json
import sys
from typing import Annotated

import typer

from services.cli.options import AsJson


def rebuild(
    from_topics: Annotated[
        bool, typer.Option("--from-topics", help="from credits, registry and commands, into a scratch database")
    ] = False,
    database: Annotated[
        str | None, typer.Option(help="an empty database of the owner to fill; default: one is made", metavar="NAME")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="do not drop the database that was made")] = False,
    as_json: AsJson = False,
) -> None:
    """Build the books again from the topics, in a database of their own, and compare; exit 1 on a difference.

    Each run is planned again at its point, and its proof compared. Then both books must have the same digest, the same
    balance in each account, and the same net amount in each order line and account. The books themselves are only
    read. It needs KOC_DATABASE_OWNER_URL. Progress is on standard error.
    --json prints one object: clean, database, seconds, replayed, books, rebuilt, found, differences, notes.

    Examples: `koc ledger rebuild --from-topics`, `koc ledger rebuild --from-topics --database koc_rebuild --json`
    """
    from services.operations.rebuild.logs import REBUILT_FROM
    from services.operations.rebuild.rebuild import rebuild as build_again
    from services.runtime.topic_reader import kafka_topics
    from services.settlement.books.reader import books_reader

    if not from_topics:
        raise typer.BadParameter("name what the books are built from: --from-topics")
    with books_reader(options="-c statement_timeout=0") as reader:
        report = build_again(
            reader,
            lambda: kafka_topics(REBUILT_FROM),
            database,
            lambda line: print(line, file=sys.stderr, flush=True),
            is_kept=keep,
        )
    print(json.dumps(report.body()) if as_json else report.page())
    sys.exit(0 if report.is_clean else 1)
