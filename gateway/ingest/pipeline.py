"""Pipeline: the way of a webhook, from the first byte to the answer. Read this first.

    resolve    which source, and has it room                  404 410 429 503
    receive    raw bytes, limits, decoding                    400 413 503; a place at work is taken behind it
    judge      the script: genuine? which actions?            401 500 503, or a custom answer
    admit      genuine: within the source's own rate          429
    enqueue    durable in Redis                               503
    respond    202 with the event's id

From there on nothing is refused: what fails is kept as a failed event and answered 202.
"""

import time
from dataclasses import dataclass, field

from gateway import clock
from gateway.access import MAY_POST, require_key
from gateway.config import Settings
from gateway.errors import AuthenticateBroke, HookwrightError, NotFound, NotGenuine, SourceDisabled, TriedLater
from gateway.event import Event
from gateway.ids import mint_event_id
from gateway.ingest import respond
from gateway.ingest.kept import Kept
from gateway.ingest.rates import KEY, SOURCE, Rates
from gateway.ingest.receive import Disconnected, Receive, Received, Scope, Send, client_address, receive
from gateway.ingest.respond import Answer
from gateway.ingest.room import Room
from gateway.ingest.strangers import Strangers
from gateway.ingest.uploads import Uploads
from gateway.judge import Judgement, Request, judge
from gateway.logs import RequestLog, log
from gateway.metrics import NOBODY, Metrics
from gateway.metrics.tally import outcome_of
from gateway.queue.enqueue import Enqueuer, Packed
from gateway.queue.parcel import pack_event
from gateway.queue.pending import pending_note
from gateway.registry import Registry, Source
from gateway.sandbox.pool import Pool
from gateway.tracing import Trace, Tracing

# A script's words may repeat what was sent: they are kept with the event or the rejected request, never logged.
SAID_BY_SCRIPT = (NotGenuine, AuthenticateBroke, TriedLater)


@dataclass(slots=True)
class Line:
    """What the one log line of a request says."""

    request_id: str
    source: str
    trace: Trace
    outcome: str = ""
    error: HookwrightError | None = None
    stage: str | None = None
    reason: str | None = None
    body_bytes: int = 0
    client_ip: str = ""
    started: float = field(default_factory=time.perf_counter)


