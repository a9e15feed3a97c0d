"""A statement as PDF, in English and Chinese: A4 pages that print well, with a font of their own.

The bytes are a function of the statement: they carry its close's time and no other.
"""

import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import registerFont, stringWidth
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from services.settlement.domain.book.currencies import decimal_text
from services.settlement.domain.statements.statement import NumberedStatement
from services.settlement.statements import labels
from services.settlement.statements.document import Cell, StatementDocument, StatementRow, StatementTable, document_of
from services.settlement.statements.labels import Label

FONT = "KocStatement"
FONT_FILE = Path(__file__).parent / "font/NotoSansSC-statement.ttf"

_WIDTH, _HEIGHT = A4
_LEFT, _RIGHT = 18 * mm, _WIDTH - 18 * mm
_TOP, _BOTTOM = _HEIGHT - 18 * mm, 26 * mm
_INK, _SOFT, _FAINT = HexColor("#1b2430"), HexColor("#5f6b7a"), HexColor("#d7dce3")
_ACCENT, _BAND, _DEBT = HexColor("#0b5c73"), HexColor("#f1f5f7"), HexColor("#a3292e")
_ROW = 15.0
_AMOUNT_WIDTH = 68.0
"""Points of a row's height, and of an amount's column."""


def pdf_bytes(one: NumberedStatement) -> bytes:
    """The pages of a statement."""
    _load_font()
    document = document_of(one)
    uncounted = _Pages(document, total=0)
    uncounted.draw()
    # a second time, now that the number of pages is known
    pages = _Pages(document, total=uncounted.number)
    pages.draw()
    return pages.saved()


@cache
def _load_font() -> None:
    registerFont(TTFont(FONT, str(FONT_FILE)))


