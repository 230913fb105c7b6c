"""Who is alive: told every few seconds, and forgotten by itself."""

import time

import orjson
from arq.connections import ArqRedis

from gateway.queue.keys import PROCESSES
from gateway.queue.processes import ALIVE_SECONDS, forget_process, list_processes, tell_process


def document(role: str, started_at: float = 1.0) -> dict[str, object]:
    return {"role": role, "host": "h", "pid": 1, "started_at": started_at}


async def test_processes_are_listed_by_role_and_age(redis: ArqRedis) -> None:
    for name, role, started_at in (("c", "worker", 1.0), ("b", "gateway", 2.0), ("a", "gateway", 3.0)):
        await tell_process(redis, name, document(role, started_at))
    assert [one["id"] for one in await list_processes(redis)] == ["b", "a", "c"]
    await forget_process(redis, "b")
    assert [one["id"] for one in await list_processes(redis)] == ["a", "c"]


async def test_who_has_not_told_of_itself_lately_is_not_alive_and_is_cleared_away(redis: ArqRedis) -> None:
    now = time.time()
    for name, age in (("silent", ALIVE_SECONDS + 1), ("dead", ALIVE_SECONDS * 20)):
        told = orjson.dumps({**document("worker"), "at": now - age}).decode()
        await redis.hset(PROCESSES, name, told)
    await tell_process(redis, "alive", document("worker"))
    assert [one["id"] for one in await list_processes(redis)] == ["alive"]
    assert sorted(await redis.hkeys(PROCESSES)) == [b"alive", b"silent"]
