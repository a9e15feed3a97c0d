"""`koc report` refuses what it cannot do before it asks for a database."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.report import app


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["content", "--from", "1.11.2026"], "--from 1.11.2026: write a day as 2026-11-01"),
        (["koc", "--to", "2026-02-30"], "--to 2026-02-30: write a day as 2026-11-01"),
        (["koc", "--from", "2026-11-02", "--to", "2026-11-01"], "--from 2026-11-02 is after --to 2026-11-01"),
        (["campaign", "--json", "--csv"], "name one of --json and --csv"),
        (["product", "--chart", "sales.pdf"], "sales.pdf: the file must end with .svg or .png"),
        (["offboarding", "--chart", "nowhere/left.png"], "there is no folder nowhere"),
        (["product", "--days", "0"], "--days"),
        (["content", "--limit", "0"], "--limit"),
        (["content", "--sort", "luck"], "--sort"),
        (["brand"], "No such command"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_done_is_status_2_and_a_sentence(words: list[str], sentence: str, tmp_path: Path) -> None:
    del tmp_path
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2
    assert sentence in " ".join(done.output.replace("│", " ").split())
