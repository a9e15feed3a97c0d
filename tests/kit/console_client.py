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
        token: that readers must show; None = the console wants none.
    """

    def __init__(self, address: str, token: str | None = None) -> None:
        proof = {} if token is None else {"authorization": f"Bearer {token}"}
        self._http = httpx2.Client(base_url=address, timeout=_SECONDS, follow_redirects=True, headers=proof)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    @property
    def cookies(self) -> dict[str, str]:
        """What the browser keeps."""
        return dict(self._http.cookies)

    def page(self, path: str) -> str:
        """The text of a page that is there."""
        answer = self._http.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code}\n{answer.text}"
        return str(answer.text)

    def shown(self, path: str) -> str:
        """What a link leads to, be it a page, a file, nothing new, or a page that says why there is none."""
        answer = self._http.get(path)
        assert answer.status_code < 500, f"{path}: {answer.status_code}\n{answer.text}"
        return str(answer.text)

    def sign_in(self, name: str, password: str) -> None:
        """Begin a session of a person."""
        assert f'<span class="person">{name}</span>' in self._send("/enter", name=name, password=password)

    def fail_to_sign_in(self, name: str, password: str) -> str:
        """Try it with a password that is wrong; the page that says so."""
        answer = self._answer("/enter", name=name, password=password)
        assert answer.status_code == 403, answer.text
        return str(answer.text)

    def send_again(self, positions: Sequence[str]) -> str:
        """Send refused events again; the page that says what became of them."""
        shown = self._send("/dead-letters/again", position=list(positions), confirmed=str(len(positions)))
        found = re.search(r"/dead-letters/sent/\d+", shown)
        assert found is not None, shown
        until(lambda: 'hx-trigger="' not in self.page(found[0]), "the events are sent again", _SECONDS)
        return self.page(found[0])

    def _send(self, path: str, **fields: str | list[str]) -> str:
        answer = self._answer(path, **fields)
        assert answer.status_code == 200, f"{path}: {answer.status_code}\n{answer.text}"
        return str(answer.text)

    def _answer(self, path: str, **fields: str | list[str]) -> httpx2.Response:
        token = re.search(r'name="form_token" value="(\w+)"', self.page("/enter"))
        assert token is not None
        return self._http.post(path, data={"form_token": token[1], **fields})
