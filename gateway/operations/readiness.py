"""Readiness: each thing that Hookwright stands on, by name, and whether it holds.

Gives `{status, checks}`: `ok`; `degraded`: webhooks are taken, but something is not as it should be; `down`:
webhooks are not taken. Each check says in words what is wrong. Never raises: what cannot be asked is the answer.
"""

import asyncio
import contextlib
from collections.abc import Awaitable
from typing import Any, cast

from redis.exceptions import RedisError

from gateway.errors import HookwrightError
from gateway.operations.operator import Operator
from gateway.queue.connect import read_durability
from gateway.queue.inspection import read_queue
from gateway.queue.processes import Document, list_processes
from gateway.queue.quarantines import read_quarantines
from gateway.sandbox.proof import missing_layers
from gateway.store.registry import read_publications
from gateway.store.revision import check_revision

ASK_SECONDS = 3.0
_GRAVITY = ("ok", "degraded", "down")

Check = dict[str, Any]


async def readiness(op: Operator) -> dict[str, Any]:
    """Ask everything at once."""
    names = ("redis", "database", "queue", "programs")
    asked = await asyncio.gather(
        _answered(_redis(op), "down"),
        _answered(_database(op), "degraded"),
        _answered(_queue(op), "down"),
        _answered(_programs(op), "down"),
    )
    checks = dict(zip(names, asked, strict=True))
    checks |= checks["programs"].pop("checks", {})
    del checks["programs"]
    return {"status": max((one["status"] for one in checks.values()), key=_GRAVITY.index), "checks": checks}


async def _answered(check: Awaitable[Check], otherwise: str) -> Check:
    try:
        async with asyncio.timeout(ASK_SECONDS):
            return await check
    except HookwrightError as error:
        return {"status": otherwise, "why": [error.detail]}
    except TimeoutError:
        return {"status": otherwise, "why": [f"no answer within {ASK_SECONDS:.0f} s"]}
    except (RedisError, OSError) as error:
        return {"status": otherwise, "why": [f"not reachable: {type(error).__name__}"]}


async def _redis(op: Operator) -> Check:
    await cast("Awaitable[bool]", op.redis.ping())
    found = await read_durability(op.redis)
    return {
        "status": "degraded" if found.warnings else "ok",
        "why": list(found.warnings),
        "appendonly": found.appendonly,
        "appendfsync": found.appendfsync,
        "maxmemory_policy": found.maxmemory_policy,
        "maxmemory": found.maxmemory,
    }


async def _database(op: Operator) -> Check:
    await op.read(check_revision)
    return {"status": "ok", "why": []}


async def _queue(op: Operator) -> Check:
    """Say how full the queue is, by the limits of this machine's settings."""
    found, why = await read_queue(op.redis), []
    if found["pending_events"] >= op.settings.queue_events_max:
        why.append(f"it is full: {found['pending_events']} events wait")
    if found["memory_max"] and found["memory_used"] > found["memory_max"] * op.settings.queue_memory_share:
        why.append("it is full: its memory is used up")
    return {
        "status": "down" if why else "ok",
        "why": why,
        "pending_events": found["pending_events"],
        "pending_events_max": op.settings.queue_events_max,
        "memory_used": found["memory_used"],
        "memory_max": found["memory_max"],
        "lanes": found["lanes"],
    }


async def _programs(op: Operator) -> Check:
    processes = await list_processes(op.redis)
    gateways = [one for one in processes if one["role"] == "gateway"]
    workers = [one for one in processes if one["role"] == "worker"]
    return {
        "status": "ok",
        "checks": {
            "gateways": _crew(gateways, "no gateway runs: nothing is taken", "down"),
            "workers": _crew(workers, "no worker runs: nothing is applied", "degraded"),
        },
    }


async def list_quarantined(op: Operator) -> dict[str, Document]:
    """Give the sources whose live script tried to leave its sandbox, each with when and how."""
    with contextlib.suppress(RedisError, OSError):
        if told := await read_quarantines(op.redis):
            live = await op.read(read_publications)
            return {name: one for name, one in told.items() if live.get(name) == one["published_at"]}
    return {}


async def list_missing_layers(op: Operator) -> list[str]:
    """Name what the sandboxes of the programs that run lack of the whole wall, each with the reason."""
    told = [process["sandbox"] for process in await list_processes(op.redis) if process.get("sandbox")]
    return list(dict.fromkeys(missing for report in told for missing in missing_layers(report)))


def _crew(processes: list[Document], missing: str, otherwise: str) -> Check:
    """Judge the programs of one role: is there one, are their sandboxes whole, is a source locked away?"""
    why = [fault for one in processes for fault in _faults(one)]
    status = "degraded" if why else "ok"
    if not processes:
        status, why = otherwise, [missing]
    return {"status": status, "why": why, "processes": processes}


def _faults(process: Document) -> list[str]:
    where = f"{process['host']}:{process['pid']}"
    sandbox = process.get("sandbox", {})
    off = [f"{where}: sandbox layer {missing}" for missing in missing_layers(sandbox)] if sandbox else []
    locked = [f"{where}: source {name} is quarantined" for name in process.get("quarantined", [])]
    full = [f"{where}: {process['full']}"] if process.get("full") else []
    return [*off, *locked, *full]