@dataclass(frozen=True, slots=True)
class Pipeline:
    registry: Registry
    pool: Pool
    enqueuer: Enqueuer
    room: Room
    uploads: Uploads
    kept: Kept
    settings: Settings
    lines: RequestLog
    metrics: Metrics
    rates: Rates
    strangers: Strangers
    tracing: Tracing

    async def __call__(self, scope: Scope, messages: Receive, send: Send) -> None:
        """Serve `/in/{source}` and below: an ASGI application."""
        name, _, rest = scope["path"].removeprefix("/in/").partition("/")
        line = self._begin(name)
        try:
            if self.strangers.is_watching:
                self.strangers.require_room(client_address(scope, self.settings), name)
            self.room.require_place()
            answer = await self._take(scope, messages, name, f"/{rest}" if rest else "", line)
        except Disconnected:
            line.outcome = "disconnected"
            self._write(line, 0)
            return
        except HookwrightError as error:
            line.outcome, line.error = error.title, error
            line.reason = None if isinstance(error, SAID_BY_SCRIPT) else error.detail
            self.strangers.note_refusal(client_address(scope, self.settings), error)
            answer = respond.refused(error, line.request_id)
        except Exception:
            log.exception("request_broke", request_id=line.request_id, source=name)
            line.outcome = "broken"
            answer = respond.broken(line.request_id)
        await respond.send_answer(answer, send)
        self._write(line, answer.status)

    async def _take(self, scope: Scope, messages: Receive, name: str, path: str, line: Line) -> Answer:
        source, received_at = self.resolve(name), clock.now()
        received = await receive(
            scope,
            messages,
            path=path,
            received_at=received_at,
            body_max=source.body_bytes_max or self.settings.body_bytes_max,
            settings=self.settings,
            uploads=self.uploads,
        )
        line.body_bytes, line.client_ip = len(received.body), received.client_ip
        line.trace.mark("receive")
        with self.room.taken(name, source.script.limits.in_flight_count if source.script else None):
            return await self._work(scope, source, received, received_at, line)

    async def _work(self, scope: Scope, source: Source, received: Received, received_at: int, line: Line) -> Answer:
        if source.script is None:
            return self._sample(source, received, line)
        if source.capture_until and await self.kept.capture(source, line.request_id, received):
            return self._captured(line)
        try:
            judgement = await self._judge(
                scope, source, Request(line.request_id, line.request_id, received_at, received.head, received.body)
            )
        except (NotGenuine, AuthenticateBroke) as error:
            self.kept.put("rejected", source.name, line.request_id, error.detail, received)
            raise
        line.trace.mark("judge")
        if judgement.event.is_authenticated:
            self.strangers.note_genuine(received.client_ip, source.name)
            await self.admit(source)
        await self.enqueue(pack(judgement.event))
        line.trace.mark("enqueue")
        return self._respond(judgement, source, line)

    def resolve(self, name: str) -> Source:
        """Find a source that has room. Raises NotFound, SourceDisabled, QueueUnavailable, TooMany."""
        source = self.registry.find(name)
        if source is None:
            raise NotFound(f'there is no source "{name[:64]}" here')
        if source.state == "disabled":
            raise SourceDisabled(f'source "{name}" is switched off')
        self.room.require(name, source.queue_events_max)
        if source.requests_per_minute:
            self.rates.require_room(SOURCE, name, source.requests_per_minute, name)
        return source

    async def _judge(self, scope: Scope, source: Source, request: Request) -> Judgement:
        assert source.script is not None
        if not source.has_authenticate:  # the default is never "open"
            key = require_key(self.registry, scope["headers"], MAY_POST, source.name)
            if per_minute := self.settings.key_requests_per_minute:
                await self.rates.take(KEY, key.id, per_minute, source.name)
            return await judge(self.pool, source.script, request, start_at="transform")
        return await judge(self.pool, source.script, request, start_at="authenticate")

    async def admit(self, source: Source) -> None:
        """Count a genuine request against its source's own limit, where it has one. Raises TooMany."""
        if source.requests_per_minute:
            await self.rates.take(SOURCE, source.name, source.requests_per_minute, source.name)

    async def enqueue(self, *events: Packed) -> None:
        """Return when the events are on disk, all or none. Raises QueueUnavailable."""
        await self.enqueuer.put(*events)
        for event in events:
            self.room.note_queued(event.source)

    def _sample(self, source: Source, received: Received, line: Line) -> Answer:
        """Keep a request of a source that has no script yet: nobody writes a script against nothing."""
        self.kept.put("sample", source.name, line.request_id, "no script yet", received)
        return self._captured(line)

    def _captured(self, line: Line) -> Answer:
        line.outcome = "sample"
        return respond.document(200, {"id": line.request_id, "status": "captured"}, line.request_id)

    def _respond(self, judgement: Judgement, source: Source, line: Line) -> Answer:
        line.outcome, line.stage = judgement.event.status.value, judgement.event.stage
        if judgement.reply is not None:
            return respond.scripted(judgement.reply, line.request_id)
        return respond.accepted(judgement.event, is_held=source.state == "paused")

    def _begin(self, name: str) -> Line:
        request_id = mint_event_id()
        return Line(request_id, name[:64], self.tracing.begin(request_id))

    def _write(self, line: Line, status: int) -> None:
        seconds = time.perf_counter() - line.started
        # A name that a stranger has made up is counted under no name: figures must not grow by guessing.
        known = line.source if self.registry.find(line.source) else NOBODY
        outcome = outcome_of(line.error) if line.error else line.outcome
        self.metrics.answered(known, outcome, seconds)
        line.trace.end(known, outcome, status)
        self.lines.write(
            "request",
            status=status,
            source=line.source,
            outcome=line.outcome,
            id=line.request_id,
            ms=round(seconds * 1000, 2),
            body_bytes=line.body_bytes,
            client_ip=line.client_ip or None,
            stage=line.stage,
            reason=line.reason,
        )


def pack(event: Event) -> Packed:
    """Write an event as it goes into the queue."""
    note = pending_note(event.status, event.source, event.key_id)
    return Packed(event.id, note, pack_event(event), event.source, event.weight)
