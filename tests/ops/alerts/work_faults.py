"""Faults of work that goes on badly: a slow database, one that cuts connections, bad events, full disks."""

from collections.abc import Iterator
from contextlib import contextmanager

from services.demo.events import Event
from services.kernel.time import format_rfc3339
from tests.ops.alerts.fault import Round, fault
from tests.ops.alerts.site import Site
from tests.ops.alerts.small_volumes import filled
from tests.ops.alerts.world import CALM_BRAND, priced

LATE: Round = []
STANDSTILL: Round = []
CUT: Round = []
BAD_EVENTS = 60
_SLOW = """
CREATE FUNCTION be_slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep({seconds}); RETURN NULL; END';
CREATE TRIGGER slowness AFTER {what} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION be_slow();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER slowness;
"""
_CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'koc-poster-1%'"


@fault(LATE, "KocFreshnessBurnFast", "KocFreshnessBurnSlow", what="the database takes six seconds to write the journal",
       clears_within=200, lasts=("KocFreshnessBurnSlow",))  # fmt: skip
def the_database_is_slow(site: Site) -> Iterator[None]:
    with _slow(site, "journal", "INSERT", 6):
        yield


@fault(LATE, "KocRefusedShareBurnFast", "KocRefusedShareBurnSlow", what=f"{BAD_EVENTS} orders lack their lines",
       clears_within=200, lasts=("KocRefusedShareBurnSlow",))  # fmt: skip
def events_are_bad(site: Site) -> Iterator[None]:
    site.publish(*(_bad_order(site, number) for number in range(BAD_EVENTS)))
    yield


@fault(STANDSTILL, "KocRepriceStuck", "KocLoopStalled", what="each chunk of a reprice job takes six seconds",
       lasts=("KocRepriceStuck",), clears_within=300)  # fmt: skip
def repricing_is_slow(site: Site) -> Iterator[None]:
    with _slow(site, "reprice_progress", "UPDATE", 6):
        site.publish(priced(site, CALM_BRAND.removeprefix("br_"), 210_000))
        yield


@fault(STANDSTILL, "KocSnapshotFailed", "KocSnapshotOld", what="the volume of snapshots is full")
def snapshots_have_no_room(site: Site) -> Iterator[None]:
    with filled(site.disks.snapshots, left=0.0):
        yield


@fault(STANDSTILL, "KocDiskFilling", what="five percent of the worker's disk are left", labels={"volume": "state"})
def the_state_has_little_room(site: Site) -> Iterator[None]:
    with filled(site.disks.state, left=0.05):
        yield


@fault(CUT, "KocDatabaseRetries", what="the poster's connections are cut every second")
def connections_are_cut(site: Site) -> Iterator[None]:
    with site.superuser() as session, site.again_and_again(lambda: session.execute(_CUT), every=1.0):
        yield


@contextmanager
def _slow(site: Site, table: str, what: str, seconds: int) -> Iterator[None]:
    """Within the block the database takes so long for each of these statements."""
    with site.superuser() as session:
        session.execute(_SLOW.format(table=table, what=what, seconds=seconds))
        yield
        session.execute(f"DROP TRIGGER slowness ON {table}; DROP FUNCTION be_slow()")


def _bad_order(site: Site, number: int) -> Event:
    return {
        "event_id": f"bad_{number}", "event_type": "order.paid", "occurred_at": format_rfc3339(site.before(1)),
        "order_id": f"o_bad_{number}", "buyer_id": f"b_bad_{number}",
    }  # fmt: skip
