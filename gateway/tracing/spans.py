"""Spans: what OpenTelemetry is told. Imported only where somebody collects it."""

import os
import threading
import time
from collections.abc import Iterable
from typing import Any

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from gateway.event import Event
from gateway.ids import number_of

CLOSE_SECONDS = 2.0
_SPAN_ID_BITS = (1 << 64) - 1


def ids_of(event_id: str) -> tuple[int, int]:
    """Give the ids of an event's trace and of its first span: the 128 bits of its ULID, and their lower half."""
    number = number_of(event_id)
    return number, number & _SPAN_ID_BITS or 1


class _EventIds(RandomIdGenerator):
    """Gives the next root span the ids of its event; all others random ones."""

    def __init__(self) -> None:
        self.next: tuple[int, int] | None = None

    def generate_trace_id(self) -> int:
        return self.next[0] if self.next else super().generate_trace_id()

    def generate_span_id(self) -> int:
        given, self.next = self.next, None
        return given[1] if given else super().generate_span_id()


class Spans:
    """Tells the collector; used by the event loop alone. Sampled as OTEL_TRACES_SAMPLER says, by the event's id."""

    def __init__(self, program: str) -> None:
        self._ids = _EventIds()
        name = os.environ.get("OTEL_SERVICE_NAME", f"hookwright-{program}")
        self._provider = TracerProvider(
            id_generator=self._ids, resource=Resource.create({"service.name": name}), shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("hookwright")

    def begin(self, event_id: str) -> "_Request":
        return _Request(self, event_id)

    def applied(self, events: Iterable[tuple[Event, str]], started_ns: int) -> None:
        ended_ns = time.time_ns()
        for event, status in events:
            attributes = {"hookwright.source": event.source, "hookwright.status": status}
            if event.is_replay:
                links = [Link(self._context_of(event.root))]
                span = self.root("replay", event.id, started_ns, attributes, SpanKind.CONSUMER, links)
            else:
                span = self.child("apply", event.id, started_ns, attributes, SpanKind.CONSUMER)
            span.end(ended_ns)

    def close(self) -> None:
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS)  # a collector that is away must not keep a program from ending

    def root(
        self,
        name: str,
        event_id: str,
        started_ns: int,
        attributes: dict[str, Any],
        kind: SpanKind,
        links: Iterable[Link] = (),
    ) -> Span:
        """Begin an event's trace."""
        self._ids.next = ids_of(event_id)
        told = {"hookwright.event_id": event_id, **attributes}
        return self._tracer.start_span(
            name, kind=kind, attributes=told, links=tuple(links), start_time=started_ns, context=_NO_PARENT
        )

    def child(self, name: str, event_id: str, started_ns: int, attributes: dict[str, Any], kind: SpanKind) -> Span:
        """Begin a span below the first one of an event's trace, in whichever process that was."""
        parent = set_span_in_context(NonRecordingSpan(self._context_of(event_id)), _NO_PARENT)
        told = {"hookwright.event_id": event_id, **attributes}
        return self._tracer.start_span(name, context=parent, kind=kind, attributes=told, start_time=started_ns)

    def _context_of(self, event_id: str) -> SpanContext:
        """Name the first span of an event's trace. Whether it is kept is decided as there: by the same id."""
        trace_id, span_id = ids_of(event_id)
        is_kept = self._provider.sampler.should_sample(None, trace_id, "request").decision is not Decision.DROP
        return SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(int(is_kept)))


class _Request:
    """The trace of one request: told whole, at its end."""

    __slots__ = ("_event_id", "_marks", "_spans", "_started_ns")

    def __init__(self, spans: Spans, event_id: str) -> None:
        self._spans, self._event_id, self._started_ns = spans, event_id, time.time_ns()
        self._marks: list[tuple[str, int]] = []

    def mark(self, stage: str) -> None:
        self._marks.append((stage, time.time_ns()))

    def end(self, source: str, outcome: str, status: int) -> None:
        attributes = {
            "hookwright.source": source,
            "hookwright.outcome": outcome,
            "http.response.status_code": status,
        }
        root = self._spans.root("request", self._event_id, self._started_ns, attributes, SpanKind.SERVER)
        if status >= 500:
            root.set_status(Status(StatusCode.ERROR))
        began_ns = self._started_ns
        for stage, ended_ns in self._marks:
            self._spans.child(stage, self._event_id, began_ns, {}, SpanKind.INTERNAL).end(ended_ns)
            began_ns = ended_ns
        root.end()


_NO_PARENT = Context()
