"""docs/integration.md says what the code does: its words, limits and figures are those of the contract."""

import re
from pathlib import Path

import pytest

from schemas import fields
from schemas.reasons import Reason
from schemas.specimens import MODELS
from schemas.topics import CLICKS, DAY_MS, INPUTS, ORDERS, REGISTRY
from services.attribution.domain.horizons import FACTS_PER_ORDER, FUTURE, TOUCHES_PER_DAY
from services.attribution.policy.file import POLICY_FILE, read_policy_file
from services.kernel.time import DAY, HOUR

PAGE = (Path(__file__).parents[3] / "docs/integration.md").read_text()
CODE = set(re.findall(r"`([^`\n]+)`", PAGE))


def test_every_reason_has_a_row_with_what_to_do() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \| [^|]+ \| [^|]+ \|$", PAGE, re.MULTILINE)
    assert rows == ["reason", *Reason]


@pytest.mark.parametrize("topic", INPUTS, ids=lambda topic: topic.name)
def test_every_input_topic_has_a_row(topic: object) -> None:
    (row,) = re.findall(rf"^\| `{re.escape(topic.name)}` .*$", PAGE, re.MULTILINE)  # type: ignore[attr-defined]
    cells = [cell.strip() for cell in row.split("|")[1:-1]]
    kept = "for ever" if topic is REGISTRY else f"{topic.retention_ms // DAY_MS} days"  # type: ignore[attr-defined]
    assert cells[2:4] == [str(topic.partitions), kept]  # type: ignore[attr-defined]
    (item,) = re.findall(rf"^- `{re.escape(topic.name)}`:(.*?)(?=^\S|^$)", PAGE, re.MULTILINE | re.DOTALL)  # type: ignore[attr-defined]
    assert set(MODELS[topic.name]) <= set(re.findall(r"`([^`]+)`", item))  # type: ignore[attr-defined]


@pytest.mark.parametrize("topic", [CLICKS.name, ORDERS.name])
def test_every_field_is_named(topic: str) -> None:
    for model in MODELS[topic].values():
        schema = model.model_json_schema()
        for part in [schema, *schema.get("$defs", {}).values()]:
            assert set(part["properties"]) - CODE == set(), part["title"]


def test_the_horizons_are_those_of_the_policy_file() -> None:
    horizons = read_policy_file(POLICY_FILE).horizons
    for name, span in (
        ("L", horizons.touch_lateness), ("LO", horizons.order_lateness), ("H", horizons.order_memory),
        ("W", horizons.candidate_window),
    ):  # fmt: skip
        assert re.search(rf"\b{name} = {span // DAY} days", PAGE), name
    assert FUTURE == HOUR
    assert {"touch_lateness_days", "order_lateness_days", "order_memory_days", "candidate_window_days"} <= CODE


def test_the_limits_are_those_of_the_contract() -> None:
    assert "1 to 128 characters" in PAGE
    assert fields.IDENTIFIER_PATTERN == r"^[A-Za-z0-9._~=+@:-]{1,128}$"
    assert fields.WORD_PATTERN == r"^[a-z][a-z0-9_]{0,31}$"
    assert (fields.MAX_LINES, fields.MAX_REASON_LENGTH, TOUCHES_PER_DAY, FACTS_PER_ORDER) == (200, 200, 200, 200)
    assert fields.MAX_AMOUNT_MINOR == 10**12
    assert f"1 to {fields.MAX_QUANTITY:,}" in PAGE
    assert f"at most {fields.MAX_EVENT_BYTES // 1024} KiB" in PAGE
    assert f"{fields.CENTURY[0]} to {fields.CENTURY[1] - 1}" in PAGE
