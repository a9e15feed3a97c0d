"""docs/upgrading.md names the statements that make a large book ready for a migration: they are the migration's own."""

import re
import runpy

from services.settlement.books.tables import line
from tests.kit.source import ROOT

PAGE = (ROOT / "docs/upgrading.md").read_text()
INDEXES: dict[str, str] = runpy.run_path(str(ROOT / "deploy/migrations/versions/0009_lookups.py"))["INDEXES"]


def test_the_page_has_each_index_of_the_large_table_as_the_migration_makes_it() -> None:
    on_page = dict(re.findall(r"^CREATE INDEX CONCURRENTLY (\S+) ON (.*);$", PAGE, re.MULTILINE))
    assert on_page == {name: what for name, what in INDEXES.items() if what.startswith("line ")}
    assert set(on_page) < {index.name for index in line.indexes}
