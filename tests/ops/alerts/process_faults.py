"""Faults of processes: frozen, killed again and again, two where one should be, none where one must be."""

import os
import signal
from collections.abc import Iterator

import psutil
from sqlalchemy import make_url

from services.settlement.relay.store import RELAY
from tests.kit.command import output_of
from tests.kit.half_open import HalfOpenProxy
from tests.kit.processes import KocProcess
from tests.kit.waiting import until
from tests.ops.alerts.fault import Round, fault
from tests.ops.alerts.site import Site

FROZEN: Round = []
HELD: Round = []
BLOCKED: Round = []
SPARE: Round = []
TWICE: Round = []
KILLED: Round = []
LEDGER_HELD: Round = []
COMMANDS_HELD: Round = []
RELAY_WORDS = ("settlement", "relay")
_START_SECONDS = 120.0
"""For a process on a machine that has much else to do."""
_STARTED = 'process_start_time_seconds{{instance="relay-1"}} > {}'
_END_SESSIONS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND classid = 0 AND objid = %s AND granted AND pid <> pg_backend_pid()
"""


@fault(FROZEN, "KocProcessDown", "KocPosterStopped", what="the poster is frozen")
def the_poster_is_frozen(site: Site) -> Iterator[None]:
    with site.frozen("poster-1"):
        yield
    site.await_ready("poster-1")


@fault(BLOCKED, "KocProcessNotReady", what="a forgotten migration holds the schema's version, and the poster is killed",
       labels={"job": "poster"})  # fmt: skip
def a_start_waits(site: Site) -> Iterator[None]:
    with site.forgotten("LOCK TABLE alembic_version"):
        os.kill(site.stack.pid("poster-1"), signal.SIGKILL)
        yield
    site.await_ready("poster-1")


@fault(HELD, "KocRelayMissing", what="a session in the database holds the relay's election")
def the_election_is_held(site: Site) -> Iterator[None]:
    with site.superuser() as session:
        session.execute(_END_SESSIONS, (RELAY,))
        assert session.execute("SELECT pg_try_advisory_lock(%s)", (RELAY,)).fetchone() == (True,)
        yield
        with site.superuser() as person:
            person.execute(_END_SESSIONS, (RELAY,))
    site.await_ready("relay-1")


@fault(LEDGER_HELD, "KocRelayStuck", what="a forgotten transaction holds how far the ledger is published")
def the_ledger_is_held_up(site: Site) -> Iterator[None]:
    with site.forgotten("SELECT 1 FROM relay FOR UPDATE"):
        yield


@fault(COMMANDS_HELD, "KocCommandsUnpublished", what="a forgotten transaction holds how far commands are published")
def commands_are_held_up(site: Site) -> Iterator[None]:
    with site.forgotten("SELECT 1 FROM command_relay FOR UPDATE"):
        output_of("brand", "paid", "br_payout", "1.00", "CNY", "--reason", "by bank")
        yield


@fault(SPARE, "KocInstanceDown", what="a relay that stands by is frozen", labels={"instance": "relay-2"})
def a_spare_is_frozen(site: Site) -> Iterator[None]:
    with KocProcess(site.folder / "relay-2", "relay-2", RELAY_WORDS) as spare:
        until(spare.is_ready, "the second relay stands by", _START_SECONDS, spare)
        site.prometheus.targets.add(spare)
        until(lambda: site.prometheus.ask('up{instance="relay-2"} == 1'), "it is scraped")
        spare.send_signal(signal.SIGSTOP)
        yield
        spare.send_signal(signal.SIGCONT)
        site.prometheus.targets.remove(spare)


@fault(TWICE, "KocRelayTwice", what="a network forgets the elected relay's connection, and a second relay is elected")
def two_relays_are_elected(site: Site) -> Iterator[None]:
    address = make_url(site.stack.settings()["database_url"])
    assert address.port is not None
    with HalfOpenProxy(address.port) as proxy:
        led = address.set(port=proxy.port).render_as_string(hide_password=False)
        folder = site.folder / "relay-3"
        with KocProcess(folder, "relay-3", RELAY_WORDS, {"KOC_DATABASE_URL": led}) as second:
            site.prometheus.targets.add(second)
            until(second.is_ready, "the second relay stands by", _START_SECONDS, second)
            with site.superuser() as session:
                session.execute(_END_SESSIONS, (RELAY,))
            until(lambda: second.metric("koc_relay_leader"), "the second relay is elected", process=second)
            site.await_ready("relay-1")
            proxy.forget()
            yield
            site.prometheus.targets.remove(second)
    site.await_ready("relay-1")


@fault(KILLED, "KocProcessRestarts", what="the relay is killed whenever it works", labels={"instance": "relay-1"})
def the_relay_is_killed(site: Site) -> Iterator[None]:
    with site.again_and_again(lambda: _kill_once_scraped(site)):
        yield
    site.await_ready("relay-1")


def _kill_once_scraped(site: Site) -> None:
    """Let Prometheus see the relay's newest start, then end it."""
    site.await_ready("relay-1")
    pid = site.stack.pid("relay-1")
    until(lambda: site.prometheus.ask(_STARTED.format(psutil.Process(pid).create_time() - 1)), "it is scraped")
    os.kill(pid, signal.SIGKILL)
