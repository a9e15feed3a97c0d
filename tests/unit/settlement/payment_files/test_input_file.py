"""Files that people hand us have a limit, and are text."""

from pathlib import Path

import pytest

from services.kernel.errors import InputRefused
from services.settlement.payment_files.input_file import MAX_FILE_BYTES, read_input, read_text


def test_a_file_over_the_limit_is_refused(tmp_path: Path) -> None:
    large = tmp_path / "large.csv"
    with large.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(InputRefused, match=r"^large.csv has more than 64 MiB$"):
        read_input(large)
    with large.open("wb") as file:
        file.truncate(MAX_FILE_BYTES)
    assert len(read_input(large)) == MAX_FILE_BYTES


def test_text_is_utf_8_with_or_without_a_mark() -> None:
    assert read_text(b"\xef\xbb\xbfa") == read_text(b"a") == "a"
    with pytest.raises(InputRefused, match=r"^line 2: the file is not UTF-8"):
        read_text(b"a\n\xce\n")
