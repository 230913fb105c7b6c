"""Actions: `POST /api/<action>` and `POST /api/batch`. Checked here, then queued like any webhook."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from gateway import clock
from gateway.access import MAY_POST
from gateway.actions import ACTION_NAMES, check_in_turns, in_turns, parse_action
from gateway.api.door import Door
from gateway.errors import BadRequest, Fault, NotFound, TooLarge, Unprocessable
from gateway.event import Event, Status
from gateway.ids import mint_event_id
from gateway.ingest import respond
from gateway.ingest.pipeline import Pipeline, pack
from gateway.ingest.receive import Received, receive
from gateway.ingest.respond import Answer
from gateway.queue.enqueue import Packed
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
        with self.pipeline.room.taken(source):
            parse_action(name, received.body)
            event = self._event(
                request_id, received_at, key, source, received, _named(received.body, name), _unique(request)
            )
            await self._enqueue(source, pack(event))
        return respond.accepted(event, is_held=self._is_held(source))

    async def batch(self, request: Request, request_id: str) -> Answer:
        """Take an array of actions, each an event of its own: all are checked first, then all are accepted."""
        key = await self.door.enter(request, MAY_POST)
        source = self._find_source(request, key)
        received, received_at = await self._receive(request, "/batch")
        with self.pipeline.room.taken(source):
            actions = await check_in_turns(received.body)
            _require_few(actions, received)
            events = self._batch_events(request, received_at, key, source, received, actions)
            packed = [pack(event) async for event in in_turns(events)]
            await self._enqueue(source, *packed)
        shown = [{"id": event.event_id, "status": Status.QUEUED.value} for event in packed]
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

    async def _enqueue(self, source: str, *events: Packed) -> None:
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
        self, request: Request, received_at: int, key: Key, source: str, received: Received, actions: list[Any]
    ) -> Iterator[Event]:
        unique = _unique(request)
        for index, action in enumerate(actions):
            body = json.dumps(action).encode()  # not orjson: it knows no integers past 64 bits
            given = Received(received.head, body, received.client_ip)
            key_of_one = f"{unique}#{index}" if unique else None
            yield self._event(mint_event_id(), received_at, key, source, given, b"[%b]" % body, key_of_one)

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


def _require_few(actions: list[Any], received: Received) -> None:
    """Raise Unprocessable for more than a batch may hold, TooLarge where their headers would come to too much."""
    if not 1 <= len(actions) <= BATCH_MAX:
        fault = Fault("", f"1 to {BATCH_MAX} actions, not {len(actions)}")
        raise Unprocessable(fault.detail, [fault])
    if len(received.head) * len(actions) > BATCH_HEADS_BYTES_MAX:
        raise TooLarge(f"{len(actions)} actions with headers this long are too much: send shorter ones, or fewer")


def _named(body: bytes, name: str) -> bytes:
    """Write the body, which is a valid action, as an array of one action that names itself; byte for byte otherwise."""
    return b'[{"action":"%b",%b]' % (name.encode(), body.strip().removeprefix(b"{"))


def _unique(request: Request) -> str | None:
    """Read Idempotency-Key: the same key twice is one delivery, whatever the bodies say."""
    key = request.headers.get("idempotency-key", "").strip()
    if len(key) > IDEMPOTENCY_KEY_MAX:
        raise BadRequest(f"Idempotency-Key is longer than {IDEMPOTENCY_KEY_MAX} characters")
    return key or None
