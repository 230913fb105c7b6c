"""Fill: a database of a million events, and what every page of the console costs on it: bytes, and time to its answer.

Takes a number of events; copies a sample that the worker's own code has applied (one event in twenty failed), opens
the console on it and asks for each page some times. Prints the median and the worst, and what a page weighs.

    python -m tests.bench.fill --events 1000000
"""

import argparse
import asyncio
import dataclasses
import gzip
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import httpx

from console.app import build_console
from gateway.config import Settings
from gateway.event import Event, Lane, Status
from gateway.operations.operator import open_operator
from gateway.operations.sessions import open_session
from gateway.operations.sources import add_source
from gateway.operations.users import add_user
from gateway.store.engine import open_store
from gateway.store.workbench import issues
from gateway.worker.apply import ApplySettings, apply_batch
from tests.bench import growth
from tests.bench.copies import SAMPLE, numeral, take_sample, write_copies
from tests.running import free_port, prepare, run_valkey

STATIC = Path(__file__).parents[2] / "static" / "dist"
ROUNDS = 5
FAILED_EVERY = 20
HEAD = b'{"method": "POST", "path": "", "url": "", "query": "", "headers": [], "client_ip": "", "content_type": ""}'
ISSUES_EVENT = {"status": Status.FAILED, "stage": "transform", "reason": "KeyError: email", "actions": b"[]"}

PAGES = (
    *("/overview", "/overview?span=7d", "/sources", "/sources/shop", "/sources/shop/script", "/sources/shop/captured"),
    *("/events", "/events?status=failed", "/events?source=shop&status=failed", "/events?contact=email:{email}"),
    *("/events?before={middle}", "/events?unique_key={key}", "/events?text=nothing-like-it", "/events?bookmarked=1"),
    *("/events/{middle}", "/issues", "/issues/{issue}", "/bulk", "/bulk/new?kind=replay&status=failed"),
    *("/contacts", "/contacts?q=p7", "/contacts/email:{email}", "/queue", "/audit", "/people", "/search?q={middle}"),
)


Weight = tuple[str, int, int, float, float]  # address, status, bytes packed, median ms, worst ms


def fill(url: str, events: int) -> dict[str, str]:
    """Fill a migrated database; gives what stands in the addresses."""
    store = open_store(url)
    try:
        sample = [_sampled(number) for number in range(SAMPLE)]
        apply_batch(store, sample, settings=ApplySettings(), lane=Lane.LIVE)
        tables = [table for table in take_sample(store) if table is not issues]  # all fail for one reason
        write_copies(store, tables, 1, max(1, events // SAMPLE))
        middle = max(1, events // SAMPLE) // 2 * SAMPLE + 7
        return {
            "middle": f"evt_{numeral(middle):0>26}",
            "email": f"p{numeral(middle)}@example.com",
            "key": f"d-{numeral(middle)}",
        }
    finally:
        store.close()


def _sampled(number: int) -> Event:
    event = dataclasses.replace(growth.order(number, person=number), head=HEAD)
    return dataclasses.replace(event, **ISSUES_EVENT) if number % FAILED_EVERY == 0 else event


@contextmanager
def prepared(events: int) -> Iterator[tuple[Settings, dict[str, str]]]:
    """Make a data folder with that many events in it."""
    with TemporaryDirectory(prefix="hw-") as folder, run_valkey(Path(folder)) as redis_url:
        settings = prepare(Path(folder), redis_url, console_port=free_port())
        began = time.perf_counter()
        values = fill(settings.effective_database_url, events)
        took = time.perf_counter() - began
        print(f"{events:,} events in {took:.0f} s, {_mib(Path(folder)):,.0f} MiB", file=sys.stderr)
        yield settings, values


def _mib(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) / 2**20


@asynccontextmanager
async def console_of(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """Open the console, with a browser in front of it whose admin is signed in."""
    async with open_operator(settings, actor="bench") as op:
        await add_source(op, "shop")
        person = await add_user(op, "bench@example.com", "admin", [])
        token = await open_session(op, person["id"], person["email"], address="192.0.2.1", browser="bench")
        transport = httpx.ASGITransport(build_console(op, settings))
        cookies = {f"hookwright_{settings.console_port}": token}
        async with httpx.AsyncClient(transport=transport, base_url="http://console.localhost", cookies=cookies) as http:
            yield http


async def weigh(settings: Settings, values: dict[str, str], rounds: int = ROUNDS) -> list[Weight]:
    """Ask for every page."""
    async with console_of(settings) as http:
        found = []
        values = values | {"issue": await _first_issue(http)}
        for page in PAGES:
            answer, took = None, []
            for _ in range(rounds):
                began = time.perf_counter()
                answer = await http.get(page.format(**values))
                took.append((time.perf_counter() - began) * 1000)
            assert answer is not None
            found.append((page, answer.status_code, len(gzip.compress(answer.content)), median(took), max(took)))
        return found


async def _first_issue(http: httpx.AsyncClient) -> str:
    return "iss_" + (await http.get("/issues")).text.partition("/issues/iss_")[2].partition('"')[0]


def weight_of_assets() -> dict[str, int]:
    """Weigh what a browser fetches once, as it is sent (brotli)."""
    named = {path.name.split("-")[0] + path.suffixes[0]: path.stat().st_size for path in STATIC.glob("*.br")}
    return dict(sorted(named.items()))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.fill", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    given = parser.parse_args(arguments)
    with prepared(given.events) as (settings, values):
        for page, status, size, middle, worst in asyncio.run(weigh(settings, values)):
            print(f"{status}  {size / 1024:7.1f} KiB  {middle:8.1f} ms  worst {worst:8.1f} ms  {page}")
    print("once:", ", ".join(f"{name} {size / 1024:.0f} KiB" for name, size in weight_of_assets().items()))


if __name__ == "__main__":
    main()
