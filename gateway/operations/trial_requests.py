"""Trial requests: what a script can be tried on.

Takes a reference in one line, `event:evt_…`, `fixture:NAME`, `plugin:NAME`, `sample:ID` or `rejected:ID`, or what a
person has pasted; gives the request's head and body as the path would have kept them. A plugin's fixture is signed
with the source's own secret, at the moment it is asked for. Never stores anything.
"""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import orjson

from gateway import clock
from gateway.access import mask_own_keys
from gateway.errors import Conflict, NotFound, OperatorError
from gateway.ids import mint_event_id
from gateway.operations.operator import Operator
from gateway.operations.secrets import unseal_secret
from gateway.plugins import SIGNING_SECRET, Fixture, Plugin, load_plugin, sign
from gateway.queue.kept import list_kept
from gateway.store.engine import Connection
from gateway.store.events import load_event
from gateway.store.fixtures import find_fixture
from gateway.store.requests import load_request
from gateway.store.sources import load_source

Headers = Sequence[tuple[str, str]]
KEPT_LOOKED_AT = 1000


@dataclass(frozen=True, slots=True)
class TrialRequest:
    """A request under the reference that it was found by. `head` is JSON, as `ingest.receive` writes it."""

    reference: str
    head: bytes
    body: bytes
    # What the script is told as context.event_id: of an event its root's, as in a replay.
    event_id: str = field(default_factory=mint_event_id)

    @property
    def received_at(self) -> int:
        return int(orjson.loads(self.head)["received_at"])


async def find_request(op: Operator, source: str, reference: str) -> TrialRequest:
    """Give the request that a reference names. Raises NotFound, Conflict (cut short), OperatorError (no reference)."""
    kind, _, name = reference.partition(":")
    match kind:
        case "event":
            return await _of_event(op, source, name)
        case "fixture":
            return await _of_fixture(op, source, name)
        case "plugin":
            return await _of_plugin(op, source, name)
        case "sample" | "rejected":
            return await _of_kept(op, source, kind, name)
    raise OperatorError(f'"{reference}" names no request: event:ID, fixture:NAME, plugin:NAME, sample:ID, rejected:ID')


async def paste_request(
    op: Operator,
    source: str,
    *,
    body: bytes,
    method: str = "POST",
    path: str = "",
    query: str = "",
    headers: Headers = (),
    is_signed: bool = False,
) -> TrialRequest:
    """Make a request of what a person has typed; `is_signed` signs it as the source's plugin says its sender does."""
    chosen = Fixture("pasted", method, f"{path}?{query}" if query else path, {}, body)
    pairs = list(headers)
    if is_signed:
        pairs = _replaced(pairs, await _signature(op, source, await _plugin_of(op, source), chosen))
    return TrialRequest("pasted", write_head(op, source, chosen, pairs), body)


def read_headers(text: str) -> list[tuple[str, str]]:
    """Read `Name: value` lines. Raises OperatorError with the number of a line that is none."""
    pairs = []
    for number, line in enumerate(text.splitlines(), 1):
        name, colon, value = line.partition(":")
        if not line.strip():
            continue
        if not colon or not name.strip() or " " in name.strip():
            raise OperatorError(f"line {number} of the headers is not `Name: value`")
        pairs.append((name.strip().lower(), value.strip()))
    return pairs


def write_head(op: Operator, source: str, request: Fixture, headers: Iterable[tuple[str, str]]) -> bytes:
    """Write a head as the path does, received now from nobody's address."""
    path, _, query = request.path.partition("?")
    pairs = [(name.lower(), mask_own_keys(name.lower(), value)) for name, value in headers]
    head = {
        "method": request.method.upper(),
        "path": path,
        "query": query,
        "url": f"{op.settings.effective_public_url}/in/{source}{request.path}",
        "headers": pairs,
        "client_ip": "",
        "received_at": clock.now(),
        "content_type": dict(pairs).get("content-type", ""),
    }
    return orjson.dumps(head)


async def _of_event(op: Operator, source: str, event_id: str) -> TrialRequest:
    """Give the request of an event of this source: a script logs what it reads, so another's is not there."""

    def work(conn: Connection) -> tuple[str, tuple[bytes, bytes]] | None:
        event, stored = load_event(conn, event_id), load_request(conn, event_id)
        is_theirs = event is not None and event["source"] == source
        return (event["root"], stored) if event is not None and is_theirs and stored is not None else None

    found = await op.read(work)
    if found is None:
        raise NotFound(
            f"{source} has no raw request of an event {event_id}: it is another's, or retention has removed it"
        )
    root, stored = found
    return TrialRequest(f"event:{event_id}", *stored, event_id=root)


async def _of_fixture(op: Operator, source: str, name: str) -> TrialRequest:
    row = await op.read(lambda conn: find_fixture(conn, source, name))
    if row is None:
        raise NotFound(f'source "{source}" has no fixture "{name}" of its own')
    return TrialRequest(f"fixture:{name}", row["head_blob"], row["body_blob"])


async def _of_plugin(op: Operator, source: str, name: str) -> TrialRequest:
    plugin = await _plugin_of(op, source)
    fixture = plugin.find_fixture(name)
    headers = list((await _signature(op, source, plugin, fixture)).items())
    return TrialRequest(f"plugin:{name}", write_head(op, source, fixture, headers), fixture.body)


async def _of_kept(op: Operator, source: str, kind: Literal["sample", "rejected"], name: str) -> TrialRequest:
    for entry in await list_kept(op.redis, kind, source, KEPT_LOOKED_AT):
        if entry["id"] == name:
            return kept_request(kind, entry)
    raise NotFound(f'there is no {kind} {name} of source "{source}" any more')


def kept_request(kind: str, entry: dict[str, Any]) -> TrialRequest:
    """Read what Redis keeps of a request. Raises Conflict for one that was cut short: it is not what came in."""
    if entry["is_cut"]:
        raise Conflict(f"{kind} {entry['id']} was longer than is kept of it: it cannot be run")
    return TrialRequest(f"{kind}:{entry['id']}", orjson.dumps(entry["head"]), base64.b64decode(entry["body"]))


async def _plugin_of(op: Operator, source: str) -> Plugin:
    row = await op.read(lambda conn: load_source(conn, source))
    if row["plugin"] is None:
        raise Conflict(f'source "{source}" was made without a plugin: nothing says how its sender signs')
    return load_plugin(row["plugin"])


async def _signature(op: Operator, source: str, plugin: Plugin, fixture: Fixture) -> dict[str, str]:
    if plugin.manifest.signing.kind == "api_key":
        return dict(fixture.headers)  # the gateway asks for the key, no script sees it
    return sign(plugin, fixture, await unseal_secret(op, source, SIGNING_SECRET), datetime.now(UTC))


def _replaced(pairs: Headers, signed: dict[str, str]) -> list[tuple[str, str]]:
    names = {name.lower() for name in signed}
    return [pair for pair in pairs if pair[0].lower() not in names] + list(signed.items())
