"""The whole service over TLS, each part under its own principal with the rights that are listed, by either login."""

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from schemas.topics import COMMANDS, CREDITS, LEDGER
from tests.kit.acls import Audit, spoil_topics
from tests.kit.secure_broker import SecureBroker
from tests.kit.secure_life import Life
from tests.kit.tls_postgres import TlsPostgres
from tests.kit.waiting import until

WAYS = ("password", "certificate")

ANSWERED_ALL = {("DescribeCluster", "Cluster:kafka-cluster"), ("InitProducerId", "Cluster:kafka-cluster")}
"""Requests whose refusal leaves a field out, or that a right on a topic allows in the next moment."""

ANSWERED = {("koc-replayer", "OffsetFetch", f"Topic:{CREDITS.name}")}
"""The poster's group reads credits, too; the answer leaves out what the replayer may not see and does not need."""


class Seen(NamedTuple):
    """What a life has shown."""

    applied: str
    explained: str
    refused: list[dict[str, object]]
    replayed: dict[str, object]
    findings: list[dict[str, object]]
    ledger: dict[str, int]
    sent: str


class Lives(NamedTuple):
    """A life by each way, and where in the broker's log they begin: other tests ask for what they may not have."""

    seen: dict[str, Seen]
    log_from: int


@pytest.fixture(scope="module")
def lives(broker: SecureBroker, database: TlsPostgres, folder: Path) -> Lives:
    """A life by passwords and then one by certificates, on the same broker and database."""
    log_from = len(broker.log())
    logins = dict(zip(WAYS, (broker.by_password, broker.by_certificate), strict=True))
    seen = {way: live(Life(folder / way, logins[way], database.environment(), way), broker) for way in WAYS}
    return Lives(seen, log_from)


def live(life: Life, broker: SecureBroker) -> Seen:
    life.folder.mkdir()
    life.koc("koc-topics", "topics", "apply")
    spoil_topics(broker.own_bootstrap)
    applied = life.koc("koc-topics", "topics", "apply")
    life.koc("koc-topics", "settlement", "migrate")
    with life.processes():
        life.publish()
        life.koc("koc-operator", "drain", "--timeout", "150")
        life.koc("koc-operator", "settlement", "run", "--id", f"run-{life.name}")
        life.koc("koc-operator", "drain", "--timeout", "150")
        until(lambda: set(life.lags().values()) == {0}, "KEDA's scaler sees both groups at the logs' ends")
        explained = life.koc("koc-auditor", "explain", f"o_{life.name}")
        refused = json.loads(life.koc("koc-auditor", "dlq", "list", "--json"))
        first = {one["topic"]: f"{one['topic']}/{one['partition']}/{one['offset']}" for one in refused}
        sent = life.use_console(list(first.values()))
        replayed = json.loads(life.koc("koc-replayer", "dlq", "replay", "--all", "--yes", "--wait", "120", "--json"))
        life.koc("koc-auditor", "ledger", "audit", "--from-topics")
        findings = json.loads(life.koc("koc-auditor", "doctor", "--json"))
        return Seen(applied, explained, refused, replayed, findings, life.read_ledger(), sent)


@pytest.mark.parametrize("way", WAYS)
def test_every_part_does_its_work_with_what_is_listed(lives: Lives, way: str) -> None:
    seen = lives.seen[way]
    assert "set retention.ms=" in seen.applied
    assert "commission.accrued" in seen.explained
    assert [one for one in seen.findings if not one["ok"]] == []
    assert {one["check"] for one in seen.findings} >= {"kafka", "topics", "database", "books"}
    assert len(seen.refused) >= 3
    assert sum(seen.replayed["replayed"].values()) >= 3
    assert seen.replayed["on_its_way"] == 0, "the replayer may ask both groups how far they are"
    assert seen.sent.count('<span class="state bad">Refused again</span>') == 3, "the console may ask both groups, too"
    assert min(seen.ledger[LEDGER.name], seen.ledger[COMMANDS.name]) > 0


def test_no_listed_right_is_superfluous_and_none_is_missing(broker: SecureBroker, lives: Lives) -> None:
    audit, at_all = Audit(broker.log()[lives.log_from :]), Audit(broker.log())
    unused = [rule for rule in audit.unused() if rule.operation != "Create" or rule in at_all.unused()]
    assert unused == [], "nothing was ever allowed by these rules; topics are made once"
    missing = audit.denied - ANSWERED
    assert {one for one in missing if one[1:] not in ANSWERED_ALL} == set()
