"""Receive: the raw request, within limits.

Takes an ASGI scope and its body messages; gives the head as JSON (the very bytes that are stored) and
the body after Content-Encoding: the bytes that a sender signs. Never holds more than the limit, also
while decoding: a bomb is refused as it unfolds.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, TypeVar

import orjson

from gateway.access import mask_own_keys
from gateway.config import Settings
from gateway.errors import TooLarge
from gateway.ingest.decode import decode
from gateway.ingest.uploads import Upload, Uploads

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

Body = TypeVar("Body", bytes, bytearray)

_HIDDEN = frozenset({"x-api-key", "authorization", "cookie"})


class Disconnected(Exception):
    """The sender went away before the whole body was there: nobody is left to answer."""


@dataclass(frozen=True, slots=True)
class Received:
    head: bytes  # JSON
    body: bytes
    client_ip: str


async def receive(
    scope: Scope,
    messages: Receive,
    *,
    path: str,
    received_at: int,
    body_max: int,
    settings: Settings,
    uploads: Uploads,
) -> Received:
    """Read one request. Raises TooLarge, BadRequest, UploadRefused, Disconnected.

    `path` is what follows `/in/<source>`; the head's `url` is the public one, as senders sign it.
    """
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    encoding = content_type = ""
    for name, value in headers:
        if name == "content-length" and value.isdecimal() and int(value) > body_max:
            raise _too_large(body_max)
        if name == "content-encoding":
            encoding = value
        elif name == "content-type":
            content_type = value
    client_ip = client_address(scope, settings)
    with Upload(uploads, client_ip) as upload:
        body = await _read_body(messages, body_max, upload)
    if encoding:
        body = decode(body, encoding, body_max)
    query = scope["query_string"].decode("latin-1")
    head = orjson.dumps(
        {
            "method": scope["method"],
            "path": path,
            "query": query,
            "url": f"{settings.effective_public_url}{_raw_path(scope)}{'?' if query else ''}{query}",
            "headers": [(name, mask_own_keys(name, value) if name in _HIDDEN else value) for name, value in headers],
            "client_ip": client_ip,
            "received_at": received_at,
            "content_type": content_type,
        }
    )
    return Received(head, body, client_ip)


async def _read_body(messages: Receive, body_max: int, upload: Upload) -> bytes:
    message = await _next(messages)
    if not message.get("more_body", False):
        whole: bytes = message.get("body", b"")
        return _checked(whole, body_max)
    # One piece of memory: a list of what came byte by byte would take forty times as much.
    body = bytearray()
    while message.get("more_body", False):
        part = message.get("body", b"")
        upload.hold(len(part))
        body += part
        _checked(body, body_max)
        message = await _next(messages)
    body += message.get("body", b"")
    return bytes(_checked(body, body_max))


async def _next(messages: Receive) -> Message:
    message = await messages()
    if message["type"] == "http.disconnect":
        raise Disconnected
    return message


def _checked(body: Body, body_max: int) -> Body:
    if len(body) > body_max:
        raise _too_large(body_max)
    return body


def client_address(scope: Scope, settings: Settings) -> str:
    """Name the sender's address: the peer's, or what a trusted proxy says of it (the last hop that is not ours)."""
    peer: str = scope["client"][0] if scope.get("client") else ""
    if not settings.proxy_networks or not _is_trusted(peer, settings):
        return peer
    told = (value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for")
    hops = [hop.strip() for value in told for hop in value.split(",")]
    return next((hop for hop in reversed(hops) if not _is_trusted(hop, settings)), hops[0] if hops else peer)


def _is_trusted(address: str, settings: Settings) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in settings.proxy_networks)


def _raw_path(scope: Scope) -> str:
    raw: bytes | None = scope.get("raw_path")
    return raw.decode("latin-1") if raw else scope["path"]


def _too_large(body_max: int) -> TooLarge:
    return TooLarge(f"the body is larger than {body_max} bytes, the limit of this source")
