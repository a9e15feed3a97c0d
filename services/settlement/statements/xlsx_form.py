"""A statement as a spreadsheet: the tables of the PDF below each other, amounts as numbers with their decimals."""

import io
from datetime import UTC, datetime
from typing import Any

from xlsxwriter import Workbook

from services.settlement.domain.book.currencies import minor_digits
from services.settlement.domain.statements.statement import NumberedStatement
from services.settlement.statements.document import Cell, StatementDocument, StatementRow, StatementTable, document_of

_NAME_WIDTH, _COLUMN_WIDTH = 40, 22


def xlsx_bytes(one: NumberedStatement) -> bytes:
    """A workbook with one sheet. No text of it is a formula, whatever it begins with."""
    document, content = document_of(one), io.BytesIO()
    workbook = Workbook(content, {"in_memory": True})
    closed_at = datetime.fromisoformat(one.closed_at).astimezone(UTC).replace(tzinfo=None)
    workbook.set_properties({"title": f"{one.party} {one.period}", "created": closed_at, "modified": closed_at})
    _Sheet(workbook, document).fill()
    workbook.close()
    return content.getvalue()


class _Sheet:
    """Fills a sheet from top to bottom."""

    def __init__(self, workbook: Workbook, document: StatementDocument) -> None:
        self._document, self._digits = document, minor_digits(document.currency)
        self._sheet = workbook.add_worksheet(document.title.english)
        money = "#,##0" + (f".{'0' * self._digits}" if self._digits else "")
        edge = {"bold": True, "bg_color": "#F1F5F7"}
        self._title = workbook.add_format({"bold": True, "font_size": 14, "font_color": "#0B5C73"})
        self._head = workbook.add_format({"font_color": "#5F6B7A", "bottom": 1, "text_wrap": True})
        self._money = {
            is_edge: workbook.add_format({"num_format": money, **(edge if is_edge else {})})
            for is_edge in (False, True)
        }
        self._words = {is_edge: workbook.add_format(edge if is_edge else {}) for is_edge in (False, True)}
        self._line = 0

    def fill(self) -> None:
        """Head, sums, tables, foot."""
        document = self._document
        self._sheet.set_column(0, 0, _NAME_WIDTH)
        self._sheet.set_column(1, 9, _COLUMN_WIDTH)
        self._write([f"{document.title} {document.party}"], self._title)
        for label, value in document.head:
            self._row(StatementRow([label, value]))
        for label, minor in document.sums:
            self._row(StatementRow([label, minor], is_edge=True))
        for table in document.tables:
            self._table(table)
        self._line += 1
        for label, value in document.foot:
            self._row(StatementRow([label, value]))

    def _table(self, table: StatementTable) -> None:
        self._line += 1
        self._write([str(table.title)], self._title)
        self._write([str(column) for column in table.columns], self._head)
        for row in table.rows:
            self._row(row)

    def _write(self, texts: list[str], style: Any) -> None:
        for column, text in enumerate(texts):
            self._sheet.write_string(self._line, column, text, style)
        self._line += 1

    def _row(self, row: StatementRow) -> None:
        for column, cell in enumerate(row.cells):
            self._cell(column, cell, is_edge=row.is_edge)
        self._line += 1

    def _cell(self, column: int, cell: Cell, *, is_edge: bool) -> None:
        if isinstance(cell, int):
            self._sheet.write_number(self._line, column, cell / 10**self._digits, self._money[is_edge])
        else:
            self._sheet.write_string(self._line, column, str(cell), self._words[is_edge])
