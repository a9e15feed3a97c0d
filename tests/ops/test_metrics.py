"""What is held against the registry would be found: a page that is right, and pages that are not."""

import pytest
from prometheus_client import generate_latest

from services.runtime import metrics
from tests.kit.without import installed
from tests.ops.exposition import complaints, findings


@pytest.fixture
def page() -> str:
    """What a relay exposes, before anything has happened."""
    metrics.common()
    metrics.relay()
    names = [
        metric.name.removesuffix("_total") for group in (metrics.common(), metrics.relay()) for metric in group.declared
    ]
    lines = generate_latest().decode().splitlines()
    return "".join(f"{line}\n" for line in lines if any(name in line for name in names))


def test_a_page_as_the_registry_says_has_no_finding(page: str) -> None:
    assert complaints(installed("promtool"), page) == ""
    assert findings("relay", page) == []


@pytest.mark.parametrize(
    ("right", "wrong", "finding"),
    [
        ("koc_relay_leader", "koc_relay_head", "koc_relay_leader is declared and not served"),
        ("koc_relay_leader", "koc_relay_head", "koc_relay_head is served and not declared"),
        ("koc_relay_leader gauge", "koc_relay_leader counter", "koc_relay_leader is a counter, not a gauge"),
        ("1 while this process is the elected relay", "the boss", "koc_relay_leader has another meaning: the boss."),
        ("koc_relay_leader 0.0", 'koc_relay_leader{order="o_1"} 0.0',
         "koc_relay_leader has labels that are not declared: {'order': 'o_1'}"),
    ],
)  # fmt: skip
def test_a_page_that_is_not_as_the_registry_says_is_found(page: str, right: str, wrong: str, finding: str) -> None:
    assert right in page
    assert finding in findings("relay", page.replace(right, wrong))


def test_series_of_nobody_and_names_without_a_base_unit_are_found(page: str) -> None:
    stray = page + "# HELP faust_events_runtime_ms x\n# TYPE faust_events_runtime_ms gauge\nfaust_events_runtime_ms 1\n"
    assert "faust_events_runtime_ms is nobody's" in findings("relay", stray)
    assert "abbreviated units" in complaints(installed("promtool"), stray)
