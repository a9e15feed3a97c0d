"""Traces from an event to its ledger entries, by OpenTelemetry; off unless KOC_TRACING=true.

Faust's own sensor (faust.contrib.opentelemetry) makes a span for each stream event. Our stream events are chunks of up
to 4,000 records, so spans are made here, for each record that carries a trace. A backend that samples one request of a
hundred thus costs one span of a hundred. OTEL_… variables say where spans go, as OpenTelemetry defines them.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import TypeVar

from opentelemetry import propagate, trace
from opentelemetry.trace import Span as Span  # noqa: PLC0414 - offered here too, by its own name
from opentelemetry.trace import SpanContext as SpanContext  # noqa: PLC0414
from opentelemetry.trace import SpanKind, Status, StatusCode

from services.runtime.settings import settings

Carrier = Mapping[str, str]
"""What a record's headers say of its trace, by header: `traceparent` and perhaps `tracestate`."""
Headers = Iterable[tuple[str, bytes]]
_Place = TypeVar("_Place", bound=Hashable)

_FIELDS = frozenset({"traceparent", "tracestate"})
_SCOPE = "koc"


@cache
def is_on() -> bool:
    """Whether this process makes spans."""
    return settings().tracing


def configure(process: str) -> None:
    """Send the spans of this process by OTLP over HTTP, in the background; nothing where tracing is off.

    Args:
        process: the name of the process, which becomes `service.instance.id`; `service.name` is koc, unless
            OTEL_SERVICE_NAME is set.
    """
    if not is_on():
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    named = Resource.create({"service.name": _SCOPE, "service.instance.id": process})
    provider = TracerProvider(resource=named.merge(OTELResourceDetector().detect()))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


def carrier_of(headers: Headers) -> Carrier | None:
    """The trace that a record carries; None if it carries none."""
    found = {name: value.decode("ascii", "replace") for name, value in headers if name in _FIELDS and value}
    return found if "traceparent" in found else None


def carriers(headers_by_place: Iterable[tuple[_Place, Headers]]) -> dict[_Place, Carrier]:
    """The traces of those records that carry one, by their place; none where tracing is off."""
    if not is_on():
        return {}
    found = ((place, carrier_of(headers)) for place, headers in headers_by_place)
    return {place: carrier for place, carrier in found if carrier is not None}


def carrier_from(span: Span) -> dict[str, str]:
    """The trace that goes on from a span."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier, trace.set_span_in_context(span))
    return {name: value for name, value in carrier.items() if name in _FIELDS}


def headers_of(carrier: Carrier) -> list[tuple[str, bytes]]:
    """A trace as a record's headers."""
    return [(name, value.encode()) for name, value in carrier.items()]


def reading(topic: str, carried: Mapping[_Place, Carrier]) -> AbstractContextManager[dict[_Place, Span]]:
    """Within the block, records of a topic are processed: a span for each that carries a trace, by its place."""
    return _spans(topic, "process", SpanKind.CONSUMER, carried)


def sending(topic: str, carried: Mapping[_Place, Carrier]) -> AbstractContextManager[dict[_Place, Span]]:
    """Within the block, records are sent to a topic: a span for each in which a trace goes on, by its place."""
    return _spans(topic, "send", SpanKind.PRODUCER, carried)


@contextmanager
def _spans(
    topic: str, operation: str, kind: SpanKind, carried: Mapping[_Place, Carrier]
) -> Iterator[dict[_Place, Span]]:
    """Spans from now to the end of the block, with OpenTelemetry's names for messaging; an exception marks them."""
    attributes = {
        "messaging.system": "kafka",
        "messaging.operation.name": operation,
        "messaging.destination.name": topic,
    }
    tracer = trace.get_tracer(_SCOPE)
    made = {
        place: tracer.start_span(f"{topic} {operation}", propagate.extract(dict(carrier)), kind, attributes)
        for place, carrier in carried.items()
    }
    try:
        yield made
    except Exception as problem:
        for span in made.values():
            span.set_status(Status(StatusCode.ERROR, type(problem).__name__))
        raise
    finally:
        for span in made.values():
            span.end()
