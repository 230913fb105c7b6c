"""Observe: what a written batch comes to, in figures and in traces.

Takes the events of a committed transaction and what became of each; counts them by source and status, and
how long after its receipt each was settled. Never decides anything, never fails a batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway import clock
from gateway.event import Event
from gateway.metrics import NOBODY, Metrics
from gateway.tracing import UNTRACED, Tracing
from gateway.worker.apply import Applied


@dataclass(frozen=True, slots=True)
class Observer:
    metrics: Metrics = field(default_factory=Metrics)
    tracing: Tracing = UNTRACED

    def wrote(self, events: Sequence[Event], applied: Sequence[Applied], began_at: int) -> None:
        """Count a transaction that began at this time (microseconds). Of retaken events the source is not at hand."""
        now = clock.now()
        by_id = {event.id: event for event in events}
        self.metrics.wrote(len(applied), (now - began_at) / 1e6)
        for one in applied:
            event = by_id.get(one.event_id)
            if event is None or event.is_replay:  # a replay was received long ago
                self.metrics.settled(event.source if event else NOBODY, one.status.value)
            else:
                self.metrics.settled(event.source, one.status.value, (now - event.received_at) / 1e6)
        told = ((by_id[one.event_id], one.status.value) for one in applied if one.event_id in by_id)
        self.tracing.applied(told, began_at * 1000)

    def took_again(self, reason: str, times: int = 1) -> None:
        """Count work that has to be done again."""
        self.metrics.count("retries", reason, by=times)