class _Pages:
    """Draws a document from top to bottom, page after page."""

    def __init__(self, document: StatementDocument, total: int) -> None:
        self._document, self._total = document, total
        self._bytes = io.BytesIO()
        self._canvas = Canvas(self._bytes, pagesize=A4, invariant=1, pageCompression=1)
        self._canvas.setTitle(f"{document.title.english} {document.head[0][1]} {document.party} {document.currency}")
        self._canvas.setAuthor("koc-settlement")
        self._y = _TOP
        self.number = 1

    def draw(self) -> None:
        """All pages."""
        self._head()
        self._sums()
        for table in self._document.tables:
            self._table(table)
        self._foot()

    def saved(self) -> bytes:
        """What was drawn, with the letters that it needs."""
        self._canvas.save()
        return self._bytes.getvalue()

    def _text(self, x: float, y: float, text: str, size: float = 8.5, color: Color = _INK) -> None:
        self._canvas.setFont(FONT, size)
        self._canvas.setFillColor(color)
        self._canvas.drawString(x, y, text)

    def _text_right(self, x: float, y: float, text: str, size: float = 8.5, color: Color = _INK) -> None:
        self._text(x - stringWidth(text, FONT, size), y, text, size, color)

    def _rule(self, y: float, color: Color = _FAINT, width: float = 0.6) -> None:
        self._canvas.setStrokeColor(color)
        self._canvas.setLineWidth(width)
        self._canvas.line(_LEFT, y, _RIGHT, y)

    # head and foot

    def _head(self) -> None:
        """Title and party to the left, facts to the right."""
        document = self._document
        self._text(_LEFT, self._y - 18, document.title.english, 22, _ACCENT)
        width = stringWidth(document.title.english, FONT, 22)
        self._text(_LEFT + width + 8, self._y - 18, document.title.chinese, 17, _ACCENT)
        self._text(_LEFT, self._y - 43, _fitted(document.party, 15, 300), 15)
        for index, (label, value) in enumerate(document.head):
            y = self._y - 9 - 13 * index
            self._text(_RIGHT - 190, y, str(label), 8.5, _SOFT)
            self._text_right(_RIGHT, y, value)
        self._y -= 62

    def _sums(self) -> None:
        """A band with the sums that matter most."""
        sums = self._document.sums
        height, step = 55.0, (_RIGHT - _LEFT) / len(sums)
        self._canvas.setFillColor(_BAND)
        self._canvas.roundRect(_LEFT, self._y - height, _RIGHT - _LEFT, height, 5, stroke=0, fill=1)
        for index, (label, minor) in enumerate(sums):
            x = _LEFT + index * step + 10
            self._text(x, self._y - 15, _fitted(label.english, 8.5, step - 14), 8.5, _SOFT)
            self._text(x, self._y - 26, _fitted(label.chinese, 8, step - 14), 8, _SOFT)
            amount = decimal_text(minor, self._document.currency)
            size = next(size for size in (14, 12, 10, 8, 6) if size == 6 or stringWidth(amount, FONT, size) < step - 14)
            self._text(x, self._y - 45, amount, size, _DEBT if minor < 0 else _INK)
        self._y -= height + 20

    def _foot(self) -> None:
        """What proves the statement, and which page it is."""
        self._rule(_BOTTOM - 10)
        for index, (label, value) in enumerate(self._document.foot):
            y = _BOTTOM - 22 - 11 * index
            self._text(_LEFT, y, str(label), 7, _SOFT)
            self._text(_LEFT + 118, y, value, 7, _SOFT)
        pages = f"{labels.PAGE} {self.number} / {self._total}"
        self._text_right(_RIGHT, _BOTTOM - 22, pages, 7, _SOFT)

    def _turn(self) -> None:
        """A new page, under a short head."""
        self._foot()
        self._canvas.showPage()
        self.number += 1
        self._y = _TOP
        document = self._document
        self._text(_LEFT, self._y - 8, f"{document.title} {document.head[0][1]}", 8.5, _SOFT)
        self._text_right(_RIGHT, self._y - 8, _fitted(f"{document.party}  {document.currency}", 8.5, 300), 8.5, _SOFT)
        self._rule(self._y - 14)
        self._y -= 32

    # tables

    def _table(self, table: StatementTable) -> None:
        """A title, the head of the columns, the rows; a long table goes on under its head on the next page."""
        if self._y - 4 * _ROW < _BOTTOM:
            self._turn()
        self._text(_LEFT, self._y - 10, str(table.title), 11, _ACCENT)
        self._y -= 18
        lefts = _lefts(table)
        self._columns(table, lefts)
        for row in table.rows:
            if self._y - _ROW < _BOTTOM:
                self._turn()
                self._columns(table, lefts)
            self._row(lefts, row)
        self._rule(self._y, _FAINT)
        self._y -= 17

    def _columns(self, table: StatementTable, lefts: Sequence[float]) -> None:
        """The head of the columns, each in both languages."""
        self._rule(self._y, _ACCENT, 0.9)
        for index, label in enumerate(table.columns):
            edge = lefts[index + 1]
            for line, text in enumerate((label.english, label.chinese)):
                y = self._y - 10 - 9 * line
                if _is_amount(table, index):
                    self._text_right(edge - 4, y, text, 7.5, _SOFT)
                else:
                    self._text(lefts[index] + 2, y, text, 7.5, _SOFT)
        self._y -= 24
        self._rule(self._y)

    def _row(self, lefts: Sequence[float], row: StatementRow) -> None:
        if row.is_edge:
            self._canvas.setFillColor(_BAND)
            self._canvas.rect(_LEFT, self._y - _ROW, _RIGHT - _LEFT, _ROW, stroke=0, fill=1)
        y = self._y - 10.5
        for index, cell in enumerate(row.cells):
            edge, room = lefts[index + 1], lefts[index + 1] - lefts[index] - 6
            if isinstance(cell, int):
                amount = decimal_text(cell, self._document.currency)
                color = _SOFT if not cell and not row.is_edge else _DEBT if cell < 0 else _INK
                self._text_right(edge - 4, y, amount, _size_for(amount, room), color)
            else:
                self._cell(cell, lefts[index] + 2, y, room)
        self._y -= _ROW

    def _cell(self, cell: Cell, x: float, y: float, room: float) -> None:
        """A name, or words in both languages, the Chinese softer."""
        if not isinstance(cell, Label):
            self._text(x, y, _fitted(str(cell), 8.5, room))
            return
        english = _fitted(cell.english, 8.5, room)
        self._text(x, y, english)
        after = stringWidth(english, FONT, 8.5) + 5
        self._text(x + after, y, _fitted(cell.chinese, 8, max(0.0, room - after)), 8, _SOFT)


def _is_amount(table: StatementTable, index: int) -> bool:
    return index >= len(table.columns) - table.amounts


def _lefts(table: StatementTable) -> list[float]:
    """Where each column begins, and where the last one ends: amounts have a width, names share the rest by need."""
    names = len(table.columns) - table.amounts
    rest = _RIGHT - _LEFT - table.amounts * _AMOUNT_WIDTH
    needs = [max(_need(label) for label in _column(table, index)) for index in range(names)]
    scale = rest / sum(needs)
    lefts = [_LEFT]
    for need in needs:
        lefts.append(lefts[-1] + need * scale)
    for _ in range(table.amounts):
        lefts.append(lefts[-1] + _AMOUNT_WIDTH)
    return lefts


def _column(table: StatementTable, index: int) -> list[Cell]:
    return [Label(max(table.columns[index], key=len)), *(row.cells[index] for row in table.rows)]


def _need(cell: Cell) -> float:
    text = f"{cell.english} {cell.chinese}" if isinstance(cell, Label) else str(cell)
    return min(stringWidth(text, FONT, 8.5) + 12, 260)


def _size_for(text: str, room: float) -> float:
    """The greatest size at which an amount has room; a figure is never cut."""
    return next((size for size in (8.5, 7.5, 6.5, 5.5) if stringWidth(text, FONT, size) <= room), 4.5)


def _fitted(text: str, size: float, room: float) -> str:
    """A name, cut at its end if it has no room."""
    if stringWidth(text, FONT, size) <= room:
        return text
    while text and stringWidth(f"{text}...", FONT, size) > room:
        text = text[:-1]
    return f"{text}..." if text else ""
