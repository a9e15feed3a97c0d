"""What a separate computation of reports reads of books in PostgreSQL: the export, and rows of tables."""

import json
from typing import Any

from typer.testing import CliRunner

from services.cli import ledger, report
from tests.kit.books import Books
from tests.reference.sales import Exported, StoredLine

_SHARES = """
(SELECT jsonb_object_agg(regexp_replace(key, '.(payable|fee)$', ''), amount)
 FROM unnest({0}.settled_accounts, {0}.settled_amounts) AS share (id, amount) JOIN account USING (id))
"""
_LINES = f"""
SELECT order_id, line_id, buyer_id, standing, {_SHARES.format("line")} ->> 'platform', registry_offset, grants
FROM line LEFT JOIN terms ON terms.id = line.terms
"""
_PLANNED = f"""
SELECT order_id, line_id, buyer_id, {_SHARES.format("run_line")}, parts
FROM run_line JOIN run ON run.id = run_line.run ORDER BY planned_at
"""


def koc_report(*words: str) -> Any:
    """What `koc report … --json` prints."""
    return json.loads(printed(*words, "--json"))


def printed(*words: str) -> str:
    """What `koc report` prints."""
    done = CliRunner().invoke(report.app, list(words))
    assert done.exit_code == 0, done.output
    return done.stdout


def exported_sales(books: Books) -> Exported:
    """All that the reference takes."""
    journal = CliRunner().invoke(ledger.app, ["export", "--format", "json"])
    assert journal.exit_code == 0, journal.output
    planned: dict[Any, list[Any]] = {}
    for *key, settled, parts in books.rows(_PLANNED):
        shares = [(content, koc, amounts) for content, koc, _, _, _, amounts in parts]
        planned.setdefault(tuple(key), []).append((settled or {}, shares))
    lines = {}
    for *key, standing, platform, offset, grants in books.rows(_LINES):
        granted = {name: tuple(grant) for name, grant in (grants or {"credits": {}})["credits"].items()}
        bonus = (grants or {"bonus": 0})["bonus"]
        lines[tuple(key)] = StoredLine(
            standing, int(platform or 0), offset, granted, bonus, planned.get(tuple(key), [])
        )  # fmt: skip
    return Exported(
        [json.loads(line) for line in journal.stdout.splitlines()],
        {tuple(key): bytes(raw) for *key, raw in books.rows("SELECT order_id, line_id, buyer_id, raw FROM assertion")},
        [body for (body,) in books.rows("SELECT body FROM reference ORDER BY position")],
        lines,
    )
