"""Jobs, looked at: what stands in a lane, and what one of them carries. Nothing here changes anything."""

import time
from collections.abc import Awaitable, Collection
from typing import Any, cast

import msgpack
from arq.constants import in_progress_key_prefix, job_key_prefix, retry_key_prefix
from redis.asyncio import Redis

from gateway.event import Lane
from gateway.ids import job_made_at_ms
from gateway.queue.keys import queue_name
from gateway.queue.parcel import Erase, Events, Parcel, Replays, Retake, UnknownParcel, unpack

IDS_SHOWN = 256
_JOBS_AT_ONCE = 100
# A retake of 256 ids has half of that. What is longer is something else, and not fetched.
_RETAKE_BYTES_MAX = 16 * 1024


async def list_jobs(redis: Redis, lane: Lane, limit: int) -> list[dict[str, Any]]:
    """Give the next jobs of a lane: `{id, state, due, bytes, tries}`, those of sources that send little first.

    state: `running`, `waiting`, or `deferred` until its time: a job that was put back. `due` is that time, else
    when the job was made, in unix seconds.
    """
    entries = await redis.zrange(queue_name(lane), 0, limit - 1, withscores=True)
    async with redis.pipeline(transaction=False) as pipeline:
        for raw, _ in entries:
            job_id = raw.decode()
            pipeline.exists(in_progress_key_prefix + job_id)
            pipeline.strlen(job_key_prefix + job_id)
            pipeline.get(retry_key_prefix + job_id)
        told = await pipeline.execute()
    jobs = []
    for place, (raw, score) in enumerate(entries):
        is_running, size, tries = told[3 * place : 3 * place + 3]
        is_deferred = score / 1000 > time.time()
        state = "running" if is_running else "deferred" if is_deferred else "waiting"
        due = score / 1000 if is_deferred else made_at(raw.decode(), score)
        jobs.append({"id": raw.decode(), "state": state, "due": due, "bytes": size, "tries": int(tries or 0)})
    return jobs


def made_at(job_id: str, place: float) -> float:
    """Give when a job was made, in unix seconds; of one that is not ours all we know is its place."""
    return (job_made_at_ms(job_id) or place) / 1000


async def find_job(redis: Redis, job_id: str) -> dict[str, Any] | None:
    """Say what a job carries: `{id, kind, count, event_ids}`, up to 256 ids; None once it is done."""
    envelope = await cast("Awaitable[bytes | None]", redis.get(job_key_prefix + job_id))
    if envelope is None:
        return None
    parcel = read_parcel(envelope)
    if parcel is None:
        return {"id": job_id, "kind": "unreadable", "count": 0, "event_ids": []}
    kind, event_ids = _describe(parcel)
    return {"id": job_id, "kind": kind, "count": len(event_ids), "event_ids": event_ids[:IDS_SHOWN]}


async def find_retaken(redis: Redis, event_ids: Collection[str]) -> set[str]:
    """Give those of the stored events that a job is to take again already: once is enough."""
    wanted, found, start = set(event_ids), set[str](), 0
    while len(found) < len(wanted):
        job_ids = await redis.zrange(queue_name(Lane.BULK), start, start + _JOBS_AT_ONCE - 1)
        if not job_ids:
            break
        async with redis.pipeline(transaction=False) as pipeline:
            for job_id in job_ids:
                pipeline.getrange(job_key_prefix + job_id.decode(), 0, _RETAKE_BYTES_MAX)
            parcels = [read_parcel(envelope) for envelope in await pipeline.execute()]
        found.update(one for parcel in parcels if isinstance(parcel, Retake) for one in wanted & {*parcel.event_ids})
        start += _JOBS_AT_ONCE
    return found


def read_parcel(envelope: bytes) -> Parcel | None:
    """Read what a job carries out of arq's envelope; None where it cannot be read."""
    try:
        return unpack(msgpack.unpackb(envelope)["a"][0])
    except (UnknownParcel, ValueError, TypeError, LookupError, msgpack.UnpackException):
        return None


def _describe(parcel: Parcel) -> tuple[str, list[str]]:
    match parcel:
        case Events(events):
            return "events", [event.id for event in events]
        case Retake(event_ids):
            return "retake", list(event_ids)
        case Replays(replays):
            return "replays", [replay.id for replay in replays]
        case Erase():
            return "erasure", []
