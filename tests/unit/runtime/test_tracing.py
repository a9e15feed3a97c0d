"""Traces go on from record to record, and cost nothing where they are off."""

from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from services.runtime import tracing
from services.runtime.settings import settings

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEADERS = [("ce_id", b"1"), ("traceparent", f"00-{TRACE}-{PARENT}-01".encode()), ("tracestate", b"shop=1")]


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """Tracing is on, and spans are kept here."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    monkeypatch.setenv("KOC_TRACING", "true")
    settings.cache_clear()
    tracing.is_on.cache_clear()
    yield exporter
    settings.cache_clear()
    tracing.is_on.cache_clear()


def _spans(exporter: InMemorySpanExporter) -> list[ReadableSpan]:
    return list(exporter.get_finished_spans())


def test_a_record_with_a_trace_gets_a_span_in_it_and_one_without_gets_none(exported: InMemorySpanExporter) -> None:
    carried = tracing.carriers([(7, HEADERS), (8, [("ce_id", b"2")])])
    assert set(carried) == {7}
    with tracing.reading("topic", carried) as spans:
        onwards = tracing.carrier_from(spans[7])
    [span] = _spans(exported)
    assert span.context is not None
    assert span.parent is not None
    assert f"{span.context.trace_id:032x}" == TRACE
    assert f"{span.parent.span_id:016x}" == PARENT
    assert (span.name, span.kind) == ("topic process", SpanKind.CONSUMER)
    assert onwards == {"traceparent": f"00-{TRACE}-{span.context.span_id:016x}-01", "tracestate": "shop=1"}
    assert tracing.carrier_of(tracing.headers_of(onwards)) == onwards


def test_what_fails_marks_its_spans_by_the_kind_of_failure_alone(exported: InMemorySpanExporter) -> None:
    with (
        pytest.raises(ValueError, match="b_secret"),
        tracing.reading("topic", tracing.carriers([(1, HEADERS)])),
    ):
        raise ValueError("b_secret")
    [span] = _spans(exported)
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "ValueError")
    assert not span.events


@pytest.mark.parametrize("value", [b"", b"\xff\xfe", b"00-zz-zz-01", b"x" * 5_000])
def test_a_trace_that_is_none_breaks_nothing(exported: InMemorySpanExporter, value: bytes) -> None:
    with tracing.sending("topic", tracing.carriers([(1, [("traceparent", value)])])):
        pass
    assert all(span.parent is None for span in _spans(exported))


def test_nothing_is_looked_at_where_tracing_is_off() -> None:
    assert not tracing.is_on()
    assert tracing.carriers([(1, HEADERS)]) == {}
