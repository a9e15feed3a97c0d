"""Moments that a timetable can ask for: the same all day long, in the settlement zone."""

import pytest

from services.cli import moments
from services.kernel.errors import InputRefused
from services.kernel.time import format_rfc3339, parse_rfc3339
from services.runtime.settings import settings
from tests.kit.stacks import with_environment


def at(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(moments, "_now", lambda: parse_rfc3339(text))


@pytest.mark.parametrize(
    ("now", "zone", "begins"),
    [
        ("2026-11-30T16:15:00Z", "480", "2026-11-30T16:00:00Z"),
        ("2026-12-01T15:59:59Z", "480", "2026-11-30T16:00:00Z"),
        ("2026-11-30T15:59:59Z", "480", "2026-11-29T16:00:00Z"),
        ("2026-12-01T02:59:59Z", "-180", "2026-11-30T03:00:00Z"),
        ("2026-12-01T00:00:00Z", "0", "2026-12-01T00:00:00Z"),
    ],
)
def test_today_is_the_last_midnight_of_the_settlement_zone(
    monkeypatch: pytest.MonkeyPatch, now: str, zone: str, begins: str
) -> None:
    at(monkeypatch, now)
    with with_environment({"KOC_SETTLEMENT_ZONE_MINUTES": zone}):
        assert format_rfc3339(moments.moment_or_now("today")) == begins


@pytest.mark.parametrize(
    ("now", "zone", "month"),
    [
        ("2026-12-09T22:15:00Z", "480", "2026-11"),
        ("2026-12-31T16:00:00Z", "480", "2026-12"),
        ("2026-12-31T15:59:59Z", "480", "2026-11"),
        ("2026-01-01T02:00:00Z", "-180", "2025-11"),
        ("2026-01-10T00:00:00Z", "0", "2025-12"),
    ],
)
def test_last_is_the_month_that_ended_last(monkeypatch: pytest.MonkeyPatch, now: str, zone: str, month: str) -> None:
    at(monkeypatch, now)
    with with_environment({"KOC_SETTLEMENT_ZONE_MINUTES": zone}):
        assert moments.month_or_last("last") == month


def test_what_a_person_writes_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, "2026-12-09T22:15:00Z")
    settings.cache_clear()
    assert moments.month_or_last("2026-10") == "2026-10"
    assert moments.moment_or_now(None) == parse_rfc3339("2026-12-09T22:15:00Z")
    assert moments.moment_or_now("2026-12-01T00:00:00+08:00") == parse_rfc3339("2026-11-30T16:00:00Z")
    with pytest.raises(InputRefused, match="or `today`"):
        moments.moment_or_now("yesterday")
