"""The comparison with other engines: what counts as the same work, and how figures are made of runs."""

import json

import pytest

from tests.bench.peers import figures, truths
from tests.bench.peers.measuring import Run, Sample, run_of
from tests.bench.peers.truths import Published

LINE = ("o_1", "1")


def message(touch: int, koc: str) -> bytes:
    credit = {
        "content_id": "v_1", "koc_id": koc, "campaign_id": None, "traffic": "natural", "touch_id": "t",
        "touched_at": "2026-10-02T00:00:00Z", "weight_ppm": 1_000_000,
    }  # fmt: skip
    version = {"log": 0, "rules": 1, "touch": touch, "order": 1}
    return json.dumps(
        {"order_id": "o_1", "line_id": "1", "credits": [credit], "considered": [], "version": version}
    ).encode()


def published(*values: bytes) -> Published:
    return truths.gather(values)


def test_the_last_assertion_of_a_line_is_its_truth_in_whatever_order_it_is_read() -> None:
    early, late = message(1, "k_1"), message(2, "k_2")
    assert truths.difference(published(early, late), published(late, early)) is None
    assert published(late, early).emissions == 2


def test_a_peer_that_credits_another_has_not_done_the_same_work() -> None:
    told = truths.difference(published(message(1, "k_1")), published(message(1, "k_2")))
    assert told is not None
    assert "1 of 1 order lines" in told


def test_a_peer_that_misses_a_line_has_not_done_the_same_work() -> None:
    assert truths.difference(published(message(1, "k_1")), published()) is not None


def test_a_peer_that_leaves_a_field_out_has_not_done_the_same_work() -> None:
    fewer = json.loads(message(1, "k_1"))
    more = json.dumps({**fewer, "status": "paid"}).encode()
    assert truths.difference(published(more), published(message(1, "k_1"))) == "it publishes no status"


def test_cpu_is_counted_from_ready_to_committed_and_once_more_for_the_second_half() -> None:
    samples = [Sample(0, 10.0, 3.0), Sample(40, 11.0, 3.2), Sample(60, 12.0, 4.0), Sample(100, 14.0, 5.0)]
    run = run_of(samples, 100, {})
    assert run.cpu_us_per_event == pytest.approx(2.0 / 100 * 1e6)
    assert run.second_half_us == pytest.approx(1.0 / 40 * 1e6)
    assert run.events_per_second == pytest.approx(25.0)


def test_medians_count_and_ratios_are_to_the_first() -> None:
    results = [figures.Result(Run(us, us, 1000.0, {}), 10, 1600.0) for us in (9.0, 10.0, 99.0)]
    twice = [figures.Result(Run(20.0, 20.0, 500.0, {}), 10, 1600.0)]
    runs = {"ours": results, "quix": twice}
    assert figures.summary(runs)["ours"]["cpu_us_per_event"] == 10.0
    assert "20.00     2.00" in figures.table(runs)
