"""Startup: everything that one machine needs, in order, until it is ready.

Takes settings and a supervisor; gives back when gateway and console answer and a worker has told of itself.
Valkey and the database come first, since gateway and worker want both; with servers named by URL nothing
of the kind is started here.
"""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from redis.asyncio import Redis

from gateway.config import Settings
from gateway.errors import BadSetting
from gateway.operations.demo import add_demo_sources
from gateway.operations.operator import open_operator
from gateway.queue.connect import open_redis
from gateway.store.migrate import migrate
from gateway.supervise.ports import local_url
from gateway.supervise.readiness import Beats, read_beats, wait_for_http, wait_for_new_beat, wait_for_redis
from gateway.supervise.service import Service
from gateway.supervise.supervisor import Supervisor
from gateway.supervise.valkey import describe_valkey

# A Redis that is named by URL runs already: who does not answer in that time is not there.
REDIS_SECONDS = 5.0
# From then on the person wants to know what is being waited for.
LATE_SECONDS = 10.0

Say = Callable[[str], None]


async def start_everything(settings: Settings, lock: int, supervisor: Supervisor, *, is_demo: bool, say: Say) -> None:
    """Bring up Valkey, database, gateway, worker and console; return when they are ready."""
    if settings.is_redis_embedded:
        await supervisor.start(describe_valkey(settings.data_dir, settings.redis_socket_path, lock))
    await asyncio.to_thread(migrate, settings.effective_database_url)
    redis = open_redis(settings.effective_redis_url)
    try:
        await _wait_for_queue(settings, redis, say)
        if is_demo:
            await _add_demo(settings)
        beats = await read_beats(redis)
        await supervisor.start(*(_program(name, lock) for name in ("gateway", "worker", "console")))
        await _wait_for_programs(settings, redis, beats, say)
    finally:
        await redis.aclose()
        await redis.connection_pool.disconnect()
    supervisor.settle()


async def _wait_for_queue(settings: Settings, redis: Redis, say: Say) -> None:
    if settings.is_redis_embedded:
        await _say_when_late("Valkey to read its file", wait_for_redis(redis), say)
        return
    try:
        async with asyncio.timeout(REDIS_SECONDS):
            await wait_for_redis(redis)
    except TimeoutError:
        raise BadSetting("the Redis of HOOKWRIGHT_REDIS_URL does not answer: start it, or mend the URL") from None


async def _add_demo(settings: Settings) -> None:
    async with open_operator(settings, actor="cli:up") as op:
        await add_demo_sources(op)


def _program(name: str, lock: int) -> Service:
    # -P: a folder `gateway` where `up` was called must not be taken for this program.
    return Service(name, (sys.executable, "-P", "-m", "gateway.cli", name), kept_descriptors=(lock,))


async def _wait_for_programs(settings: Settings, redis: Redis, beats: Beats, say: Say) -> None:
    url = f"{local_url(settings.gateway_host, settings.gateway_port)}/readyz"
    console = f"{local_url(settings.console_host, settings.console_port)}/healthz"
    async with asyncio.TaskGroup() as waits:
        waits.create_task(_say_when_late(f"the gateway to answer {url}", wait_for_http(url), say))
        waits.create_task(_say_when_late(f"the console to answer {console}", wait_for_http(console), say))
        waits.create_task(_say_when_late("the worker's first heartbeat", wait_for_new_beat(redis, beats), say))


async def _say_when_late(what: str, wait: Awaitable[None], say: Say) -> None:
    late = asyncio.get_running_loop().call_later(LATE_SECONDS, say, f"still waiting for {what} …")
    try:
        await wait
    finally:
        late.cancel()


async def is_started(start: Coroutine[Any, Any, None], supervisor: Supervisor, stop: asyncio.Event) -> bool:
    """Run the start to its end: True when it is done, False when somebody wants to stop before.

    Raises what the start raises, and OperatorError when a service dies meanwhile.
    """
    starting = asyncio.create_task(start)
    watching = asyncio.create_task(supervisor.watch_start())
    stopping = asyncio.create_task(stop.wait())
    tasks = (watching, starting, stopping)
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for task in tasks:
        if task in done:
            task.result()  # the death of a service comes first: what the start met is its consequence
    return starting in done


@contextmanager
def stop_signals(supervisor: Supervisor) -> Iterator[asyncio.Event]:
    """Give the event that Ctrl-C, SIGTERM or a closed terminal sets; a second one ends all patience."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def hear() -> None:
        if stop.is_set():
            supervisor.hurry()
        stop.set()

    heard = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup means: go on without a terminal
        heard.append(signal.SIGHUP)
    for number in heard:
        loop.add_signal_handler(number, hear)
    try:
        yield stop
    finally:
        for number in heard:
            with suppress(RuntimeError):
                loop.remove_signal_handler(number)
