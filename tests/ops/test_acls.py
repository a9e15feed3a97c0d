"""The list of rights on Kafka agrees with the registry of topics, with the code's groups and with docs/security.md."""

import subprocess
import sys

from schemas.topics import ALL
from services.attribution.worker.startup import GROUP as ATTRIBUTION_GROUP
from services.runtime.settings import REPOSITORY
from services.settlement.posting.assignment import GROUP as POSTER_GROUP
from tests.kit.acls import LIST, PRINCIPALS, rules_of
from tests.kit.scaler_client import triggers

SCRIPT = REPOSITORY / "deploy/kafka/acls.py"
PEOPLE = {"koc-console", "koc-topics", "koc-operator", "koc-auditor", "koc-replayer", "koc-finance"}


def who_may(operation: str, topic: str) -> set[str]:
    return {rule.principal for rule in rules_of(*PRINCIPALS) if (rule.name, rule.operation) == (topic, operation)}


def test_every_topic_is_written_and_read_by_those_that_the_registry_names() -> None:
    names = {"backends": {"koc-backend", "koc-attribution"}, "back office": {"koc-back-office"}}
    names |= {"attribution": {"koc-attribution"}, "settlement": {"koc-relay"}}
    for topic in ALL:
        writers = who_may("Write", topic.name) - PEOPLE
        expected = {"koc-poster"} if topic.name == "commerce.registry.v1.dlq" else names[topic.written_by]
        assert writers == expected, topic.name
        readers = {"attribution": {"koc-attribution"}, "settlement": {"koc-poster"}}.get(topic.read_by, set())
        assert who_may("Read", topic.name) - PEOPLE == readers, topic.name


def test_one_right_is_one_rule_and_groups_are_those_of_the_code() -> None:
    rules = rules_of(*PRINCIPALS)
    assert len(rules) == len(set(rules)) > 50
    groups = {rule.name for rule in rules if rule.kind == "group"}
    assert groups == {ATTRIBUTION_GROUP, POSTER_GROUP, "finance-"}
    assert {rule.principal for rule in rules if rule.is_prefix} == {"koc-finance"}


def test_every_rule_is_in_the_printed_commands() -> None:
    done = subprocess.run([sys.executable, SCRIPT, "--commands"], capture_output=True, text=True, check=True)
    lines = [line.split() for line in done.stdout.splitlines() if not line.startswith("#")]
    for rule in rules_of(*PRINCIPALS):
        wanted = {f"User:{rule.principal}", rule.name, rule.operation, f"--{rule.kind}"}
        (line,) = [line for line in lines if wanted <= set(line)]
        assert ("prefixed" in line) == rule.is_prefix
    assert len(lines) == sum(len(LIST["PRINCIPALS"][name].rights) for name in PRINCIPALS)


def test_kedas_scaler_may_ask_of_its_triggers_and_nothing_else() -> None:
    wanted = {("topic", trigger.topic) for trigger in triggers()} | {("group", trigger.group) for trigger in triggers()}
    assert {(rule.kind, rule.name) for rule in rules_of("koc-scaler")} == wanted
    assert {rule.operation for rule in rules_of("koc-scaler")} == {"Describe"}


def test_the_page_is_fresh() -> None:
    assert subprocess.run([sys.executable, SCRIPT, "--check"]).returncode == 0
