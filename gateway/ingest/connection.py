"""Connection: limits under uvicorn, which by itself never closes a silent, half-head or half-body one.

A subclass of its httptools protocol that notes when a head and a body began and how large the head
is; one sweep a second closes what took too long. No timer a request. Where there are as many connections as there may
be, whoever has been quiet for longest makes way: a flood of silent ones shuts out itself, and no sender.
"""

import asyncio
import heapq
import math
import time
from collections.abc import Iterable
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from gateway.config import Settings
from gateway.errors import HeadTooLarge
from gateway.ids import mint_event_id
from gateway.ingest.one_piece import OnePiece
from gateway.ingest.respond import refused

SWEEP_SECONDS = 1.0
# Room is made for so many at once, as a share of all: who is quiet is looked for once for all of them.
ROOM_SHARE = 16


class LimitedProtocol(HttpToolsProtocol):
    """One connection: closed when its head or body is late, answered 431 when its head is too large."""

    def __init__(
        self, settings: Settings, config: Config, server_state: ServerState, app_state: dict[str, Any]
    ) -> None:
        super().__init__(config=config, server_state=server_state, app_state=app_state)
        self.timeout_keep_alive = settings.keep_alive_seconds
        self._settings = settings
        self._head_bytes = 0
        self.head_since: float | None = time.monotonic()
        self.body_since: float | None = None
        self._heard_at = self.head_since

    @property
    def quiet_since(self) -> float:
        """Since when it has said nothing, or no whole head. Never, while a whole request of it is at work."""
        is_unanswered = self.cycle is not None and not self.cycle.response_complete
        if (is_unanswered and self.body_since is None) or self.transport.is_closing():
            return math.inf
        return self._heard_at if self.head_since is None else self.head_since

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(transport)
        if len(self.connections) > self._settings.connections_max:
            make_room(connection for connection in self.connections if isinstance(connection, LimitedProtocol))

    def data_received(self, data: bytes) -> None:
        self._heard_at = time.monotonic()
        # A head that never ends is not parsed to its end either, so its bytes are counted as they come.
        if self.head_since is None and self.body_since is None:
            self.head_since = self._heard_at
        if self.body_since is None:
            self._head_bytes += len(data)
        super().data_received(data)
        is_head_open = self.head_since is not None and self.parser is not None
        if is_head_open and self._head_bytes > self._settings.head_bytes_max and not self.transport.is_closing():
            self._refuse_head()

    def on_headers_complete(self) -> None:
        self.head_since, self.body_since, self._head_bytes = None, time.monotonic(), 0
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self._settings.head_bytes_max:
            self._refuse_head()
        super().on_headers_complete()
        self.cycle.send = OnePiece(self.cycle)  # type: ignore[method-assign,assignment] # its task has not begun yet

    def on_message_complete(self) -> None:
        self.body_since = None
        super().on_message_complete()

    def on_response_complete(self) -> None:
        self._heard_at = time.monotonic()
        super().on_response_complete()

    def is_late(self, now: float) -> bool:
        if self.head_since is not None:
            return now - self.head_since > self._settings.head_seconds
        return self.body_since is not None and now - self.body_since > self._settings.body_seconds

    def _refuse_head(self) -> None:
        error = HeadTooLarge(f"the request line and headers are larger than {self._settings.head_bytes_max} bytes")
        answer = refused(error, mint_event_id())
        lines = [name + b": " + value + b"\r\n" for name, value in answer.headers]
        length = b"content-length: %d\r\n\r\n" % len(answer.body)
        self.transport.write(b"".join((STATUS_LINE[431], *lines, length, answer.body)))
        self.transport.close()


def limited_protocol(settings: Settings) -> type[asyncio.Protocol]:
    """Make the protocol class that uvicorn is given: it makes one instance a connection."""

    class Limited(LimitedProtocol):
        def __init__(
            self, config: Config, server_state: ServerState, app_state: dict[str, Any], _loop: object = None
        ) -> None:
            super().__init__(settings, config, server_state, app_state)

    return Limited


def make_room(connections: Iterable[LimitedProtocol]) -> None:
    """Close the quietest; where all are at work, that is whoever has just come."""
    since = {connection: connection.quiet_since for connection in connections}
    quiet = [connection for connection in since if since[connection] < math.inf]
    for connection in heapq.nsmallest(len(quiet) // ROOM_SHARE + 1, quiet, key=since.__getitem__):
        connection.transport.abort()
        connection.connections.discard(connection)  # whoever comes in this very turn finds the room that was made


async def sweep(state: ServerState) -> None:
    """Close connections that are late, once a second, for ever."""
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        now = time.monotonic()
        for connection in list(state.connections):
            if isinstance(connection, LimitedProtocol) and connection.is_late(now):
                connection.transport.abort()
