"""Lanes: how long a live event takes until it is applied, alone and beside thousands of replays.

A replay runs its script in the worker and rewrites what the delivery told before: the dearest bulk work there
is. `python -m tests.bench.lanes`, or as a part of the bench. Replays are queued until the last post is applied.
"""

import argparse
import asyncio
from collections.abc import Sequence

from redis import Redis

from gateway.event import Lane
from gateway.ids import mint_event_id
from gateway.queue.connect import open_redis
from gateway.queue.keys import PENDING, queue_name
from gateway.queue.parcel import Replay
from gateway.queue.retake import RETAKE_AT_ONCE, enqueue_replays
from tests.bench import rest
from tests.bench.drain import fill, judged, wait_for_none
from tests.bench.figures import Row
from tests.bench.product import Product, product, wait_for_worker

STORED = 2000
# A hundred thousand replays: many times what a worker runs while the posts last.
ROUNDS = 50


def rows() -> list[Row]:
    return [Row("live-alone", "POST → applied, alone"), Row("live-beside", "POST → applied, beside replays")]


def measure(alone: Row, beside: Row, posts: int) -> None:
    """Measure one round. Raises RuntimeError where the replays were done before the posts: it says nothing then."""
    with product() as running, running.stack:
        redis = running.redis()
        running.start_worker()
        running.start_gateway()
        wait_for_worker(redis)
        roots = _store(redis, alone)
        alone.note_times([applied for _, applied in rest.post_all(running, posts)])
        asyncio.run(_queue_replays(running, roots * ROUNDS))
        beside.note_times([applied for _, applied in rest.post_all(running, posts, first=posts * 2)])
        if not redis.zcard(queue_name(Lane.BULK)):
            raise RuntimeError("the replays were done before the posts")


def _store(redis: Redis, row: Row) -> list[str]:
    """Have orders applied that can be replayed; gives their ids."""
    made = judged(STORED)
    fill(redis, made, RETAKE_AT_ONCE)
    wait_for_none(row, lambda: int(redis.hlen(PENDING)))
    return [event.id for event in made]


async def _queue_replays(running: Product, roots: Sequence[str]) -> None:
    redis = open_redis(running.redis_url)
    for start in range(0, len(roots), RETAKE_AT_ONCE):
        chosen = roots[start : start + RETAKE_AT_ONCE]
        await enqueue_replays(redis, [Replay(mint_event_id(), root) for root in chosen])
    await redis.aclose(close_connection_pool=True)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.lanes", description=__doc__)
    parser.add_argument("--posts", type=int, default=200, help="live posts, each time (default 200)")
    alone, beside = rows()
    measure(alone, beside, parser.parse_args(arguments).posts)
    for row in (alone, beside):
        print(f"{row.title:<32} p50 {row.p50s_ms[-1]:6.1f} ms   p99 {row.p99s_ms[-1]:6.1f} ms")


if __name__ == "__main__":
    main()
