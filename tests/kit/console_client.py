"""The console as a program uses it: pages and forms over HTTP, as a person who has signed in."""

import re
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import httpx2

from tests.kit.waiting import until

_SECONDS = 60.0


class ConsoleClient:
    """One browser without eyes.

    Args:
        address: of the console.
    """

    def __init__(self, address: str) -> None:
        self._http = httpx2.Client(base_url=address, timeout=_SECONDS, follow_redirects=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def page(self, path: str) -> str:
        """The text of a page that is there."""
        answer = self._http.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code}\n{answer.text}"
        return str(answer.text)

    def sign_in(self, name: str, password: str) -> None:
        """Begin a session of a person."""
        assert f'<span class="person">{name}</span>' in self._send("/enter", name=name, password=password)

    def send_again(self, positions: Sequence[str]) -> str:
        """Send refused events again; the page that says what became of them."""
        shown = self._send("/dead-letters/again", position=list(positions), confirmed=str(len(positions)))
        found = re.search(r"/dead-letters/sent/\d+", shown)
        assert found is not None, shown
        until(lambda: 'hx-trigger="' not in self.page(found[0]), "the events are sent again", _SECONDS)
        return self.page(found[0])

    def _send(self, path: str, **fields: str | list[str]) -> str:
        token = re.search(r'name="form_token" value="(\w+)"', self.page("/enter"))
        assert token is not None
        answer = self._http.post(path, data={"form_token": token[1], **fields})
        assert answer.status_code == 200, f"{path}: {answer.status_code}\n{answer.text}"
        return str(answer.text)
