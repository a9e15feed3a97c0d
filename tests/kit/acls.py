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
    KafkaAdminClient,
    ResourcePattern,
    ResourceType,
)

from services.runtime.settings import REPOSITORY

LIST: dict[str, Any] = runpy.run_path(str(REPOSITORY / "deploy/kafka/acls.py"))
Rule = LIST["Rule"]
PRINCIPALS: tuple[str, ...] = tuple(LIST["PRINCIPALS"])

_OPERATIONS = {one.name.replace("_", "").lower(): one for one in ACLOperation}
_MATCH = re.compile(
    r"Principal = User:(?P<principal>\S+) is (?P<verdict>Allowed|Denied) operation = (?P<asked>\S+) .*?"
    r"resource = (?P<kind>\w+):\w+:(?P<name>\S+) for request = (?P<request>\w+)(?P<rest>.*)"
)
_ALLOWED_BY = re.compile(r"resourceName='?(?P<name>[^',]+)'?, patternType=(?P<pattern>\w+), .*operation=(?P<operation>\w+)")


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
