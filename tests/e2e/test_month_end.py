"""docs/finance.md's month end, each command as it stands there, on a shop whose month before is paid and closed."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.demo import month_end, shop_week
from services.demo.events import record
from services.demo.second_wave import second_wave
from services.demo.telling import Demo
from services.kernel.time import format_rfc3339
from services.operations.drain.positions import wait_until_drained
from services.runtime.publishing import publish
from tests.kit.command import KOC, output_of
from tests.kit.histories import DRAIN_SECONDS
from tests.kit.stacks import stack_of_its_own

PAGE = (Path(__file__).parents[2] / "docs/finance.md").read_text()
OCTOBER = "2026-10"


def block(name: str) -> str:
    (found,) = re.findall(rf"^```{re.escape(name)}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the demo's files: September is settled twice, paid and closed, as in the demo, October is open."""
    folder = tmp_path_factory.mktemp("month-end")
    with stack_of_its_own(folder / "stack", workers=1):
        week = shop_week.shop_week(300)
        wave = second_wave(week)
        for events, moment in (
            ([*week.registry, *week.log], shop_week.FIRST_RUN),
            ([*wave.registry, *wave.log], shop_week.SECOND_RUN),
        ):
            publish(map(record, events))
            wait_until_drained(DRAIN_SECONDS)
            output_of("settlement", "run", "--as-of", format_rfc3339(moment))
        told = Demo(print)
        month_end.close(told, [month_end.MONTH], month_end.pay(told, week.registry, folder), folder)
        assert told.problems == []
        yield folder


@pytest.fixture(scope="module")
def printed(closed: Path) -> dict[str, str]:
    """What each command of the page printed, in a folder that holds the payee file."""
    found: dict[str, str] = {}
    for line in block("month-end").splitlines():
        words = shlex.split(line)
        if words[1:3] == ["payout", "reply"]:
            pay_all(closed, found)
        done = subprocess.run([KOC, *words[1:]], cwd=closed, env={**os.environ}, capture_output=True, text=True)
        assert done.returncode == 0, f"{line}: {done.stdout[-1000:]}{done.stderr[-2000:]}"
        found[" ".join(words[1:3])] = done.stdout
    return found


def pay_all(folder: Path, found: dict[str, str]) -> None:
    """The page's bank replies to October's payouts."""
    shown = output_of("payout", "show", "october-payouts", "--json")
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", block("python bank.py")], input=shown, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (folder / "reply.csv").write_text(done.stdout)
    found["payouts"] = shown


@pytest.mark.usefixtures("printed")
def test_the_month_is_closed_in_ten_commands() -> None:
    assert len(block("month-end").splitlines()) == 10
    assert [one["period"] for one in json.loads(output_of("period", "list", "--json"))] == [month_end.MONTH, OCTOBER]


def test_october_pays_what_september_kept_back(printed: dict[str, str]) -> None:
    payouts = json.loads(printed["payouts"])["rows"]
    assert payouts
    (batch,) = (one for one in json.loads(output_of("payout", "list", "--json")) if one["batch"] == "october-payouts")
    assert [(state["status"], state["payouts"]) for state in batch["states"]] == [("confirmed", len(payouts))]


def test_statements_of_everybody_lie_in_the_folder(closed: Path, printed: dict[str, str]) -> None:
    assert printed["statement write"]
    written = sorted(file.name for file in (closed / "statements").iterdir())
    assert len(written) == json.loads(output_of("period", "show", OCTOBER, "--json"))["statements"]
    assert all(name.endswith(".pdf") for name in written)


def test_the_books_are_as_they_should_be_and_so_is_their_audit_from_topics(printed: dict[str, str]) -> None:
    assert printed["ledger verify"]
    output_of("drain")
    output_of("ledger", "audit", "--from-topics")
