"""The registry of metrics: what it declares is bounded, and gauges show what is there and nothing else."""

from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import REGISTRY

from services.runtime import metric_labels as label
from services.runtime import metrics
from services.runtime.metric_labels import MetricLabel
from services.runtime.metrics import show_only
from services.settlement.books.failures import _CAUSES
from services.settlement.domain.book.chart import CHART
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.lines.vectors import Precedence
from services.settlement.domain.pricing.price import NO_PLAN
from services.settlement.domain.settling.ageing import AGES_DAYS
from services.settlement.domain.settling.candidates import BLOCKING_REASONS
from services.settlement.posting.post_credits import QUARANTINED, SECOND_OWNER
from services.settlement.posting.readings import IN_TRANSIT_DAYS
from tests.kit.metrics import allows, declared, groups

DECLARED = [one for group in groups().values() for one in group.declared]


def samples(gauge: Any) -> dict[tuple[str, ...], float]:
    return {tuple(one.labels.values()): one.value for family in gauge.collect() for one in family.samples}


@pytest.fixture
def clean() -> Iterator[None]:
    """What these tests show is gone afterwards."""
    yield
    metrics.poster().payouts.clear()
    metrics.poster().period_end.set(None)


def test_every_metric_is_declared_with_a_name_a_unit_and_a_sentence() -> None:
    assert len(declared()) == len(DECLARED)
    for one in DECLARED:
        assert one.name.startswith("koc_"), one.name
        assert one.name.endswith("_total") == (one.type == "counter"), one.name
        assert one.meaning.endswith("."), one.name
        assert (one.repetition is None) == (one.type == "gauge"), one.name


def test_what_is_registered_is_what_is_declared() -> None:
    registered = {family.name for family in REGISTRY.collect() if family.name.startswith("koc_")}
    assert registered == {one.name.removesuffix("_total") for one in DECLARED}


def test_a_label_is_a_list_of_words_or_a_pattern_that_no_name_of_an_order_fits() -> None:
    for one in {one for metric in DECLARED for one in metric.labels}:
        assert bool(one.values) != bool(one.like), one.name
        assert all(allows(one, value) for value in one.values)
        assert not allows(one, "koc:k_7/o_1"), one.name


def test_the_words_of_labels_are_those_of_the_code() -> None:
    def words(of: MetricLabel) -> set[str]:
        return set(of.values)

    assert words(label.PURPOSE) == {template.purpose for template in CHART}
    assert words(label.VERDICT) == {one.value for one in Precedence} | {SECOND_OWNER, QUARANTINED, "repriced"}
    assert words(label.LINE_RESULT) == {"settled", *BLOCKING_REASONS}
    assert words(label.RETRY_CAUSE) == {cause for _, cause in _CAUSES} | {"fenced", "owned_elsewhere", "stalled"}
    assert words(label.UNPRICED) == {NO_PLAN}
    assert label.DEBT_DAYS.values == tuple(map(str, AGES_DAYS))
    assert label.TRANSIT_DAYS.values == tuple(map(str, IN_TRANSIT_DAYS))
    assert all(allows(label.KIND, kind.text) for kind in Kind)


@pytest.mark.usefixtures("clean")
def test_a_gauge_shows_the_series_that_are_there_now_and_no_others() -> None:
    gauge = metrics.poster().payouts
    show_only(gauge, {("instructed",): 2, ("confirmed",): 1})
    show_only(gauge, {("confirmed",): 3})
    assert samples(gauge) == {("confirmed",): 3}


@pytest.mark.usefixtures("clean")
def test_a_measured_gauge_has_no_series_until_there_is_something_to_measure() -> None:
    gauge = metrics.poster().period_end
    assert samples(gauge) == {}
    gauge.set(5)
    assert samples(gauge) == {(): 5}
    gauge.set(None)
    assert samples(gauge) == {}
