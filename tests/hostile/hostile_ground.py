"""Ground: a gateway and a worker as processes of their own, a healthy neighbour, and the sources of hostile scripts.

Takes hostile scripts; pushes each to a source of its own, posts to that over HTTP, and gives what came of it. The
neighbour is posted to all the time. Where the fence is switched off, scripts are plain Python: the wall alone is left.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from hostile_neighbour import SOURCE, Neighbour, Post, keep_posting
from hostile_scripts import Hostile
from hostile_verdicts import FIRST_REQUEST, SECRET, Came, Heard, came_of_event, came_of_push, came_of_refusal
from running import PATIENCE_SECONDS, Running, prepare

from gateway.config import Settings
from gateway.errors import ScriptRefused
from gateway.operations import events, scripts, sources
from gateway.operations.limits import set_limits
from gateway.operations.operator import open_operator
from gateway.operations.settings import change_settings
from gateway.sandbox.pool import Pool

AT_ONCE = 4  # sources, each with two posters
ALONE_SECONDS = 1.5
STORM_PAUSE_SECONDS = 0.02
# For who is not about time, so that a busy machine does not end it first.
PATIENT = {"authenticate_cpu_seconds": 3, "transform_cpu_seconds": 3, "wall_seconds": 15, "load_seconds": 3}


@dataclass
class Seen:
    """What came of each script of a group, and the neighbour's posts before and meanwhile."""

    came: dict[str, list[tuple[Heard | None, Came]]]
    alone: list[Post]
    beside: list[Post]


@dataclass
class Ground:
    running: Running
    neighbour: Neighbour
    log: Path
    programs: list[subprocess.Popen[bytes]]

    async def attack(self, group: list[Hostile]) -> Seen:
        """Run the scripts of a group, some at once, after a while without them."""
        await asyncio.gather(*(self._prepare(hostile) for hostile in group))
        began = time.monotonic()
        await asyncio.sleep(ALONE_SECONDS)
        alone = await self.neighbour.posts(began)
        began, turns = time.monotonic(), asyncio.Semaphore(AT_ONCE)
        heard = await asyncio.gather(*(self._play(hostile, turns) for hostile in group))
        beside = await self.neighbour.posts(began)
        await self._settled(self.neighbour.answered)
        came = {hostile.name: await self._read(hostile, each) for hostile, each in zip(group, heard, strict=True)}
        return Seen(came, alone, beside)

    async def _prepare(self, hostile: Hostile) -> None:
        op, name = self.running.op, hostile.source
        await sources.add_source(op, name, secrets={"signing_secret": SECRET}, settings=hostile.settings)
        delivery = {"unique_by": hostile.unique_by, "occurred_at": hostile.occurred_at}
        if any(delivery.values()):
            await change_settings(op, name, delivery=delivery)
        if "killed" not in hostile.expect:
            await set_limits(op, name, PATIENT)

    async def _play(self, hostile: Hostile, turns: asyncio.Semaphore) -> list[Heard] | ScriptRefused:
        """Publish the script; post as often as its line says, and as often beside that."""
        async with turns:
            try:
                await scripts.push_script(self.running.op, hostile.source, hostile.text, is_published=True)
            except ScriptRefused as refused:
                return refused
            first, beside = await asyncio.gather(
                self._post_in_turn(hostile, has_secret=True), self._post_in_turn(hostile, has_secret=False)
            )
            return first + beside

    async def _post_in_turn(self, hostile: Hostile, *, has_secret: bool) -> list[Heard]:
        return [await self.post(hostile, is_first=has_secret and not number) for number in range(hostile.calls)]

    async def post(self, hostile: Hostile, *, is_first: bool = False) -> Heard:
        sent = {"n": 1, "text": "hello", "items": [1, 2, 3], "secret": FIRST_REQUEST if is_first else "x"}
        body = hostile.body if type(hostile.body) is bytes else orjson.dumps(sent | (hostile.body or {}))
        headers = {"content-type": "application/json", "x-topic": "a/b"}
        answer = await self.running.http.post(f"/in/{hostile.source}?a=1&a=2", content=body, headers=headers)
        return Heard(is_first, answer.status_code, f"{answer.headers} {answer.text}", answer.headers["x-request-id"])

    async def _read(self, hostile: Hostile, heard: list[Heard] | ScriptRefused) -> list[tuple[Heard | None, Came]]:
        if isinstance(heard, ScriptRefused):
            return [(None, came_of_push(heard.detail))]
        kept = {}
        if any(each.status >= 300 for each in heard):
            kept = {entry["id"]: entry for entry in await events.list_rejected(self.running.op, hostile.source)}
        return [(each, await self._came_of(each, kept)) for each in heard]

    async def _came_of(self, heard: Heard, kept: dict[str, Any]) -> Came:
        if heard.status >= 300:
            return came_of_refusal(heard, kept.get(heard.request_id))
        return came_of_event(heard, await self.running.event(heard.request_id))

    async def storm(self, group: list[Hostile], seconds: float) -> tuple[dict[str, list[Heard]], list[Post]]:
        """Post to all of them at once, again and again; give what each poster heard, and the neighbour's posts."""
        for hostile in group:
            await self._prepare(hostile)
            await scripts.push_script(self.running.op, hostile.source, hostile.text, is_published=True)
        began = time.monotonic()
        heard = await asyncio.gather(*(self._post_until(began + seconds, hostile) for hostile in group))
        names = (hostile.name for hostile in group)
        return dict(zip(names, heard, strict=True)), await self.neighbour.posts(began)

    async def _post_until(self, end: float, hostile: Hostile) -> list[Heard]:
        heard = []
        while time.monotonic() < end:
            heard.append(await self.post(hostile))
            await asyncio.sleep(STORM_PAUSE_SECONDS)
        return heard

    async def require_whole(self) -> None:
        """Require that all of the neighbour is applied, that nothing broke or ended, and that no log tells a secret."""
        found = await self._settled(await self.neighbour.posts())
        assert found.keys() == {"applied"}, found
        assert [program.poll() for program in self.programs] == [None, None]
        log = self.log.read_text()
        assert [word for word in ("request_broke", "Traceback", SECRET) if word in log] == []

    async def _settled(self, posts: list[Post]) -> dict[str, int]:
        """Count the neighbour's events by status, once all that were accepted are known and none of them is queued."""
        found, count, give_up_at = {}, sum(post.status == 202 for post in posts), 0.0
        while sum(found.values()) < count or found.get("queued"):
            before, found = found, (await sources.show_source(self.running.op, SOURCE))["events"]
            if found != before:  # a busy machine may take its time, as long as it gets on
                give_up_at = time.monotonic() + PATIENCE_SECONDS
            assert time.monotonic() < give_up_at, (found, count)
            await asyncio.sleep(0.1)
        return found


