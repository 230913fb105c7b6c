"""Actions: `POST /api/<action>` and `POST /api/batch`. Checked here, then queued like any webhook."""

import json
from dataclasses import dataclass

from starlette.requests import Request

from gateway import clock
from gateway.access import MAY_POST
from gateway.actions import ACTION_NAMES, parse_action, parse_actions
from gateway.api.door import Door
from gateway.errors import BadRequest, Fault, NotFound, TooLarge, Unprocessable
from gateway.event import Event, Status
from gateway.ids import mint_event_id
from gateway.ingest import respond
from gateway.ingest.pipeline import Pipeline
from gateway.ingest.receive import Received, receive
from gateway.ingest.respond import Answer
from gateway.registry import Key

BATCH_MAX = 10_000
# Each action of a batch keeps the head of the request as its own: 64 KiB of headers would become 640 MB.
BATCH_HEADS_BYTES_MAX = 32 * 1024 * 1024
BUILT_IN_SOURCE = "api"  # where the events of a key that is not one source's belong
IDEMPOTENCY_KEY_MAX = 256
COUNTED_AS = "hookwright.source"  # in the scope: the source that a request is counted for


@dataclass(frozen=True, slots=True)
class Actions:
    pipeline: Pipeline
    door: Door

    async def one(self, request: Request, request_id: str) -> Answer:
        """Take one action. 202 `{"id", "status"}`; 400 not JSON; 422 with a pointer for every bad place."""
        name = request.path_params["action"]
        key = await self.door.enter(request, MAY_POST)
        if name not in ACTION_NAMES:
            raise NotFound(f'there is no action "{name[:64]}": {", ".join(ACTION_NAMES)}')
        source = self._find_source(request, key)
        received, received_at = await self._receive(request, f"/{name}")
        with self.pipeline.room.taken():
            parse_action(name, received.body)
            event = self._event(
                request_id, received_at, key, source, received, _named(received.body, name), _unique(request)
            )
            await self._enqueue(source, event)
        return respond.accepted(event, is_held=self._is_held(source))

    async def batch(self, request: Request, request_id: str) -> Answer:
        """Take an array of actions, each an event of its own: all are checked first, then all are accepted."""
        key = await self.door.enter(request, MAY_POST)
        source = self._find_source(request, key)
        received, received_at = await self._receive(request, "/batch")
        with self.pipeline.room.taken():
            events = self._batch_events(request, received_at, key, source, received)
            await self._enqueue(source, *events)
        shown = [{"id": event.id, "status": event.status.value} for event in events]
        return respond.document(202, {"events": shown}, request_id)

    def _find_source(self, request: Request, key: Key) -> str:
        """Name the source that a key's events belong to. Raises SourceDisabled, QueueUnavailable, TooMany."""
        name = next(iter(key.sources)) if len(key.sources) == 1 else BUILT_IN_SOURCE
        request.scope[COUNTED_AS] = name
        if self.pipeline.registry.find(name) is not None:
            self.pipeline.resolve(name)
        else:
            self.pipeline.room.require(name)
        return name

    async def _enqueue(self, source: str, *events: Event) -> None:
        if (known := self.pipeline.registry.find(source)) is not None:
            await self.pipeline.admit(known)
        await self.pipeline.enqueue(*events)

    async def _receive(self, request: Request, path: str) -> tuple[Received, int]:
        self.pipeline.room.require_place()
        at, settings = clock.now(), self.pipeline.settings
        received = await receive(
            request.scope,
            request.receive,
            path=path,
            received_at=at,
            body_max=settings.body_bytes_max,
            settings=settings,
            uploads=self.pipeline.uploads,
        )
        return received, at

    def _batch_events(
        self, request: Request, received_at: int, key: Key, source: str, received: Received
    ) -> list[Event]:
        parse_actions(received.body)
        actions = json.loads(received.body)  # not orjson: it makes floats of integers past 64 bits
        if not 1 <= len(actions) <= BATCH_MAX:
            fault = Fault("", f"1 to {BATCH_MAX} actions, not {len(actions)}")
            raise Unprocessable(fault.detail, [fault])
        if len(received.head) * len(actions) > BATCH_HEADS_BYTES_MAX:
            raise TooLarge(f"{len(actions)} actions with headers this long are too much: send shorter ones, or fewer")
        unique = _unique(request)
        return [
            self._event(
                mint_event_id(),
                received_at,
                key,
                source,
                Received(received.head, json.dumps(action).encode(), received.client_ip),
                json.dumps([action]).encode(),
                f"{unique}#{index}" if unique else None,
            )
            for index, action in enumerate(actions)
        ]

    def _event(
        self,
        event_id: str,
        received_at: int,
        key: Key,
        source: str,
        received: Received,
        actions: bytes,
        unique: str | None,
    ) -> Event:
        return Event(
            id=event_id,
            root=event_id,
            source=source,
            received_at=received_at,
            status=Status.QUEUED,
            actions=actions,
            head=received.head,
            body=received.body,
            unique_key=unique,
            key_id=key.id,
        )

    def _is_held(self, source: str) -> bool:
        known = self.pipeline.registry.find(source)
        return known is not None and known.state == "paused"


def _named(body: bytes, name: str) -> bytes:
    """Write the body, which is a valid action, as an array of one action that names itself; byte for byte otherwise."""
    return b'[{"action":"%b",%b]' % (name.encode(), body.strip().removeprefix(b"{"))


def _unique(request: Request) -> str | None:
    """Read Idempotency-Key: the same key twice is one delivery, whatever the bodies say."""
    key = request.headers.get("idempotency-key", "").strip()
    if len(key) > IDEMPOTENCY_KEY_MAX:
        raise BadRequest(f"Idempotency-Key is longer than {IDEMPOTENCY_KEY_MAX} characters")
    return key or None
