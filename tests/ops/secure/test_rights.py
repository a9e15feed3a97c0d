"""What is not listed in deploy/kafka/acls.py is refused, and what is listed cannot be spared."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.topics import ALL, CLICKS, CREDITS, LEDGER, ORDERS
from services.runtime.kafka import kafka_python_options
from services.runtime.local import broker as kafka_programs
from services.runtime.settings import REPOSITORY
from tests.kit.acls import LIST, PRINCIPALS, Rule, has_rule, rules_of, without
from tests.kit.command import koc
from tests.kit.scaler_client import Trigger, lag, librdkafka_options, triggers
from tests.kit.secure_broker import SecureBroker
from tests.kit.secure_life import PROCESSES
from tests.kit.stacks import with_environment
from tests.kit.waiting import until

IMPLIED = {"READ": "DESCRIBE", "WRITE": "DESCRIBE", "ALTER_CONFIGS": "DESCRIBE_CONFIGS"}


def allowed(broker: SecureBroker, principal: str) -> dict[str, set[str]]:
    """What the broker lets a principal do with each topic, as it says itself to another client than ours."""
    client = AdminClient(librdkafka_options(broker.by_password(principal)))
    asked = client.describe_topics(TopicCollection([topic.name for topic in ALL]), include_authorized_operations=True)
    found = {}
    for name, answer in asked.items():
        try:
            found[name] = {operation.name for operation in answer.result(30).authorized_operations or ()}
        except KafkaException as hidden:
            if hidden.args[0].code() != KafkaError.TOPIC_AUTHORIZATION_FAILED:
                raise
            found[name] = set()
    return found


def listed(principal: str) -> dict[str, set[str]]:
    """The same by the list."""
    found: dict[str, set[str]] = {topic.name: set() for topic in ALL}
    names = {"Read": "READ", "Write": "WRITE", "Describe": "DESCRIBE", "Create": "CREATE"}
    names |= {"DescribeConfigs": "DESCRIBE_CONFIGS", "AlterConfigs": "ALTER_CONFIGS"}
    for rule in rules_of(principal):
        if rule.kind == "topic":
            operation = names[rule.operation]
            found[rule.name] |= {operation} | {IMPLIED[operation]} if operation in IMPLIED else {operation}
    return found


@pytest.mark.parametrize("principal", PRINCIPALS)
def test_a_principal_may_do_what_is_listed_and_nothing_else(topics: SecureBroker, principal: str) -> None:
    assert allowed(topics, principal) == listed(principal)


def refusal(broker: SecureBroker, principal: str, kind: str, topic: str) -> str:
    """How a principal fails to read or to write a topic, as an error's name; empty if it does not fail."""
    from kafka import KafkaConsumer, KafkaProducer, TopicPartition
    from kafka.errors import KafkaError, TopicAuthorizationFailedError

    with with_environment(broker.by_certificate(principal)):
        options = kafka_python_options()
    try:
        if kind == "write":
            with KafkaProducer(**options, enable_idempotence=False) as producer:
                producer.send(topic, b"{}").get(timeout=60)
        else:
            with KafkaConsumer(**options, group_id=None) as reader:
                if not reader.partitions_for_topic(topic):
                    return TopicAuthorizationFailedError.__name__  # it is there, and hidden
                place = TopicPartition(topic, 0)
                reader.assign([place])
                reader.seek_to_beginning()
                until(lambda: reader.poll(500) or reader.highwater(place) is not None, "a fetch is answered")
    except KafkaError as error:
        return type(error).__name__
    return ""


@pytest.mark.parametrize(
    ("principal", "kind", "topic"),
    [
        ("koc-poster", "write", ORDERS.name),
        ("koc-poster", "write", LEDGER.name),
        ("koc-attribution", "read", LEDGER.name),
        ("koc-backend", "read", CLICKS.name),
        ("koc-finance", "read", CREDITS.name),
        ("koc-finance", "write", LEDGER.name),
        ("koc-auditor", "write", CLICKS.name),
        ("koc-relay", "read", LEDGER.name),
        ("koc-scaler", "read", CLICKS.name),
        ("koc-scaler", "read", CREDITS.name),
        ("koc-scaler", "write", ORDERS.name),
    ],
)
def test_what_is_not_listed_fails(topics: SecureBroker, principal: str, kind: str, topic: str) -> None:
    assert refusal(topics, principal, kind, topic) == "TopicAuthorizationFailedError"


def test_an_attempt_that_is_listed_succeeds_so_that_the_others_mean_something(topics: SecureBroker) -> None:
    assert refusal(topics, "koc-finance", "read", LEDGER.name) == ""
    assert refusal(topics, "koc-replayer", "write", f"{ORDERS.name}.dlq") == ""


def scaler_refusal(login: Mapping[str, str], trigger: Trigger) -> str:
    """Why the scaler gets no answer, as the name of an error; empty if it gets one.

    A broker loads its groups when the first one is asked for, and takes changed rules over a moment later.
    """
    try:
        lag(login, trigger)
    except KafkaException as refused:
        return str(refused.args[0].name())
    return ""


