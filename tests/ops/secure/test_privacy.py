"""docs/privacy.md is true: an unmistakable buyer goes the whole path, and a search finds the places that it names."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from schemas.topics import BUYER_PARTITIONS, BY_NAME, CLICKS, COMMANDS, DAY_MS, FOR_EVER, LEDGER, ORDERS, REGISTRY
from services.runtime.database import psycopg_dsn
from services.runtime.deadletters import REROUTED
from services.runtime.local.stack import Stack
from tests.kit.buyer_places import (
    documented,
    documented_pages,
    files_naming,
    metrics_naming,
    tables_naming,
    topics_naming,
)
from tests.kit.command import output_of
from tests.kit.console_client import ConsoleClient
from tests.kit.console_pages import addresses, kind_of, pages_from, said_by
from tests.kit.console_process import ConsoleProcess
from tests.kit.events import at, click, paid, refunded, send_events
from tests.kit.registry_events import PLAN, RELATION
from tests.kit.severed_book import BUYER, partition_of_buyer
from tests.kit.topics import make_again, send
from tests.kit.waiting import until

pytestmark = pytest.mark.timeout(600)

KEPT_APART = {"broker", "postgres", "state", "snapshots"}
"""Folders of a stack that hold what the page says of topics, of PostgreSQL's files, and of attribution."""


def live() -> None:
    """Events of every fate: credited, settled, refunded, astray, refused, waiting for an order; and a frozen line."""
    registry = [json.dumps(event).encode() for event in (PLAN | {"brand_id": "br_1"}, RELATION)]
    send(REGISTRY.name, registry, partition=0)
    send_events(CLICKS.name, [click(BUYER, "c_1", 0), click(BUYER, "c_2", 1) | {"koc_id": 7}])
    orders = [paid(BUYER, f"o_{number}", 2 + number, new_customer=True) for number in range(3)]
    received = [
        {key: order[key] for key in ("order_id", "buyer_id")}
        | {"event_id": f"{order['order_id']}_rec", "event_type": "order.received", "occurred_at": at(30)}
        for order in orders[:2]
    ]
    never_paid, unknown_line = refunded(BUYER, "o_never", 40), refunded(BUYER, "o_2", 41, line_id="9")
    send_events(ORDERS.name, [*orders, *received, refunded(BUYER, "o_1", 39), never_paid, unknown_line])
    astray = (partition_of_buyer(BUYER) + 1) % BUYER_PARTITIONS
    send_events(ORDERS.name, [paid(BUYER, "o_astray", 42)], partition=astray)
    sent_on = ((REROUTED, f"{ORDERS.name}/0/0".encode()),)
    send_events(ORDERS.name, [paid(BUYER, "o_twice_astray", 43)], partition=astray, headers=sent_on)
    output_of("drain")
    output_of("settlement", "run", "--id", "a-run", "--reason", "a test")
    output_of("settlement", "quarantine", f"o_2/1/{BUYER}", "--reason", "a test")


def publish_again(stack: Stack) -> None:
    """The page's steps for the two topics that are kept for ever."""
    os.kill(stack.pid("relay-1"), signal.SIGTERM)
    until(lambda: "relay-1" not in running(stack), "the relay has stopped")
    make_again([LEDGER.name, COMMANDS.name])
    with psycopg.connect(psycopg_dsn("owner")) as connection:
        connection.execute("UPDATE relay SET seq = 0")
        connection.execute("UPDATE command_relay SET seq = 0")


def running(stack: Stack) -> set[str]:
    return {process["name"] for process in stack.processes() if process["state"] == "running"}


def kinds_of_pages_naming(stack: Stack, folder: Path) -> set[str]:
    """Which pages and files of a console name the buyer; none of its addresses does, nor its log, nor its metrics."""
    with ConsoleProcess(folder, environment=stack.environment()) as process:
        with ConsoleClient(process.address) as console:
            until(lambda: "/dead-letter/" in console.page("/dead-letters"), "refused events are read", process=process)
            starts = [f"/order/o_{number}{part}" for number in range(3) for part in ("", "?part=log", "?part=why")]
            shown = pages_from(console, ["/", "/dead-letters", "/health/quarantined", "/run/a-run", *starts])
        assert BUYER not in process.get("/metrics")
        assert process.terminate() == 0
    assert BUYER not in process.log()
    texts = [said_by(address) for text in shown.values() for address in addresses(text)]
    assert len(texts) > 200
    assert [text for text in texts if BUYER in text] == [], "addresses come into histories and into logs of proxies"
    return {kind_of(address) for address, text in shown.items() if BUYER in text}


def test_a_buyer_is_where_the_page_says_and_nowhere_else(
    fresh_stack: Callable[..., Stack], lead_to: Callable[[Stack], None], tmp_path: Path
) -> None:
    stack = fresh_stack(workers=1)
    lead_to(stack)
    live()
    assert topics_naming(BUYER) == set(documented("topic"))
    tables = tables_naming(BUYER)
    assert tables <= set(documented("table"))
    assert {"line", "assertion", "journal", "run_line", "command"} <= tables
    digest = output_of("ledger", "digest")
    assert kinds_of_pages_naming(stack, tmp_path / "console") == documented_pages()

    output_of("privacy", "sever", BUYER, "--reason", "a test")
    assert tables_naming(BUYER) == set()
    assert output_of("ledger", "digest") == digest
    send_events(ORDERS.name, [refunded(BUYER, "o_0", 43)])
    output_of("drain")
    assert tables_naming(BUYER) == set(), "the refund found its line"
    assert output_of("ledger", "digest") != digest
    assert metrics_naming(stack, BUYER) == set()
    output_of("ledger", "verify")
    output_of("ledger", "audit", "--from-topics")
    assert "severed-" in output_of("explain", "o_1")
    assert kinds_of_pages_naming(stack, tmp_path / "after") == {"/dead-letters", "/dead-letters/…", "/dead-letter/…"}

    publish_again(stack)
    stack.down()
    assert files_naming(stack.layout.folder, BUYER) - KEPT_APART == set(), "no log, no other file"
    assert {"state", "snapshots"} == set(documented("files"))
    assert "state" in files_naming(stack.layout.folder, BUYER)
    assert any(path.is_file() for path in stack.layout.snapshots.rglob("*")), "compressed copies of it"

    stack.up()
    output_of("drain")
    lasting = {name for name, after in documented("topic").items() if "kept for ever" in after}
    assert topics_naming(BUYER) == set(documented("topic")) - lasting
    output_of("ledger", "audit", "--from-topics")


def test_the_page_says_how_long_topics_are_kept() -> None:
    for name, after in documented("topic").items():
        kept = BY_NAME[name].retention_ms
        says = "kept for ever" if kept == FOR_EVER else f"gone by itself after {kept // DAY_MS} days"
        assert says in after, name


def test_every_table_of_the_page_is_cut_at_once() -> None:
    assert set(documented("table").values()) == {"cut at once"}
