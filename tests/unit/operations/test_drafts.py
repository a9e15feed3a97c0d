"""The names that people give runs and batches: a command's id, which stands in topics and in names of files."""

import pytest

from services.kernel.errors import InputRefused
from services.operations.settle.propose import proposal_draft
from services.operations.settle.settle import draft_of


@pytest.mark.parametrize("draft", [proposal_draft, draft_of])
def test_a_run_and_a_batch_have_the_id_that_was_given_or_one_of_their_moment(draft) -> None:
    assert draft(0, "december", "a test").id == "december"
    assert draft(0, None, "a test").id.endswith("-1970-01-01T00:00:00Z")


@pytest.mark.parametrize("draft", [proposal_draft, draft_of])
@pytest.mark.parametrize("name", ["../december", "december 2026", "<script>", "十二月", "x" * 300])
def test_a_name_that_is_no_identifier_is_refused(draft, name: str) -> None:
    with pytest.raises(InputRefused, match="is no name of a command"):
        draft(0, name, "a test")


@pytest.mark.parametrize("draft", [proposal_draft, draft_of])
def test_a_reason_of_two_lines_is_refused(draft) -> None:
    with pytest.raises(InputRefused, match="a reason is"):
        draft(0, "december", "a\ntest")
