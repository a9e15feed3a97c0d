"""Faults of processes: frozen, killed again and again, two where one should be, none where one must be."""

import os
import signal
from collections.abc import Iterator

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
SPARE: Round = []
TWICE: Round = []
KILLED: Round = []
LEDGER_HELD: Round = []
COMMANDS_HELD: Round = []
RELAY_WORDS = ("settlement", "relay")
_KILLS = 5
_END_SESSIONS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND classid = 0 AND objid = %s AND granted AND pid <> pg_backend_pid()
"""


@fault(FROZEN, "KocProcessDown", "KocPosterStopped", what="the poster is frozen")
def the_poster_is_frozen(site: Site) -> Iterator[None]:
    with site.frozen("poster-1"):
        yield
    site.await_ready("poster-1")


@fault(HELD, "KocRelayMissing", "KocProcessNotReady", what="a session in the database holds the relay's election")
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
    with site.locked("relay"):
        yield


@fault(COMMANDS_HELD, "KocCommandsUnpublished", what="a forgotten transaction holds how far commands are published")
def commands_are_held_up(site: Site) -> Iterator[None]:
    with site.locked("command_relay"):
        output_of("brand", "paid", "br_payout", "1.00", "CNY", "--reason", "by bank")
        yield


@fault(SPARE, "KocInstanceDown", what="a relay that stands by is frozen", labels={"instance": "relay-2"})
def a_spare_is_frozen(site: Site) -> Iterator[None]:
    with KocProcess(site.folder / "relay-2", "relay-2", RELAY_WORDS) as spare:
        until(lambda: "standing by" in spare.readiness(), "the second relay stands by", process=spare)
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
            until(lambda: "standing by" in second.readiness(), "the second relay stands by", process=second)
            with site.superuser() as session:
                session.execute(_END_SESSIONS, (RELAY,))
            until(second.is_ready, "the second relay is elected", process=second)
            until(lambda: "standing by" in site.readiness("relay-1"), "the first one stands by")
            proxy.forget()
            until(lambda: not site.readiness("relay-1"), "the first one is elected too")
            yield
            site.prometheus.targets.remove(second)
    site.await_ready("relay-1")


@fault(KILLED, "KocProcessRestarts", what="the relay is killed as soon as it works, five times",
       labels={"instance": "relay-1"})  # fmt: skip
def the_relay_is_killed(site: Site) -> Iterator[None]:
    for _ in range(_KILLS):
        site.await_ready("relay-1")
        pid = site.stack.pid("relay-1")
        started = 'process_start_time_seconds{instance="relay-1"} and up{instance="relay-1"} == 1'
        before = {one["value"][1] for one in site.prometheus.ask(started)}
        os.kill(pid, signal.SIGKILL)
        until(lambda: {one["value"][1] for one in site.prometheus.ask(started)} - before, "its next start is scraped")  # noqa: B023
    yield
    site.await_ready("relay-1")
