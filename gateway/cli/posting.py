"""Posting: many requests at once, with what came back and how long it took.

Takes a maker of requests, gives a tally. Each of so many posters sends its next request when it has the
answer to the one before; nothing is tried again, since a tally of second tries would flatter.
"""

import asyncio
import itertools
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from gateway.errors import OperatorError

TIMEOUT_SECONDS = 30.0
_SAMPLE_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class Post:
    """One request, signed and ready."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Tally:
    """What came back: how often each answer (a status, or the name of a network error), one sample of each."""

    answers: Counter[str] = field(default_factory=Counter)
    samples: dict[str, str] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def is_good(self) -> bool:
        return all(answer.startswith("2") for answer in self.answers)

    def count(self, answer: str, sample: str, latency_seconds: float) -> None:
        self.answers[answer] += 1
        self.samples.setdefault(answer, sample[:_SAMPLE_CHARACTERS])
        self.latencies.append(latency_seconds)

    def document(self) -> dict[str, Any]:
        """Give the tally as plain values: milliseconds, and requests a second."""
        latencies = sorted(self.latencies)
        shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
        return {
            "count": len(latencies),
            "answers": [
                {"answer": answer, "count": count, "sample": self.samples[answer]}
                for answer, count in self.answers.most_common()
            ],
            "latency_ms": {name: round(percentile(latencies, share) * 1000, 2) for name, share in shares.items()},
            "seconds": round(self.seconds, 3),
            "requests_per_second": round(len(latencies) / self.seconds, 1) if self.seconds else 0.0,
        }


def percentile(ordered: list[float], share: float) -> float:
    """Give the smallest value that at least this share of all does not exceed (nearest rank)."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


async def post_all(
    make: Callable[[int], Post], *, count: int, concurrency: int, on_progress: Callable[[int], None]
) -> Tally:
    """Post `make(0)` … `make(count - 1)`. Raises OperatorError where nobody listens at all."""
    tally, numbers = Tally(), itertools.count()
    limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    started = time.perf_counter()
    # Not through a proxy of the environment: what is measured is the gateway.
    async with httpx.AsyncClient(limits=limits, timeout=TIMEOUT_SECONDS, trust_env=False) as client:
        try:
            async with asyncio.TaskGroup() as posters:
                for _ in range(min(concurrency, count)):
                    posters.create_task(_post_next(client, make, _below(numbers, count), tally, on_progress))
        except* OperatorError as group:
            raise group.exceptions[0] from None
    tally.seconds = time.perf_counter() - started
    return tally


def _below(numbers: Iterator[int], count: int) -> Iterator[int]:
    """Share one counter among the posters: each takes the next number while there are any."""
    return itertools.takewhile(lambda number: number < count, numbers)


async def _post_next(
    client: httpx.AsyncClient,
    make: Callable[[int], Post],
    numbers: Iterator[int],
    tally: Tally,
    on_progress: Callable[[int], None],
) -> None:
    for number in numbers:
        post = make(number)
        started = time.perf_counter()
        try:
            answer = await client.request(post.method, post.url, headers=post.headers, content=post.body)
        except httpx.ConnectError as error:
            if not tally.latencies:
                raise OperatorError(f"nobody listens at {post.url}: is `hookwright up` running?") from error
            tally.count("ConnectError", str(error), time.perf_counter() - started)
        except httpx.InvalidURL as error:
            raise OperatorError(f"{post.url} is no URL: {error}") from error
        except httpx.HTTPError as error:
            tally.count(type(error).__name__, str(error), time.perf_counter() - started)
        else:
            tally.count(str(answer.status_code), answer.text, time.perf_counter() - started)
        on_progress(len(tally.latencies))
