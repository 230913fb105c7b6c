"""Tracing: one trace an event, from the first byte at the gateway to the commit in the worker. Optional.

Takes moments, gives spans to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names (and the extra `otel` is
installed); without it UNTRACED stands in, which does nothing. The trace's id is the event's id in other
letters, so that nothing has to be carried through the queue, and whoever knows an event finds its trace.
A sender's own traceparent is never believed: strangers do not write our traces.
"""

import os
from collections.abc import Iterable
from typing import Protocol

from gateway.event import Event
from gateway.logs import log

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


class Trace(Protocol):
    """One request on its way."""

    def mark(self, stage: str) -> None:
        """Say that this stage is over."""

    def end(self, source: str, outcome: str, status: int) -> None:
        """Say what became of the request."""


class Tracing(Protocol):
    """What a program tells of its requests and batches."""

    def begin(self, event_id: str) -> Trace:
        """Begin the trace of a request."""

    def applied(self, events: Iterable[tuple[Event, str]], started_ns: int) -> None:
        """Say that these events, each with its status, were settled by a transaction that began then."""

    def close(self) -> None:
        """Send what waits. Blocks."""


class _Untraced:
    """Nobody wants to know."""

    def begin(self, event_id: str) -> "Trace":
        return self

    def mark(self, stage: str) -> None:
        pass

    def end(self, source: str, outcome: str, status: int) -> None:
        pass

    def applied(self, events: Iterable[tuple[Event, str]], started_ns: int) -> None:
        pass

    def close(self) -> None:
        pass


UNTRACED: Tracing = _Untraced()


def open_tracing(program: str) -> Tracing:
    """Choose once: spans where a collector is named, nothing elsewhere."""
    if not any(os.environ.get(name) for name in ENDPOINTS):
        return UNTRACED
    try:
        from gateway.tracing.spans import Spans
    except ImportError as error:
        log.warning("tracing_off", why=f"{error.name} is not installed: pip install hookwright[otel]")
        return UNTRACED
    return Spans(program)
