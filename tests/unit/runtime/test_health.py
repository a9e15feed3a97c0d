"""What a process answers about itself: alive while its loop turns, ready when it says so."""

import pytest

from services.runtime import health
from services.runtime.health import STALE_SECONDS, Health


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
