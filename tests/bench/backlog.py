"""Backlog: a worker that finds a hundred thousand events in its queue. `python -m tests.bench.backlog`, or
`--only backlog` of the bench.

Each event is a Shopify order of 5 KB and two actions. Says, every other second, what is left, the rate since
the line before, and the memory of the worker: it must not grow with what waits. Nothing is asserted.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from subprocess import Popen

from redis import Redis

from gateway.event import Event
from gateway.ids import mint_event_id
from gateway.queue.keys import PENDING
from tests.bench.drain import fill, judged
from tests.bench.figures import Row
from tests.bench.memory import peak_mib, resident_mib
from tests.bench.product import product

EVENTS = 100_000
DIFFERENT_ORDERS = 2000
FLUSH_EVENTS = 256
LOOK_SECONDS = 2.0

Say = Callable[[str], object]


def rows() -> list[Row]:
    return [Row("backlog", "a worker finds a backlog of orders (MiB: its most)")]


def measure(row: Row, count: int, say: Say = lambda _line: None) -> None:
    """Measure one round; `say` hears how it goes."""
    with product() as running, running.stack:
        redis = running.redis()
        for flush in _flushes(count):
            fill(redis, flush, FLUSH_EVENTS)
        held = redis.info("memory")["used_memory"] / 2**20
        row.note = f"{count:,} wait; Valkey holds {held:.0f} MiB"
        say(row.note)
        _watch(row, redis, running.start_worker(), count, say)


def _flushes(count: int) -> Iterator[list[Event]]:
    """Give deliveries of their own, of people and orders that come again, as those of a shop do."""
    made = judged(DIFFERENT_ORDERS)
    for start in range(0, count, FLUSH_EVENTS):
        yield [_another(made[number % len(made)]) for number in range(start, min(start + FLUSH_EVENTS, count))]


def _another(event: Event) -> Event:
    event_id = mint_event_id()
    return replace(event, id=event_id, root=event_id, unique_key=event_id)


def _watch(row: Row, redis: Redis, worker: Popen[bytes], count: int, say: Say) -> None:
    began = before_at = time.perf_counter()
    left = before = count
    say(f"{'seconds':>8} {'left':>8} {'a second':>9} {'RSS MiB':>8}")
    while left:
        time.sleep(LOOK_SECONDS)
        left, at = int(redis.hlen(PENDING)), time.perf_counter()
        rate = (before - left) / (at - before_at)
        say(f"{at - began:8.1f} {left:8} {rate:9.0f} {resident_mib(worker.pid) or 0:8.0f}")
        before, before_at = left, at
    row.rates.append(count / (time.perf_counter() - began))
    row.mib.append(peak_mib(worker.pid) or 0)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.backlog", description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS, help=f"events in the queue (default {EVENTS})")
    (row,) = rows()
    measure(row, parser.parse_args(arguments).events, partial(print, flush=True))
    print(f"{row.rate:.0f} a second; at most {row.mib_each:.0f} MiB")


if __name__ == "__main__":
    main()
