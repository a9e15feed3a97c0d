"""One trace from a click or an order to its ledger entries, as a collector of spans and a reader of headers see it."""

import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from schemas.topics import CLICKS, CREDITS, LEDGER, ORDERS, REGISTRY
from services.operations.drain.positions import wait_until_drained
from tests.kit.events import click, paid, send_events
from tests.kit.registry_events import PLAN
from tests.kit.stacks import stack_of_its_own
from tests.kit.topics import records, send
from tests.kit.waiting import until


class Collector:
    """A collector of OpenTelemetry on loopback: takes OTLP over HTTP and keeps the spans."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.services: set[str] = set()

    def take(self, body: bytes) -> None:
        """Keep what a process exports."""
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            named = {one.key: one.value.string_value for one in resource.resource.attributes}
            self.services.add(named["service.instance.id"])
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]

    def named(self, name: str, trace_id: str) -> list[Span]:
        """Spans of a name in a trace."""
        return [span for span in self.spans if span.name == name and span.trace_id.hex() == trace_id]


@contextmanager
def _collecting() -> Iterator[tuple[Collector, str]]:
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collector.take(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Spans are not news."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield collector, f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def _context(trace_id: str) -> tuple[tuple[str, bytes]]:
    """The header that a backend sends whose own tracing is on."""
    return (("traceparent", f"00-{trace_id}-{secrets.token_hex(8)}-01".encode()),)


def test_a_trace_leads_from_an_event_to_its_entries_and_links_to_the_touch(tmp_path: Path) -> None:
    of_click, of_order, of_late_click = (secrets.token_hex(16) for _ in range(3))
    with (
        _collecting() as (collector, address),
        stack_of_its_own(
            tmp_path / "stack",
            workers=1,
            environment={
                "KOC_TRACING": "true",
                "OTEL_EXPORTER_OTLP_ENDPOINT": address,
                "OTEL_BSP_SCHEDULE_DELAY": "200",
            },
        ),
    ):
        send(REGISTRY.name, [json.dumps(PLAN | {"brand_id": "br_1"}).encode()], key=b"br_1")
        send_events(CLICKS.name, [click("b_1", "t_1", 1)], headers=_context(of_click))
        wait_until_drained(150)
        send_events(ORDERS.name, [paid("b_1", "o_1", 2)], headers=_context(of_order))
        wait_until_drained(150)
        send_events(CLICKS.name, [click("b_1", "t_2", 1.5)], headers=_context(of_late_click))
        wait_until_drained(150)
        until(lambda: collector.named(f"{CREDITS.name} process", of_late_click), "the late click's trace went on")
        until(lambda: collector.named(f"{LEDGER.name} send", of_order), "the order's trace has reached the ledger")
        until(lambda: collector.named(f"{ORDERS.name} process", of_order), "attribution has told of the order")
        until(lambda: collector.named(f"{CREDITS.name} process", of_order), "the poster has told of its credit")
        until(lambda: collector.named(f"{CLICKS.name} process", of_click), "attribution has told of the click")
        sent = {dict(one.headers).get("traceparent", b"").decode().split("-")[1:2][0] for one in records(LEDGER.name)}
    # the order's trace: order -> credit -> entries, each a child of the one before
    [order] = collector.named(f"{ORDERS.name} process", of_order)
    [credit] = collector.named(f"{CREDITS.name} process", of_order)
    entries = collector.named(f"{LEDGER.name} send", of_order)
    assert credit.parent_span_id == order.span_id
    assert entries
    assert {entry.parent_span_id for entry in entries} == {credit.span_id}
    # the click came before, in a trace of its own: the order's span links to it
    [touch] = collector.named(f"{CLICKS.name} process", of_click)
    assert [(link.trace_id.hex(), link.span_id) for link in order.links] == [(of_click, touch.span_id)]
    # headers carry on what the spans say, for a reader who is not ours
    assert of_order in sent
    assert collector.services == {"attribution-1", "poster-1", "relay-1"}
