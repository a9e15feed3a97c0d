"""What each principal may do on Kafka: the one list, from which commands and the list of docs/security.md are made.

    python deploy/kafka/acls.py             write the list into docs/security.md again
    python deploy/kafka/acls.py --check     fail if the page differs
    python deploy/kafka/acls.py --commands  print the lines of kafka-acls.sh

Brokers must have an authorizer and `allow.everyone.if.no.acl.found=false`: what is not listed is refused. A right to
read or to write holds the right to describe, and a right to alter settings the right to read them.
"""

import argparse
import sys
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from schemas.topics import (
    ALL,
    BY_NAME,
    CLICKS,
    COMMANDS,
    CREDITS,
    DLQS,
    INPUTS,
    LEDGER,
    ORDERS,
    REGISTRY,
    STATEMENTS,
    Topic,
)

PAGE = Path(__file__).resolve().parents[2] / "docs/security.md"
BEGIN, END = "<!-- made by deploy/kafka/acls.py -->\n", "<!-- end of what is made -->\n"

READ, WRITE, DESCRIBE, CREATE = "Read", "Write", "Describe", "Create"
DESCRIBE_CONFIGS, ALTER_CONFIGS = "DescribeConfigs", "AlterConfigs"

ATTRIBUTION_GROUP, POSTER_GROUP, FINANCE_GROUPS = "koc-attribution", "koc-settlement-poster", "finance-"


class Right(NamedTuple):
    """Operations that a principal may do on some topics or on a consumer group.

    Attributes:
        kind: topic or group.
        names: of the topics, or of the group; with `is_prefix` what a group's name begins with.
    """

    kind: str
    names: tuple[str, ...]
    operations: tuple[str, ...]
    why: str
    is_prefix: bool = False


class Principal(NamedTuple):
    """Somebody who connects to Kafka: a service, a backend or a person with a task."""

    runs: str
    rights: tuple[Right, ...]


def _topics(topics: Iterable[Topic], *operations: str, why: str) -> Right:
    return Right("topic", tuple(topic.name for topic in topics), operations, why)


def _group(name: str, operation: str, *, why: str, is_prefix: bool = False) -> Right:
    return Right("group", (name,), (operation,), why, is_prefix)


BUYERS = (CLICKS, ORDERS)
BUYER_DLQS = tuple(BY_NAME[topic.dlq] for topic in BUYERS)
OUTPUTS = (LEDGER, COMMANDS, STATEMENTS)

