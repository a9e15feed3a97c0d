"""Statements as files: the same bytes each time, every figure in them, and no cell that is a formula."""

import csv
import io
import json
import re
import zipfile
from typing import Any
from xml.etree import ElementTree as ET

import pypdfium2
import pytest

from services.settlement.domain.book.entries import Kind
from services.settlement.statements import labels
from services.settlement.statements.csv_form import csv_bytes
from services.settlement.statements.document import document_of, local_time
from services.settlement.statements.forms import StatementForm, file_name, json_bytes, writer_of
from services.settlement.statements.pdf_form import pdf_bytes
from services.settlement.statements.xlsx_form import xlsx_bytes
from tests.kit.statement_bodies import BRAND, PLATFORM
from tests.kit.statements import SPECIMEN, changed, numbered, sealed

_SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
WHITE = (255, 255, 255)


def pages(raw: bytes) -> list[str]:
    document = pypdfium2.PdfDocument(raw)
    return [page.get_textpage().get_text_range() for page in document]


def cells(raw: bytes) -> list[list[str | float]]:
    """The rows of a workbook's sheet: texts, and numbers where the cell is one."""
    with zipfile.ZipFile(io.BytesIO(raw)) as book:
        texts = ["".join(one.itertext()) for one in ET.fromstring(book.read("xl/sharedStrings.xml"))]  # noqa: S314 - our own file
        sheet = ET.fromstring(book.read("xl/worksheets/sheet1.xml"))  # noqa: S314 - our own file
    assert sheet.findall(f".//{_SHEET}f") == []
    found: list[list[str | float]] = []
    for row in sheet.iter(f"{_SHEET}row"):
        values = [(cell.get("t"), cell.findtext(f"{_SHEET}v")) for cell in row]
        found.append([texts[int(str(value))] if kind == "s" else float(value or 0) for kind, value in values])
    return found


@pytest.mark.parametrize("form", StatementForm)
@pytest.mark.parametrize("body", [SPECIMEN["statement"], BRAND, PLATFORM], ids=["party", "brand", "platform"])
def test_a_form_has_the_same_bytes_whenever_it_is_made(form: StatementForm, body: dict[str, Any]) -> None:
    (one,) = sealed(body)
    make = writer_of(form)
    assert make(one) == make(one)


