"""What a process answers about itself: alive while its loop turns, ready when it says so."""

import os
import signal
import threading
from time import monotonic

import pytest

from services.kernel.errors import InvariantBroken
from services.runtime import health
from services.runtime.health import STALE_SECONDS, Health
from services.runtime.metrics import common
from tests.kit.stacks import with_environment
from tests.kit.waiting import until


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time of the process, in its only place."""
    now = [1_000.0]
    monkeypatch.setattr(health.time, "monotonic", lambda: now[0])
    return now


def test_a_process_is_alive_until_its_loop_has_stood_still_for_a_minute(clock: list[float]) -> None:
    process = Health("poster-1")
    process.beat()
    clock[0] += STALE_SECONDS
    assert process.answer("/healthz") == (200, "text/plain", b"ok\n")
    clock[0] += 1
    assert process.answer("/healthz") == (503, "text/plain", b"the loop has not turned for 61 s\n")
    process.beat()
    assert process.answer("/healthz")[0] == 200


def test_a_process_is_ready_when_it_names_no_reason_against_it() -> None:
    process = Health("poster-1")
    assert process.answer("/readyz") == (503, "text/plain", b"starting\n")
    process.not_ready = lambda: None
    assert process.answer("/readyz") == (200, "text/plain", b"ok\n")


def test_an_unknown_path_is_answered_with_the_known_ones() -> None:
    status, _, body = Health("poster-1").answer("/")
    assert (status, body) == (404, b"try /metrics, /healthz or /readyz\n")


def test_its_metrics_say_whether_it_is_ready_when_its_loop_turned_and_which_build_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    process = Health("poster-1")
    assert "\nkoc_ready 0.0\n" in metrics_of(process)
    process.not_ready = lambda: None
    assert "\nkoc_ready 1.0\n" in metrics_of(process)
    monkeypatch.setattr("prometheus_client.metrics.time.time", lambda: 1_900_000_000.0)
    process.beat()
    assert "\nkoc_heartbeat_timestamp_seconds 1.9e+09\n" in metrics_of(process)
    assert 'koc_build_info{process="poster-1",version="' in metrics_of(process)


def metrics_of(process: Health) -> str:
    status, _, body = process.answer("/metrics")
    assert status == 200
    return body.decode()


BROKEN = InvariantBroken("two truths of one line", "poison_credit")


def ended_by(process: Health, seconds: str) -> float:
    """Let an invariant break in a process that lingers so long; how long that took."""
    began = monotonic()
    with (
        with_environment({"KOC_LINGER_SECONDS": seconds}),
        pytest.raises(InvariantBroken, match="two truths"),
        process.lingering(),
    ):
        raise BROKEN
    return monotonic() - began


def test_a_process_whose_invariant_is_broken_goes_on_answering_until_it_is_asked_to_end() -> None:
    process = Health("poster-1")
    process.not_ready = lambda: None
    answers = []

    def scrape_and_ask() -> None:
        until(lambda: process.answer("/healthz")[0] == 503, "it is no longer alive")
        answers.extend(process.answer(path) for path in ("/healthz", "/readyz", "/metrics"))
        os.kill(os.getpid(), signal.SIGTERM)

    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    scraper = threading.Thread(target=scrape_and_ask)
    scraper.start()
    try:
        assert ended_by(process, "300") < 60
    finally:
        scraper.join()
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert answers[:2] == [(503, "text/plain", b"two truths of one line\n")] * 2
    exposed = answers[2][2].decode()
    assert "\nkoc_ready 0.0\n" in exposed
    assert 'koc_invariant_violations_total{invariant="poison_credit"}' in exposed


def test_whoever_sees_a_broken_invariant_can_ask_for_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    process = Health("poster-1")
    process.not_ready = lambda: None
    seen = []
    monkeypatch.setattr(health.signal, "signal", lambda *_: seen.append(process.answer("/healthz")[0]))
    process.report(BROKEN)
    assert (seen, process.answer("/healthz")[0]) == ([200, 200], 503)


def test_the_first_broken_invariant_counts_once_and_by_default_nothing_lingers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    process = Health("poster-1")
    counter = common().invariants.labels("poison_credit")
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    before = counter._value.get()
    process.report(BROKEN)
    waited: list[float] = []
    monkeypatch.setattr(process._asked_to_end, "wait", waited.append)
    ended_by(process, "0")
    assert waited == [0]
    assert counter._value.get() == before + 1
    for number, handler in handlers.items():
        signal.signal(number, handler)
