"""`koc ledger audit --from-topics` against a broker: what it reads, says, and ends with."""

import json

import pytest

from schemas.topics import CREDITS
from services.operations.audit.audit import audit
from services.runtime.local.stack import Stack
from tests.kit.audit_histories import RandomHistory
from tests.kit.audit_world import MemoryTopics
from tests.kit.book_driver import ZONE_MINUTES
from tests.kit.command import NOWHERE, koc
from tests.kit.topics import send

SEED = 3


@pytest.fixture(scope="module")
def published(own_stack: Stack) -> MemoryTopics:
    """A history on a broker of its own, as the services would have published it."""
    del own_stack
    topics = RandomHistory(SEED).live(steps=150).topics()
    for (topic, partition), values in topics.logs.items():
        send(topic, values, partition=partition)
    return topics


def test_what_is_published_is_audited_as_it_is_in_memory(published: MemoryTopics) -> None:
    done = koc("ledger", "audit", "--from-topics", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, audit(published, ZONE_MINUTES, lambda _line: None).body())
    assert "planning run" in done.stderr


def test_a_report_for_a_person_ends_with_the_verdict(published: MemoryTopics) -> None:
    del published
    assert koc("ledger", "audit", "--from-topics").stdout.splitlines()[-1] == "the topics agree"


def test_credits_that_nobody_booked_are_a_difference(published: MemoryTopics) -> None:
    log = next(log for (topic, _), log in published.logs.items() if topic == CREDITS.name)
    stranger = json.loads(log[0]) | {"order_id": "o_not_booked"}
    send(CREDITS.name, [json.dumps(stranger).encode()], partition=0)
    done = koc("ledger", "audit", "--from-topics", "--json")
    found = json.loads(done.stdout)["differences"]
    assert done.returncode == 1
    assert {difference["check"] for difference in found} == {"line account", "account"}
    assert all("o_not_booked" in difference["where"] for difference in found if difference["check"] == "line account")


def test_without_a_broker_it_says_so_in_a_sentence() -> None:
    done = koc("ledger", "audit", "--from-topics", **NOWHERE)
    assert "no Kafka broker answers" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode not in (0, 1)
