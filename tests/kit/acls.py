"""The list of deploy/kafka/acls.py on a broker: set, taken away rule by rule, and seen in the broker's audit log."""

import re
import runpy
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ConfigResource,
    ConfigResourceType,
    KafkaAdminClient,
    ResourcePattern,
    ResourceType,
)

from schemas.topics import ALL
from services.runtime.settings import REPOSITORY

LIST: dict[str, Any] = runpy.run_path(str(REPOSITORY / "deploy/kafka/acls.py"))
Rule = LIST["Rule"]
PRINCIPALS: tuple[str, ...] = tuple(LIST["PRINCIPALS"])

_OPERATIONS = {one.name.replace("_", "").lower(): one for one in ACLOperation}
_DECIDED = re.compile(
    r"Principal = User:(?P<principal>\S+) is (?P<verdict>Allowed|Denied) operation = \S+ from host = \S+ on "
    r"resource = (?P<kind>\w+):\w+:(?P<name>\S+) for request = (?P<request>\w+)(?P<rest>.*)"
)
_BY = re.compile(r"resourceName=(?P<name>[^,]+), .* operation=(?P<operation>\w+)")


def rules_of(*principals: str) -> list[Any]:
    """Every rule of these principals."""
    return [rule for principal in principals for rule in LIST["rules"](principal)]


def set_rules(bootstrap: str, rules: Iterable[Any]) -> None:
    """Let the broker allow what these rules say, beside what it allows."""
    with _admin(bootstrap) as client:
        found = client.create_acls([_acl(rule) for rule in rules])
        assert found["failed"] == []


@contextmanager
def without(bootstrap: str, *rules: Any) -> Iterator[None]:
    """Within the block these rules do not stand on the broker."""
    with _admin(bootstrap) as client:
        removed = client.delete_acls([ACLFilter(*_parts(_acl(rule))) for rule in rules])
        assert [len(matching) for _, matching, _ in removed] == [1] * len(rules), "else nothing was taken away"
    try:
        yield
    finally:
        set_rules(bootstrap, rules)


def has_rule(bootstrap: str, rule: Any) -> bool:
    """Whether a rule stands on the broker."""
    with _admin(bootstrap) as client:
        found, _ = client.describe_acls(ACLFilter(*_parts(_acl(rule))))
    return len(found) == 1


@contextmanager
def _admin(bootstrap: str) -> Iterator[Any]:
    client = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        yield client
    finally:
        client.close()


def _acl(rule: Any) -> ACL:
    pattern = ACLResourcePatternType.PREFIXED if rule.is_prefix else ACLResourcePatternType.LITERAL
    resource = ResourcePattern(ResourceType[rule.kind.upper()], rule.name, pattern)
    operation = _OPERATIONS[rule.operation.lower()]
    return ACL(f"User:{rule.principal}", "*", operation, ACLPermissionType.ALLOW, resource)


def _parts(acl: ACL) -> tuple[Any, ...]:
    return acl.principal, acl.host, acl.operation, acl.permission_type, acl.resource_pattern


class Audit:
    """What the broker has allowed and denied to our principals, as its log says.

    Args:
        log: of a broker whose authorizer logs all that it decides.
    """

    def __init__(self, log: str) -> None:
        found = [match for line in log.splitlines() if (match := _DECIDED.search(line))]
        ours = [match for match in found if match["principal"] in PRINCIPALS]
        self.denied = {
            (match["principal"], match["request"], f"{match['kind']}:{match['name']}")
            for match in ours
            if match["verdict"] == "Denied"
        }
        self.used = {
            (match["principal"], match["kind"].lower(), by["name"], _flat(by["operation"]))
            for match in ours
            if match["verdict"] == "Allowed" and (by := _BY.search(match["rest"]))
        }

    def unused(self) -> list[Any]:
        """Listed rules by which nothing was ever allowed."""
        rules = rules_of(*PRINCIPALS)
        return [rule for rule in rules if (*rule[:3], _flat(rule.operation)) not in self.used]


def _flat(operation: str) -> str:
    return operation.replace("_", "").lower()


def spoil_topics(bootstrap: str) -> None:
    """Give every topic a retention that is too short, so that `koc topics apply` has something to mend."""
    with _admin(bootstrap) as client:
        spoilt = [ConfigResource(ConfigResourceType.TOPIC, topic.name, {"retention.ms": "3600000"}) for topic in ALL]
        client.alter_configs(spoilt, incremental=True)
