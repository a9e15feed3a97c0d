"""docs/runbook.md and the README are read in a hurry: the metrics and commands that they name exist."""

import re
from pathlib import Path
from typing import Any

import prometheus_client
import pytest
import typer

from services.cli.main import COMMANDS, koc
from services.runtime import metrics

ROOT = Path(__file__).parents[3]
PAGES = (
    "README.md",
    *(f"docs/{page}.md" for page in ("operations", "runbook", "settlement", "finance", "architecture")),
)
pages = pytest.mark.parametrize("page", PAGES)


@pages
def test_every_metric_that_a_page_names_is_declared(page: str) -> None:
    for declare in (metrics.common, metrics.attribution, metrics.poster, metrics.relay):
        declare()
    declared = {
        sample
        for family in prometheus_client.REGISTRY.collect()
        for sample in (family.name, f"{family.name}_total")
        if family.name.startswith("koc_")
    }
    named = set(re.findall(r"`(koc_(?:attribution|poster|relay|lag|invariant)_\w+)", (ROOT / page).read_text()))
    assert named <= declared


@pages
def test_every_command_and_option_that_a_page_names_exists(page: str) -> None:
    command: Any = typer.main.get_command(koc)
    for text in re.findall(r"(?:`|bin/|^)koc ([a-z][^`\n#]*)", (ROOT / page).read_text(), re.MULTILINE):
        words = [word for word in re.split(r"[\s|,\[\]]+", text) if re.fullmatch(r"[a-z-]+|--[a-z-]+", word)]
        group = command.get_command(None, words[0]) if words[0] in COMMANDS else None
        assert group is not None, text
        names = getattr(group, "commands", {})
        found = names.get(words[1], group) if len(words) > 1 else group
        options = {name for one in found.params for name in one.opts}
        assert {word for word in words if word.startswith("--")} <= options, text
        assert not names or len(words) == 1 or words[1] in names, text