@pytest.mark.parametrize("trigger", list(triggers()), ids="-".join)
def test_kedas_scaler_asks_how_far_a_group_is_and_cannot_move_it(topics: SecureBroker, trigger: Trigger) -> None:
    login = topics.by_password("koc-scaler")
    until(lambda: scaler_refusal(login, trigger) == "", "the scaler is answered")
    consumer = Consumer(librdkafka_options(login) | {"group.id": trigger.group, "enable.auto.commit": False})
    with pytest.raises(KafkaException, match="GROUP_AUTHORIZATION_FAILED"):
        consumer.commit(offsets=[TopicPartition(trigger.topic, 0, 0)], asynchronous=False)
    consumer.close()
    describe = [rule for rule in rules_of("koc-scaler") if rule.name in trigger]
    assert {rule.operation for rule in describe} == {"Describe"}
    for rule in describe:
        with without(topics.own_bootstrap, rule):
            until(lambda: scaler_refusal(login, trigger).endswith("AUTHORIZATION_FAILED"), "the scaler is refused")


COMMANDS: dict[str, str] = {
    "koc-backend": "publish {events}",
    "koc-operator": "drain --timeout 3",
    "koc-auditor": "dlq list",
    "koc-topics": "topics check",
}


def shortly(rule: Any) -> str:
    return f"{rule.principal}-{rule.name}-{rule.operation}" if isinstance(rule, tuple) else ""


@pytest.mark.parametrize(
    ("rule", "status", "why"),
    [
        (Rule("koc-backend", "topic", CLICKS.name, False, "Write"), 69, "TopicAuthorizationFailedError"),
        (Rule("koc-operator", "group", "koc-attribution", False, "Describe"), 1, "GroupAuthorizationFailedError"),
        (Rule("koc-auditor", "topic", f"{ORDERS.name}.dlq", False, "Read"), 78, "or Kafka hides it from us"),
        (
            Rule("koc-topics", "topic", LEDGER.name, False, "AlterConfigs"),
            78,
            "look at the settings of settlement.ledger",
        ),
    ],
    ids=shortly,
)
def test_a_command_fails_without_a_right_and_says_so(
    topics: SecureBroker, migrated: dict[str, str], rule: Any, status: int, why: str
) -> None:
    events = REPOSITORY / "schemas/examples/click/valid.json"
    words = COMMANDS[rule.principal].format(events=events).split()
    with without(topics.own_bootstrap, rule):
        done = koc(*words, **migrated, **topics.by_password(rule.principal))
    assert (done.returncode, "Traceback" in done.stderr) == (status, False), done.stderr
    assert why in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (Rule("koc-attribution", "topic", CREDITS.name, False, "DescribeConfigs"), "look at the settings of"),
        (Rule("koc-attribution", "topic", CLICKS.name, False, "Read"), f"let us read {CLICKS.name}"),
        (Rule("koc-attribution", "topic", ORDERS.name, False, "Write"), f"let us write {ORDERS.name}"),
        (Rule("koc-attribution", "group", "koc-attribution", False, "Read"), "join the group koc-attribution"),
        (Rule("koc-poster", "topic", CREDITS.name, False, "Read"), f"look at {CREDITS.name}"),
        (Rule("koc-poster", "group", "koc-settlement-poster", False, "Read"), "join the group koc-settlement-poster"),
        (Rule("koc-relay", "topic", LEDGER.name, False, "Write"), f"look at {LEDGER.name}"),
    ],
    ids=shortly,
)
def test_a_process_does_not_start_without_a_right_and_says_so(
    topics: SecureBroker, migrated: dict[str, str], rule: Any, why: str, tmp_path: Path
) -> None:
    environment = migrated | topics.by_password(rule.principal) | {"KOC_STATE_DIR": str(tmp_path)}
    with without(topics.own_bootstrap, rule):
        done = koc(*PROCESSES[rule.principal], **environment)
    assert done.returncode == 78, done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("koc: Kafka does not let us ")
    assert why in last


def test_the_printed_commands_make_the_rules_by_kafkas_own_tool(broker: SecureBroker) -> None:
    (line,) = [line for line in LIST["commands"]() if "User:koc-finance" in line and "--group" in line]
    (rule,) = [rule for rule in rules_of("koc-finance") if rule.kind == "group"]
    words = line.replace("--command-config $ADMIN ", "").replace("$BROKER", broker.own_bootstrap).split()
    java = [*kafka_programs._java_with_jars(), "org.apache.kafka.tools.AclCommand"]
    removed = [word.replace("--add", "--remove") for word in words[1:]]
    assert subprocess.run([*java, *removed, "--force"], timeout=120).returncode == 0
    until(lambda: not has_rule(broker.own_bootstrap, rule), "the rule is gone")
    assert subprocess.run([*java, *words[1:]], timeout=120).returncode == 0
    until(lambda: has_rule(broker.own_bootstrap, rule), "the rule stands again")
