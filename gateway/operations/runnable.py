"""Runnable: any text of a source as the sandbox takes it, with the source's secrets, settings and limits.

Takes the name of a source and perhaps a text that is not published; gives what the registry would make of it, so
that what is tried, compared or run by a person runs as it would live. Never keeps the secrets.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from gateway.errors import NotFound, ScriptRefused
from gateway.operations.operator import Operator
from gateway.registry import Source, build_snapshot, read_limits
from gateway.sandbox.script import Script
from gateway.store.registry import read_source


@dataclass(frozen=True, slots=True)
class Runnable:
    source: Source
    script: Script


async def load_live(op: Operator, source: str) -> Runnable:
    """Give the live version. Raises NotFound where the source has none."""
    found = _build(op, await _read(op, source))
    if found.script is None:
        raise NotFound(f'source "{source}" has no live script: publish one first')
    return Runnable(found, found.script)


async def load_unpublished(op: Operator, source: str, text: str) -> Runnable:
    """Give a text as if it were live. Raises ScriptRefused where it does not pass the check."""
    raw = await _read(op, source)
    checked = await (await op.pool()).check(text, read_limits(raw["sources"][0]["limits"]))
    if checked.problems:
        raise ScriptRefused(checked.problems)
    # The id stands in the identity of its child: each text has its own, and the same text the same.
    row = raw["sources"][0] | {
        "text": text,
        "has_authenticate": checked.has_authenticate,
        "live_version_id": f"draft_{sha256(text.encode()).hexdigest()[:26]}",
    }
    found = _build(op, raw | {"sources": [row]})
    assert found.script is not None
    return Runnable(found, found.script)


async def _read(op: Operator, source: str) -> dict[str, Any]:
    raw = await op.read(lambda conn: read_source(conn, source))
    if raw is None:
        raise NotFound(f'there is no source "{source}"')
    return raw


def _build(op: Operator, raw: dict[str, Any]) -> Source:
    snapshot = build_snapshot(raw, op.sealer)
    return next(iter(snapshot.sources.values()))
