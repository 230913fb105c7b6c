"""Runs: a plugin's script in a real sandbox child, fed as the gateway feeds it.

Takes a plugin and a fixture, gives the Outcome and the actions as JSON. Never calls a script itself.
"""

import asyncio
import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from gateway.actions import parse_actions
from gateway.plugins import Fixture, Plugin, sign
from gateway.sandbox.outcome import Outcome
from gateway.sandbox.pool import Pool
from gateway.sandbox.script import Script

SECRET = "a-secret-for-tests-7c1f"
RECEIVED_AT = datetime(2026, 12, 1, tzinfo=UTC)

# Enough to keep a child busy, few enough to stay well below its wall clock while they wait for each other.
IN_FLIGHT = 32


def script_of(plugin: Plugin, **settings: Any) -> Script:
    """Give the plugin as a source: its manifest's settings, except those named here."""
    manifest = plugin.manifest
    chosen = {**manifest.default_settings, **settings}
    return Script(
        source=f"test-{plugin.name}",
        version_id="ver_test",
        revision=hashlib.sha256(json.dumps([plugin.script, chosen]).encode()).hexdigest(),
        text=plugin.script,
        secrets={"signing_secret": SECRET},
        settings=chosen,
        unique_by=manifest.unique_by,
        occurred_at=manifest.occurred_at,
        occurred_at_zone=manifest.occurred_at_zone,
    )


def head_of(plugin: Plugin, fixture: Fixture, headers: dict[str, str]) -> bytes:
    """Write a request's head the way the gateway does."""
    names = {name.lower(): value for name, value in headers.items()}
    head = {
        "method": fixture.method,
        "path": fixture.path,
        "query": "",
        "url": f"https://hooks.example.com/in/test-{plugin.name}{fixture.path}",
        "headers": list(names.items()),
        "client_ip": "192.0.2.1",
        "received_at": int(RECEIVED_AT.timestamp() * 1_000_000),
        "content_type": names.get("content-type", ""),
    }
    return json.dumps(head).encode()


async def run(
    pool: Pool, plugin: Plugin, fixture: Fixture, headers: dict[str, str] | None = None, **settings: Any
) -> Outcome:
    """Sign a fixture (unless `headers` are given) and run it; a source by API key starts where the key let it in."""
    if headers is None:
        headers = sign(plugin, fixture, SECRET, RECEIVED_AT)
    is_by_key = plugin.manifest.signing.kind == "api_key"
    return await pool.run(
        script_of(plugin, **settings),
        head_of(plugin, fixture, headers),
        fixture.body,
        event_id="evt_01JTEST000000000000000000",
        start_at="transform" if is_by_key else "authenticate",
    )


async def run_all(pool: Pool, plugin: Plugin, fixtures: Iterable[Fixture]) -> list[Outcome]:
    """Run many, in order of arrival, some in flight at once."""
    gate = asyncio.Semaphore(IN_FLIGHT)

    async def run_one(fixture: Fixture) -> Outcome:
        async with gate:
            return await run(pool, plugin, fixture)

    return await asyncio.gather(*(run_one(fixture) for fixture in fixtures))


def actions_of(outcome: Outcome) -> list[dict[str, Any]]:
    """Give the actions as JSON, after the gateway's own models have read them."""
    parse_actions(outcome.actions)
    actions: list[dict[str, Any]] = json.loads(outcome.actions)
    return actions


def expectation_of(outcome: Outcome) -> Any:
    """Write an outcome the way `<event>.expected.json` does."""
    if outcome.kind == "actions":
        return actions_of(outcome)
    if outcome.kind == "answered" and outcome.reply is not None:
        return {"kind": "answered", "status": outcome.reply.status, "body": outcome.reply.body.decode()}
    return {"kind": outcome.kind, "reason": outcome.reason}
