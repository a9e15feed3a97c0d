"""A statement as its page shows it: the document of its PDF, with amounts of its currency, and its way to the root."""

from collections.abc import Sequence
from typing import NamedTuple

from services.console.values import MoneyCell
from services.settlement.domain.statements.merkle import LEFT
from services.settlement.domain.statements.statement import NumberedStatement
from services.settlement.statements.document import Cell, StatementTable, document_of
from services.settlement.statements.labels import Label

ShownCell = str | MoneyCell


class StatementTexts(NamedTuple):
    """A table: English words (to be said in the reader's language), and cells; the last `amounts` columns are money."""

    title: str
    columns: Sequence[str]
    amounts: int
    rows: Sequence[tuple[Sequence[ShownCell], bool]]

    def is_amount(self, column: int) -> bool:
        """Whether a column, from 0, holds money."""
        return column >= len(self.columns) - self.amounts


class ProofStep(NamedTuple):
    """A hash beside the way from a statement to the root."""

    is_left: bool
    sha256: str


class StatementView(NamedTuple):
    """A statement for a page. Words are English, as the catalogue knows them."""

    title: str
    head: Sequence[tuple[str, str]]
    sums: Sequence[tuple[str, MoneyCell]]
    tables: Sequence[StatementTexts]
    steps: Sequence[ProofStep]


def statement_view(one: NumberedStatement) -> StatementView:
    """What the page of a statement shows."""
    document = document_of(one)
    return StatementView(
        document.title.english,
        [(label.english, value) for label, value in document.head],
        [(label.english, MoneyCell(minor, one.currency)) for label, minor in document.sums],
        [_table(table, one.currency) for table in document.tables],
        [ProofStep(step[:1] == LEFT, step[1:].hex()) for step in one.path],
    )


def _table(table: StatementTable, currency: str) -> StatementTexts:
    return StatementTexts(
        table.title.english,
        [column.english for column in table.columns],
        table.amounts,
        [([_cell(cell, currency) for cell in row.cells], row.is_edge) for row in table.rows],
    )


def _cell(cell: Cell, currency: str) -> ShownCell:
    if isinstance(cell, Label):
        return cell.english
    return MoneyCell(cell, currency) if isinstance(cell, int) else cell
