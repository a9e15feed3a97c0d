"""The console as a process of a test's own."""

import re
from collections.abc import Mapping
from pathlib import Path

from tests.kit.processes import KocProcess
from tests.kit.waiting import until

_SAID = re.compile(r"the console is at (http://\S+)/")


class ConsoleProcess(KocProcess):
    """`koc console` on a free port of loopback; it answers at `address` once it is started."""

    def __init__(self, folder: Path, name: str = "console", environment: Mapping[str, str] | None = None) -> None:
        super().__init__(folder, name, ["console", "--port", "0"], environment)

    @property
    def address(self) -> str:
        """`http://127.0.0.1:PORT`, after a wait until it answers."""
        return address_of(self)


def address_of(console: KocProcess) -> str:
    """Where a console answers, `http://127.0.0.1:PORT`, after a wait until it does."""
    until(lambda: _SAID.search(console.log()), "the console answers", process=console)
    return str(_SAID.findall(console.log())[-1])
