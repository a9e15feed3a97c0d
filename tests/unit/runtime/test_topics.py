"""Replicas of topics, and what brokers say that are just coming or going; a real broker is in tests/integration."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.errors import KafkaConnectionError, KafkaError, TopicAuthorizationFailedError, UnknownBrokerIdError
from kafka.structs import OffsetAndTimestamp

from schemas import topics as registry
from services.kernel.errors import StartRefused
from services.runtime import steady_answer, topics
from services.runtime.topics import apply_topics, log_ends, log_starts, replication_problems, topic_ids, topic_problems
from tests.kit.stacks import with_environment

TOPIC = registry.CREDITS
ALIVE = {"is_fenced": False}
AWAY = {"is_fenced": True}
"""A broker that is registered, and stopped."""
MISSING = 3
NOT_AUTHORISED = 29
LEADER_NOT_AVAILABLE = 5


class Cluster:
    """An admin client of a cluster.

    Args:
        brokers: as describe_cluster shows them.
        replicas: of each partition of the topics that exist.
        first: what each question is answered with before it is answered: errors, or error codes of topics.
    """

    def __init__(self, brokers: list[dict[str, bool]], replicas: int | None, *first: type[KafkaError] | int) -> None:
        self.brokers = brokers
        self.replicas = replicas
        self.configs: dict[str, dict[str, str]] = {}
        self.created: dict[str, Any] = {}
        self.altered: dict[str, dict[str, str]] = {}
        self._first = {name: list(first) for name in ("topics", "configs", "offsets")}
        if replicas is not None:
            self.configs = {topic.name: topics.wanted_config(topic, replicas) for topic in registry.ALL}

    def describe_cluster(self) -> dict[str, Any]:
        return {"brokers": self.brokers}

    def describe_topics(self, names: list[str]) -> list[dict[str, Any]]:
        code = self._answer("topics") or (MISSING if self.replicas is None else 0)
        nodes = list(range(self.replicas or 0))
        return [
            {
                "name": name,
                "error_code": code,
                "topic_id": f"id of {name}",
                "partitions": [] if code else [{"replica_nodes": nodes}] * registry.BY_NAME[name].partitions,
            }
            for name in names
        ]

    def describe_configs(self, resources: list[Any], config_filter: str) -> dict[str, Any]:
        assert config_filter == "all"
        hidden = self._answer("configs")
        found = {one.name: {**self.configs[one.name], **self.altered.get(one.name, {})} for one in resources}
        entries = {name: {k: {"value": v} for k, v in values.items()} for name, values in found.items()}
        return {"topic": {name: {} if hidden else values for name, values in entries.items()}}

    def list_partition_offsets(self, specs: Mapping[TopicPartition, Any]) -> dict[TopicPartition, OffsetAndTimestamp]:
        self._answer("offsets")
        return dict.fromkeys(specs, OffsetAndTimestamp(7, -1, -1))

    def create_topics(self, wanted: dict[str, Any], wait_for_metadata: bool) -> None:
        assert wait_for_metadata
        self.created |= wanted

    def alter_configs(self, resources: list[Any], incremental: bool) -> None:
        assert incremental
        self.altered |= {one.name: one.configs for one in resources}

    def _answer(self, question: str) -> int:
        """What the broker says of topics this time: 0, all is well."""
        first = self._first[question]
        said = first.pop(0) if first else 0
        if isinstance(said, int):
            return said
        raise said


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Cluster], Cluster]]:
    """Has every admin client be this one."""

    def be(cluster: Cluster) -> Cluster:
        @contextmanager
        def admin() -> Iterator[Cluster]:
            yield cluster

        monkeypatch.setattr(topics, "admin", admin)
        return cluster

    with with_environment({"KOC_KAFKA_REPLICATION": None, "KOC_KAFKA_BOOTSTRAP": "127.0.0.1:1"}):
        yield be


Use = Callable[[Cluster], Cluster]


@pytest.mark.parametrize(
    ("brokers", "replicas", "in_sync"),
    [([ALIVE], 1, "1"), ([ALIVE, ALIVE, AWAY], 2, "1"), ([ALIVE] * 3, 3, "2"), ([ALIVE] * 5, 3, "2")],
)
def test_without_the_setting_a_new_topic_has_a_replica_on_each_broker_three_at_most(
    use: Use, brokers: list[dict[str, bool]], replicas: int, in_sync: str
) -> None:
    cluster = use(Cluster(brokers, None))
    apply_topics()
    assert cluster.created.keys() == registry.BY_NAME.keys()
    assert {made["replication_factor"] for made in cluster.created.values()} == {replicas}
    assert {made["configs"]["min.insync.replicas"] for made in cluster.created.values()} == {in_sync}


@pytest.mark.parametrize("replicas", [None, 1, 3])
def test_with_fewer_brokers_than_the_setting_nothing_is_done(use: Use, replicas: int | None) -> None:
    cluster = use(Cluster([ALIVE, ALIVE, AWAY], replicas))
    cluster.configs = {name: config | {"cleanup.policy": "compact"} for name, config in cluster.configs.items()}
    with (
        with_environment({"KOC_KAFKA_REPLICATION": "3"}),
        pytest.raises(ConnectionError, match="needs 3 brokers and 2"),
    ):
        apply_topics()
    assert (cluster.created, cluster.altered) == ({}, {})


def test_the_setting_says_how_many_replicas_a_new_topic_has(use: Use) -> None:
    cluster = use(Cluster([ALIVE] * 5, None))
    with with_environment({"KOC_KAFKA_REPLICATION": "4"}):
        apply_topics()
    assert {made["replication_factor"] for made in cluster.created.values()} == {4}
    assert {made["configs"]["min.insync.replicas"] for made in cluster.created.values()} == {"3"}


@pytest.mark.parametrize(("replicas", "brokers"), [(1, [ALIVE] * 3), (3, [ALIVE, AWAY, AWAY])])
def test_topics_that_are_there_keep_what_their_own_replicas_allow(
    use: Use, replicas: int, brokers: list[dict[str, bool]]
) -> None:
    cluster = use(Cluster(brokers, replicas))
    assert apply_topics() == []
    assert cluster.altered == {}


def test_writes_that_ask_for_more_replicas_than_there_are_are_named_and_put_right(use: Use) -> None:
    cluster = use(Cluster([ALIVE] * 3, 1))
    cluster.configs[TOPIC.name]["min.insync.replicas"] = "2"
    assert topic_problems([TOPIC]) == [], "no start refuses it"
    (problem,) = replication_problems()
    assert problem.startswith(f"{TOPIC.name}: min.insync.replicas=2 and it has 1 replica, so Kafka takes nothing")
    assert apply_topics() == [f"set min.insync.replicas=1 on {TOPIC.name}"]
    assert replication_problems() == []


def test_topics_with_fewer_replicas_than_the_setting_are_named(use: Use) -> None:
    use(Cluster([ALIVE] * 3, 1))
    assert replication_problems() == []
    with with_environment({"KOC_KAFKA_REPLICATION": "3"}):
        problems = replication_problems()
        assert topic_problems() == [], "no start refuses it"
    assert len(problems) == len(registry.ALL)
    assert all(re.match(r"\S+ has 1 replica and KOC_KAFKA_REPLICATION=3: add replicas", one) for one in problems)


PASSING = (LEADER_NOT_AVAILABLE, UnknownBrokerIdError, KafkaConnectionError, MISSING)
"""What a broker says while another one stops, and before it has heard of a new topic."""


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Questions follow each other at once."""
    monkeypatch.setattr(steady_answer, "_POLL_SECONDS", 0)


