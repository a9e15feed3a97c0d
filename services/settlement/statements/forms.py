"""A statement as a file: its bytes in each form, and its name."""

from collections.abc import Callable
from enum import Enum
from urllib.parse import quote

from services.settlement.domain.statements.statement import NumberedStatement, statement_message


class StatementForm(Enum):
    """What `koc statement write` makes."""

    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"
    PDF = "pdf"


def writer_of(form: StatementForm) -> Callable[[NumberedStatement], bytes]:
    """What makes the bytes of a form: the same bytes whenever they are made. Heavy libraries are loaded here."""
    match form:
        case StatementForm.JSON:
            return json_bytes
        case StatementForm.CSV:
            from services.settlement.statements.csv_form import csv_bytes

            return csv_bytes
        case StatementForm.XLSX:
            from services.settlement.statements.xlsx_form import xlsx_bytes

            return xlsx_bytes
        case StatementForm.PDF:
            from services.settlement.statements.pdf_form import pdf_bytes

            return pdf_bytes


def json_bytes(one: NumberedStatement) -> bytes:
    """The message of settlement.statements.v1."""
    return statement_message(one).encode()


def file_name(one: NumberedStatement, form: StatementForm) -> str:
    """A name that no other statement has, for every file system: `statement-2026-11-r1-koc.k_7-CNY.json`."""
    role, _, name = one.party.partition(":")
    party = f"{role}.{quote(name, safe='~=+@')}" if name else role
    return f"statement-{one.period}-r{one.revision}-{party}-{one.currency}.{form.value}"