PRINCIPALS: dict[str, Principal] = {
    "koc-topics": Principal(
        "`koc topics apply`, `koc topics check`",
        (_topics(ALL, CREATE, DESCRIBE, ALTER_CONFIGS, why="makes topics, and reads and mends their settings"),),
    ),
    "koc-backend": Principal("a shop's backend", (_topics(BUYERS, WRITE, why="publishes clicks and orders"),)),
    "koc-back-office": Principal(
        "the back office", (_topics((REGISTRY,), WRITE, why="publishes plans, relations and contents"),)
    ),
    "koc-attribution": Principal(
        "`koc attribution …`",
        (
            _topics(BUYERS, READ, DESCRIBE_CONFIGS, why="reads events; checks the topics at its start"),
            _topics(BUYERS, WRITE, why="sends an event under a wrong key on to its buyer's partition"),
            _topics((CREDITS, *BUYER_DLQS), WRITE, DESCRIBE_CONFIGS, why="publishes credits and refusals"),
            _group(ATTRIBUTION_GROUP, READ, why="shares the partitions among its workers"),
        ),
    ),
    "koc-poster": Principal(
        "`koc settlement poster`",
        (
            _topics((CREDITS, REGISTRY), READ, DESCRIBE_CONFIGS, why="reads what is booked; checks it at its start"),
            _topics((BY_NAME[REGISTRY.dlq],), WRITE, why="publishes refusals"),
            _group(POSTER_GROUP, READ, why="shares the partitions among its processes"),
        ),
    ),
    "koc-relay": Principal(
        "`koc settlement relay`", (_topics(OUTPUTS, WRITE, why="publishes journal, commands and statements"),)
    ),
    "koc-operator": Principal(
        "runs, payouts, closes, `koc drain`",
        (
            _topics((*INPUTS, CREDITS), DESCRIBE, why="compares the logs' ends with what is booked"),
            _group(ATTRIBUTION_GROUP, DESCRIBE, why="asks how far attribution is"),
        ),
    ),
    "koc-auditor": Principal(
        "`koc doctor`, `explain`, `dlq list`, `ledger audit`, `ledger rebuild`",
        (
            _topics(ALL, READ, why="looks for an order's events; makes the books again"),
            _topics(ALL, DESCRIBE_CONFIGS, why="compares the topics with schemas/topics.py"),
            _group(ATTRIBUTION_GROUP, DESCRIBE, why="asks whether an order's events were read"),
        ),
    ),
    "koc-replayer": Principal(
        "`koc dlq replay`",
        (
            _topics(DLQS, READ, WRITE, why="reads letters and marks those that it sent again"),
            _topics(INPUTS, WRITE, why="sends refused events again"),
            _group(ATTRIBUTION_GROUP, DESCRIBE, why="asks whether they were read"),
            _group(POSTER_GROUP, DESCRIBE, why="asks whether they were read"),
        ),
    ),
    "koc-console": Principal(
        "`koc console`",
        (
            _topics((*BUYERS, *DLQS), READ, why="looks for an order's events; lists refused events"),
            _topics((REGISTRY, CREDITS), DESCRIBE, why="compares the logs' ends with what is booked"),
            _topics((*INPUTS, *DLQS), WRITE, why="sends refused events again, and marks their letters"),
            _group(ATTRIBUTION_GROUP, DESCRIBE, why="asks how far attribution is"),
            _group(POSTER_GROUP, DESCRIBE, why="asks whether events that were sent again are read"),
        ),
    ),
    "koc-scaler": Principal(
        "KEDA, which counts pods by how far groups are behind",
        (
            _topics((*BUYERS, CREDITS), DESCRIBE, why="asks for partitions and the logs' ends, and reads no record"),
            _group(ATTRIBUTION_GROUP, DESCRIBE, why="asks how far attribution is"),
            _group(POSTER_GROUP, DESCRIBE, why="asks how far posters are"),
        ),
    ),
    "koc-finance": Principal(
        "finance's own programs",
        (
            _topics(OUTPUTS, READ, why="reads the ledger, and nothing else"),
            _group(FINANCE_GROUPS, READ, why="remembers how far it has read", is_prefix=True),
        ),
    ),
}


class Rule(NamedTuple):
    """One operation that one principal may do on one resource."""

    principal: str
    kind: str
    name: str
    is_prefix: bool
    operation: str


def rules(principal: str) -> Iterator[Rule]:
    """All rules of a principal, one by one."""
    for right in PRINCIPALS[principal].rights:
        for name in right.names:
            for operation in right.operations:
                yield Rule(principal, right.kind, name, right.is_prefix, operation)


def commands() -> Iterator[str]:
    """The lines of kafka-acls.sh, a line a right."""
    for name, principal in PRINCIPALS.items():
        yield f"# {name}: {principal.runs.replace('`', '')}"
        for right in principal.rights:
            words = [f"--{right.kind} {one}" for one in right.names]
            words += ["--resource-pattern-type prefixed"] if right.is_prefix else []
            words += [f"--operation {one}" for one in right.operations]
            who = f"--add --allow-principal User:{name}"
            yield f"kafka-acls.sh --bootstrap-server $BROKER --command-config $ADMIN {who} {' '.join(words)}"


def rights() -> str:
    """The list of docs/security.md."""
    lines = []
    for name, principal in PRINCIPALS.items():
        lines.append(f"- **`{name}`** for {principal.runs}")
        for right in principal.rights:
            text = f"{', '.join(right.operations)} on {_named(right)}: {right.why}"
            lines += textwrap.wrap(text, 118, initial_indent="  - ", subsequent_indent="    ", break_on_hyphens=False)
    return "\n".join(lines) + "\n"


def _named(right: Right) -> str:
    """The resources of a right."""
    if right.names == tuple(topic.name for topic in ALL):
        return "every topic"
    star = "*" if right.is_prefix else ""
    kind = "the group " if right.kind == "group" else ""
    return ", ".join(f"{kind}`{name}{star}`" for name in right.names)


def page() -> str:
    """The page with its list made anew."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + rights() + END + after


def main() -> int:
    """Write, compare or print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    parser.add_argument("--commands", action="store_true", help="print the lines of kafka-acls.sh")
    asked = parser.parse_args()
    if asked.commands:
        print("\n".join(commands()))
    elif not asked.check:
        PAGE.write_text(page())
    elif PAGE.read_text() != page():
        print("docs/security.md differs from deploy/kafka/acls.py: run `make docs`")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