@pytest.mark.usefixtures("no_pause")
@pytest.mark.parametrize("ask", [log_starts, log_ends])
def test_offsets_are_asked_for_again_while_brokers_come_and_go(use: Use, ask: Callable[..., Any]) -> None:
    use(Cluster([ALIVE], 1, *PASSING))
    assert ask([TOPIC.name]) == {(TOPIC.name, number): 7 for number in range(TOPIC.partitions)}


@pytest.mark.usefixtures("no_pause")
def test_ids_and_problems_are_asked_for_again_while_brokers_come_and_go(use: Use) -> None:
    use(Cluster([ALIVE], 1, *PASSING))
    assert topic_ids([TOPIC.name]) == {TOPIC.name: f"id of {TOPIC.name}"}
    use(Cluster([ALIVE], 1, *PASSING))
    assert topic_problems() == []
    use(Cluster([ALIVE], 1, *PASSING[:-1]))
    assert apply_topics() == []


def test_brokers_that_do_not_settle_are_told_in_the_end(use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steady_answer, "_UNSETTLED_SECONDS", 0)
    use(Cluster([ALIVE], 1, *[LEADER_NOT_AVAILABLE] * 3))
    with pytest.raises(ConnectionError, match=r"have not settled in 0 s: .*LeaderNotAvailable.* attribution\.credits"):
        topic_problems([TOPIC])


def test_a_topic_that_is_missing_for_good_is_refused(use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steady_answer, "_INCOMPLETE_SECONDS", 0)
    use(Cluster([ALIVE], None))
    assert topic_problems([TOPIC]) == [f"{TOPIC.name} does not exist; run `koc topics apply`"]
    with pytest.raises(StartRefused, match="does not exist"):
        topic_ids([TOPIC.name])
    assert log_ends([TOPIC.name]) == {}


@pytest.mark.parametrize("code", [NOT_AUTHORISED, TopicAuthorizationFailedError])
def test_missing_rights_are_told_at_once(use: Use, code: int | type[KafkaError]) -> None:
    use(Cluster([ALIVE], 1, code))
    with pytest.raises((StartRefused, TopicAuthorizationFailedError)):
        topic_ids([TOPIC.name])
