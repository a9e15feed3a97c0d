"""Waiting for a condition: who answers late is asked again, and who cannot be reached at all ends the wait."""

import socket
import urllib.error
import urllib.request

import pytest

from tests.kit.waiting import until


@pytest.mark.parametrize("late", [TimeoutError("timed out"), urllib.error.URLError(TimeoutError("timed out"))])
def test_an_answer_that_is_late_is_asked_for_again(late: OSError) -> None:
    answers = [late, late]

    def holds() -> bool:
        if answers:
            raise answers.pop()
        return True

    until(holds, "it answers")
    assert answers == []


def test_the_last_answer_that_was_late_is_named_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(AssertionError, match=r"not within 0 s: it answers \(last: .*timed out"):
            until(lambda: urllib.request.urlopen(address, timeout=0.01), "it answers", 0)


@pytest.mark.parametrize("problem", [urllib.error.URLError(ConnectionRefusedError()), FileNotFoundError()])
def test_any_other_error_ends_the_wait_at_once(problem: OSError) -> None:
    def holds() -> bool:
        raise problem

    with pytest.raises(type(problem)):
        until(holds, "it answers")
