"""The worked example of docs/payment-files.md is done as it stands there, on real books."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.main import koc
from tests.kit.books import Books
from tests.kit.pages import rows_of, section_of
from tests.kit.parties_due import PartyDue, instruct

PAGE = (Path(__file__).parents[2] / "docs/payment-files.md").read_text()
EXAMPLE = section_of(PAGE, "Worked example")
DUES = (
    PartyDue("koc:k_7", 2520, "bank", "4f9c2a17d0"),
    PartyDue("mcn:m_2", 720, "wechat", "9e3d5f1b44"),
    PartyDue("recruiter:k_3", 360, "alipay", "c07a66e812"),
)


def write_files(folder: Path) -> None:
    for name, text in re.findall(r"^```csv (\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        (folder / name).write_text(text)


def commands() -> list[tuple[list[str], str]]:
    """Each command of the example with what it prints."""
    blocks = "".join(re.findall(r"^```console\n(.*?)^```$", EXAMPLE, re.MULTILINE | re.DOTALL))
    return [
        (line.split(), output) for line, output in re.findall(r"^\$ koc (.*)\n((?:[^$].*\n)*)", blocks, re.MULTILINE)
    ]


def said(words: list[str]) -> str:
    """What a command prints, with every sha256 left out."""
    return re.sub(r"sha256 [0-9a-f]{64}", "sha256 …", CliRunner().invoke(koc, words).stdout)


def test_the_example_goes_as_the_page_says(books: Books, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)
    instruct(books, "pay-2026-11", *DUES)
    (imported, exported, replied, settled) = commands()
    for words, output in (imported, exported, replied):
        assert said(words) == output
    moved = "SELECT key, amount_minor / 100.0 FROM account JOIN balance ON id = account_id WHERE amount_minor <> 0"
    balances = {account: f"{amount:.2f}" for account, amount in books.rows(moved) if account != "brand:br_2:receivable"}
    assert balances == dict(rows_of(EXAMPLE, "account"))
    assert said(replied[0]).startswith(replied[1]), "again it says the same, and that it is the same"
    assert said(settled[0]) == settled[1]
    assert dict(books.rows("SELECT party, status FROM payout")) == {
        "koc:k_7": "confirmed", "mcn:m_2": "rejected", "recruiter:k_3": "confirmed",
    }  # fmt: skip
    # the last sentences: a new payee, and the money goes out under another id
    old = books.rows("SELECT id FROM payout WHERE party = 'mcn:m_2'")
    again = instruct(books, "pay-2026-12", PartyDue("mcn:m_2", 100, "wechat", "new_ref"))
    assert books.rows("SELECT id, amount_minor, ref FROM payout WHERE batch = 'pay-2026-12'") == [
        (again[0], 820, "new_ref")
    ]
    assert (again[0],) not in old
