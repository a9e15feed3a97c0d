"""docs/finance.md on statements: its program is run as it stands there, its example and its picture are true."""

import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from PIL import Image

from schemas.specimens import VALID
from schemas.statements import BrandStatement, PartyStatement, PlatformStatement
from services.settlement.domain.statements.merkle import root_by_path
from services.settlement.domain.statements.statement import statement_message
from services.settlement.statements.pdf_form import pdf_bytes
from tests.kit.source import ROOT
from tests.kit.statement_bodies import BRAND, KOC, PLATFORM
from tests.kit.statements import changed, sealed
from tests.unit.docs.test_finance import PAGE, program

PICTURE = ROOT / "docs/images/statement.png"
SCALE = 1.4


def run(message: str, root: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The page's program in a bare interpreter that finds none of our modules."""
    file = folder / "statement.json"
    file.write_text(message)
    words = [sys.executable, "-I", "-S", "-c", program("statement.py"), str(file), root]
    return subprocess.run(words, capture_output=True, text=True)


@pytest.mark.parametrize("index", range(4))
def test_the_program_accepts_every_kind_of_statement(index: int, tmp_path: Path) -> None:
    one = sealed(BRAND, KOC, PLATFORM, changed(party="mcn:美_1"))[index]
    done = run(statement_message(one), one.root.hex(), tmp_path)
    assert done.stdout == f"{one.party} in CNY, 2026-11 revision 1:\nas it was sealed, and it adds up\n", done.stderr


def test_the_program_refuses_a_changed_statement_another_root_and_another_path(tmp_path: Path) -> None:
    _, one, _ = sealed(BRAND, KOC, PLATFORM)
    body = json.loads(statement_message(one))
    body["statement"]["balance"]["closing"]["payable_minor"] += 1
    assert run(json.dumps(body), one.root.hex(), tmp_path).stderr == "this is not what was sealed with the month\n"
    assert run(statement_message(one), "0" * 64, tmp_path).returncode == 1
    short = one._replace(path=one.path[1:])
    assert run(statement_message(short), one.root.hex(), tmp_path).returncode == 1


@pytest.mark.parametrize("block", ["pending", "balance"])
def test_the_program_adds_up_what_was_sealed(block: str, tmp_path: Path) -> None:
    body = json.loads(json.dumps(KOC))
    body[block]["movements"].pop()
    (one,) = sealed(body)
    done = run(statement_message(one), one.root.hex(), tmp_path)
    assert done.returncode == 1
    assert "does not add up" in done.stderr


def test_the_program_is_short_enough_to_be_read() -> None:
    assert len([line for line in program("statement.py").splitlines() if line.strip()]) <= 30


def test_the_contracts_example_is_sealed_as_the_page_says_and_the_pages_is_the_same() -> None:
    example: dict[str, Any] = VALID["issued_statement"]
    path = map(bytes.fromhex, example["path"])
    assert root_by_path(bytes.fromhex(example["sha256"]), path).hex() == example["root"]
    (told,) = re.findall(r'^\{"seq":41.*?\]\}$', PAGE, re.MULTILINE | re.DOTALL)
    for name in ("sha256", "root"):
        shown = re.search(rf'"{name}":"([0-9a-f]+)…"', told)
        assert shown is not None
        assert example[name].startswith(shown[1])


def test_the_page_names_every_member_of_a_statement() -> None:
    members = {name for model in (PartyStatement, BrandStatement, PlatformStatement) for name in model.model_fields}
    known = members - {"party", "currency", "period", "revision"}
    assert {name for name in known if f"`{name}`" in PAGE} == known


def test_the_picture_of_the_page_is_the_statement_as_it_is_drawn_now() -> None:
    """`python -m tests.unit.docs.test_finance_statements` draws it again."""
    drawn, committed = picture(), Image.open(PICTURE).convert("RGB")
    assert drawn.size == committed.size
    theirs, ours = (one.resize((60, 84)).convert("L").tobytes() for one in (committed, drawn))
    assert max(abs(a - b) for a, b in zip(theirs, ours, strict=True)) < 40


def picture() -> Image.Image:
    """The first page of the worked month's statement."""
    _, one, _ = sealed(BRAND, KOC, PLATFORM)
    return pypdfium2.PdfDocument(pdf_bytes(one))[0].render(scale=SCALE).to_pil().convert("RGB")


if __name__ == "__main__":
    content = io.BytesIO()
    picture().save(content, "PNG", optimize=True)
    PICTURE.write_bytes(content.getvalue())