def test_the_json_file_is_the_message_as_canonical_json() -> None:
    raw = json_bytes(numbered())
    assert json.loads(raw) == SPECIMEN
    assert raw == json.dumps(SPECIMEN, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def test_the_csv_has_every_amount_once_with_decimals_and_in_minor_units() -> None:
    rows = list(csv.DictReader(io.StringIO(csv_bytes(numbered()).decode(), newline="")))
    assert len(rows) == len(re.findall(r"_minor\"", json.dumps(SPECIMEN["statement"])))
    (clawed,) = [row for row in rows if row["block"] == "clawbacks"]
    assert (clawed["kind"], clawed["name"], clawed["count"]) == ("commission.clawed_back", "o_1", "1")
    assert (clawed["amount"], clawed["amount_minor"]) == ("6.30", "630")
    (earlier,) = [row for row in rows if row["row"] == "earlier month"]
    assert (earlier["month"], earlier["amount"]) == ("2026-10", "6.30")
    assert {(row["party"], row["period"], row["revision"], row["currency"]) for row in rows} == {
        ("koc:k_7", "2026-11", "1", "CNY")
    }


@pytest.mark.parametrize("form", [StatementForm.CSV, StatementForm.XLSX])
def test_a_name_that_a_spreadsheet_would_take_for_a_formula_is_a_text(form: StatementForm) -> None:
    row = {"kind": "commission.clawed_back", "about": "=cmd", "orders": 1, "amount_minor": -630}
    (one,) = sealed(changed(clawbacks=[row | {"about": name} for name in ("=1+1", "+a1", "-a1", "@x", "o=1")]))
    if form is StatementForm.CSV:
        rows = list(csv.DictReader(io.StringIO(csv_bytes(one).decode(), newline="")))
        names = [row["name"] for row in rows if row["block"] == "clawbacks"]
        assert names == ["'=1+1", "'+a1", "'-a1", "'@x", "o=1"]
        assert {row["amount"] for row in rows if row["block"] == "clawbacks"} == {"-6.30"}
    else:
        texts = [cell for row in cells(xlsx_bytes(one)) for cell in row if isinstance(cell, str)]
        assert {"=1+1", "+a1", "-a1", "@x", "o=1"} <= set(texts)


def test_a_spreadsheet_was_made_when_its_month_was_closed() -> None:
    with zipfile.ZipFile(io.BytesIO(xlsx_bytes(numbered()))) as book:
        assert book.read("docProps/core.xml").decode().count("2026-12-03T02:00:00Z") == 2


def test_the_spreadsheet_has_every_amount_of_every_table_as_a_number() -> None:
    one = numbered()
    found = [cell for row in cells(xlsx_bytes(one)) for cell in row if isinstance(cell, float)]
    wanted = [cell / 100 for table in document_of(one).tables for row in table.rows for cell in row.cells
              if isinstance(cell, int)]  # fmt: skip
    wanted += [minor / 100 for _, minor in document_of(one).sums]
    assert sorted(found) == sorted(wanted)


@pytest.mark.parametrize(("currency", "shown"), [("JPY", "2520"), ("CNY", "25.20"), ("KWD", "2.520")])
def test_amounts_have_the_decimals_of_their_currency(currency: str, shown: str) -> None:
    (one,) = sealed(changed(currency=currency))
    (page,) = pages(pdf_bytes(one))
    assert shown in page.split()
    assert any(row["amount"] == shown for row in csv.DictReader(io.StringIO(csv_bytes(one).decode(), newline="")))


def test_the_page_says_all_that_the_statement_says_in_both_languages() -> None:
    one = numbered()
    (page,) = pages(pdf_bytes(one))
    words = page.split()
    for text in ("Statement", "对账单", "koc:k_7", "2026-11", "Opening", "期初", "25.20", "-18.90", "6.30", "o_1",
                 "v_93", "MFRGGZDFMZTWQ2LKNNWG23TPOA", "已付款", one.sha256.hex(), one.root.hex()):  # fmt: skip
        assert text in words, text
    assert "2026-12-03 10:00 +08:00" in page


@pytest.mark.parametrize("body", [SPECIMEN["statement"], BRAND, PLATFORM], ids=["party", "brand", "platform"])
def test_the_page_is_drawn(body: dict[str, Any]) -> None:
    (one,) = sealed(body)
    document = pypdfium2.PdfDocument(pdf_bytes(one))
    picture = document[0].render(scale=0.5).to_pil().convert("RGB")
    colors = picture.getcolors(1 << 20)
    ink = sum(count for count, color in colors if color != WHITE)
    assert 0.01 < ink / (picture.width * picture.height) < 0.5


def test_a_long_statement_goes_on_under_its_columns_on_numbered_pages() -> None:
    row = {"kind": "commission.clawed_back", "orders": 1, "amount_minor": 1}
    (one,) = sealed(changed(clawbacks=[row | {"about": f"o_{number}"} for number in range(150)]))
    found = pages(pdf_bytes(one))
    assert len(found) >= 4
    for number, page in enumerate(found, 1):
        assert f"{number} / {len(found)}" in page
        assert one.root.hex() in page
        assert "koc:k_7" in page
    everything = " ".join(found).split()
    assert all(f"o_{number}" in everything for number in range(150))
    assert "1.50" in everything


def test_a_name_without_room_is_cut_and_a_figure_never_is() -> None:
    block = {"opening": {"pending_minor": 0}, "movements": [{"kind": "commission.accrued", "pending_minor": 10**15}],
             "earlier": [], "closing": {"pending_minor": 10**15}}  # fmt: skip
    (one,) = sealed(changed(party=f"koc:{'x' * 128}", pending=block))
    page = pages(pdf_bytes(one))[0]
    assert "xxx..." in page
    assert page.count("10000000000000.00") == 3


def test_every_kind_of_entry_has_words_in_both_languages() -> None:
    for kind in Kind:
        assert labels.kind_label(kind.text).english
        assert labels.kind_label(kind.text).chinese


def test_the_font_has_every_letter_that_a_statement_may_show() -> None:
    from fontTools.ttLib import TTFont

    from services.settlement.statements.pdf_form import FONT_FILE

    has = set(map(chr, TTFont(FONT_FILE).getBestCmap()))
    needs = {letter for label in labels.all_labels() for letter in str(label)} | set(map(chr, range(32, 127)))
    for one in sealed(SPECIMEN["statement"], BRAND, PLATFORM):
        document = document_of(one)
        needs |= set(str(document))  # whatever it shows, labels made elsewhere too
    assert needs <= has, "run python deploy/fonts/statement_font.py"


@pytest.mark.parametrize(
    ("party", "name"),
    [
        ("koc:k_7", "statement-2026-11-r1-koc.k_7-CNY.pdf"),
        ("brand:b:r.2", "statement-2026-11-r1-brand.b%3Ar.2-CNY.pdf"),
        ("platform", "statement-2026-11-r1-platform-CNY.pdf"),
    ],
)
def test_a_files_name_is_of_its_party_alone(party: str, name: str) -> None:
    assert file_name(numbered()._replace(party=party), StatementForm.PDF) == name


def test_times_are_those_of_the_settlement_zone() -> None:
    assert local_time("2026-11-30T18:30:00.5Z", 480) == "2026-12-01 02:30 +08:00"
    assert local_time("2026-11-30T18:30:00Z", -210) == "2026-11-30 15:00 -03:30"
