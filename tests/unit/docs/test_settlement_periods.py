"""What docs/settlement.md says of closed months is what the code does."""

from hashlib import sha256
from pathlib import Path

from services.runtime.metrics import poster
from services.runtime.settings import Settings
from services.settlement.books import closing_transaction
from services.settlement.domain.book.seals import NO_SEAL, SealHash, sum_line
from services.settlement.periods import close
from services.settlement.posting import gauges

PAGE = " ".join((Path(__file__).parents[3] / "docs/settlement.md").read_text().split())


def test_the_limits_of_the_page_are_those_of_the_code() -> None:
    assert f"Ask for PERIOD, exclusive, for {close.PATIENCE_MS / 1000:g} s." in PAGE
    assert f"at most {close.PATIENCE_MS / 1000:g} s at a time" in PAGE
    assert f"After {close.TRIES} tries it waits for up to {close.LAST_PATIENCE_MS // 1000} s, once" in PAGE
    seconds = closing_transaction._SOON.partition("'")[2].partition("s'")[0]
    assert f"PostgreSQL ends the transaction after {seconds} s, and posters go on" in PAGE
    minutes = gauges.SEALS_EVERY * Settings.model_fields["gauge_seconds"].default / 60
    assert minutes == 10
    assert f"Each poster proves one seal every ten minutes (`{poster().seals_broken._name}`)" in PAGE


def test_a_seal_is_made_of_the_lines_of_the_page() -> None:
    """A reader's own program, by the page: six kinds of lines, each ended by a line feed."""
    for line in ("`koc-seal-1`", "64 zeros for the first close of all", "`ACCOUNT|CURRENCY|AMOUNT`", "sorted as bytes"):
        assert line in PAGE
    lines = ["koc-seal-1", "0" * 64, "2026-06", "1", "7,0", "bank:main|CNY|5", "vat:output|CNY|-5"]
    expected = sha256("".join(line + "\n" for line in lines).encode("ascii")).digest()
    made = SealHash(NO_SEAL, "2026-06", 1, (7, 0))
    assert made.add([sum_line("bank:main", "CNY", 5), sum_line("vat:output", "CNY", -5)]).digest() == expected