@contextmanager
def _program(arguments: list[str], environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as output:
        process = subprocess.Popen([sys.executable, "-P", *arguments], env=environment, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE_SECONDS)
        finally:
            process.kill()


def _environment(settings: Settings) -> dict[str, str]:
    told = {
        "data_dir": settings.data_dir,
        "redis_url": settings.redis_url,
        "gateway_port": settings.gateway_port,
        "stranger_refusals_per_minute": settings.stranger_refusals_per_minute,
        "log_format": "json",
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HOOKWRIGHT_")}
    return inherited | {f"HOOKWRIGHT_{name.upper()}": str(value) for name, value in told.items()}


@asynccontextmanager
async def open_ground(folder: Path, redis_url: str, *, is_fenced: bool) -> AsyncIterator[Ground]:
    """Run the product on an empty database, with its neighbour, whose first posts have been answered."""
    settings, log = prepare(folder, redis_url), folder / "log.jsonl"
    gateway = ["-m", "gateway.cli", "gateway"] if is_fenced else [str(Path(__file__).with_name("unfenced_gateway.py"))]
    async with AsyncExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        checks_texts = "gateway.operations.operator.Pool"
        patch.setattr(checks_texts, partial(Pool, is_fenced=is_fenced))
        op = await stack.enter_async_context(open_operator(settings, actor="test"))
        address = f"http://127.0.0.1:{settings.gateway_port}"
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=address, timeout=PATIENCE_SECONDS))
        running = Running(settings, op, http)
        running.admin = await running.make_key()
        await running.add_source(SOURCE)
        await set_limits(op, SOURCE, PATIENT)
        programs = [
            stack.enter_context(_program(arguments, _environment(settings), log))
            for arguments in (gateway, ["-m", "gateway.cli", "worker"])
        ]
        await _wait_until_ready(http, log)
        neighbour = stack.enter_context(keep_posting(settings.gateway_port, folder))
        await asyncio.sleep(ALONE_SECONDS)
        await neighbour.posts()
        yield Ground(running, neighbour, log, programs)


async def _wait_until_ready(http: httpx.AsyncClient, log: Path) -> None:
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            if (await http.get("/readyz")).status_code == 200:
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < give_up_at, f"the gateway did not start: {log.read_text()[-2000:]}"
        await asyncio.sleep(0.05)
