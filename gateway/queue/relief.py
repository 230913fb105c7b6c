"""Relief: how room is made in a Redis that is past its maxmemory and refuses whatever could take memory.

A lease is such a thing: arq takes its refusal for "started elsewhere", and nothing would ever be taken out again.
What takes things out is never refused. Gives the jobs that nobody holds, to be taken without a lease: taken twice,
a job is applied once. What strangers left goes first; samples stay, their senders were answered.
"""

from collections.abc import Collection

from arq.constants import in_progress_key_prefix, job_key_prefix, retry_key_prefix
from redis.asyncio import Redis

from gateway.event import Lane
from gateway.queue.keys import queue_name

# A little before the end, and until there is room for what a worker takes at once.
FULL_SHARE, ROOM_SHARE = 0.98, 0.95
# Among so many jobs, the oldest, those are looked for that nobody holds.
_LOOKED_AT_MAX = 1000


async def is_full(redis: Redis, *, was_full: bool) -> bool:
    """Tell whether Redis refuses what could take memory, or soon will. It reckons without the buffers of its log."""
    memory = await redis.info("memory")
    used = int(memory["used_memory"]) - int(memory.get("mem_not_counted_for_evict", 0))
    allowed = int(memory.get("maxmemory", 0)) * (ROOM_SHARE if was_full else FULL_SHARE)
    return 0 < allowed < used


async def list_unleased(redis: Redis, lane: Lane, *, but: Collection[str], limit: int) -> list[str]:
    """Give the next jobs of a lane that no worker holds."""
    entries = await redis.zrange(queue_name(lane), 0, _LOOKED_AT_MAX - 1)
    job_ids = [job_id for entry in entries if (job_id := entry.decode()) not in but]
    async with redis.pipeline(transaction=False) as pipeline:
        for job_id in job_ids:
            pipeline.exists(in_progress_key_prefix + job_id)
        held = await pipeline.execute()
    return [job_id for job_id, is_held in zip(job_ids, held, strict=True) if not is_held][:limit]


async def remove_job(redis: Redis, lane: Lane, job_id: str) -> None:
    """Take a job out that is done, as arq does."""
    async with redis.pipeline(transaction=True) as pipeline:
        pipeline.delete(job_key_prefix + job_id, retry_key_prefix + job_id)
        pipeline.zrem(queue_name(lane), job_id)
        await pipeline.execute()
