"""Fairness: no source takes all places, all children, all memory or all turns; hundreds live beside each other."""

import asyncio
import os
import resource
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest
from sandbox_children import EVENT_ID, YES, make_head, make_script

from gateway.errors import SandboxUnavailable
from gateway.sandbox.limits import MIB, Limits
from gateway.sandbox.memory import Memory
from gateway.sandbox.outcome import Outcome
from gateway.sandbox.pool import Pool
from gateway.sandbox.script import Script

pytestmark = pytest.mark.asyncio(loop_scope="session")

ECHO = YES + "def transform(request, context):\n    return [{'n': request.json['n']}]\n"
LOOP = YES + "def transform(request, context):\n    while True: pass\n"
SLOW = YES + "def transform(request, context):\n    return [{'n': sum(range(100_000))}]\n"
BUSY = YES + "def transform(request, context):\n    return [{'n': sum(range(2_000_000))}]\n"
PATIENT = Limits(transform_cpu_seconds=2, wall_seconds=10)
WITHOUT_END = 1 << 60


@asynccontextmanager
async def open_pool(**options) -> AsyncIterator[Pool]:
    pool = Pool(**options)
    await pool.start()
    try:
        yield pool
    finally:
        await pool.close()


async def run(pool: Pool, script: Script, body: bytes = b'{"n": 1}') -> Outcome:
    return await pool.run(script, make_head(), body, event_id=EVENT_ID)


async def run_many(pool: Pool, script: Script, count: int) -> list[Outcome | BaseException]:
    return await asyncio.gather(*(run(pool, script) for _ in range(count)), return_exceptions=True)


async def test_who_has_waited_too_long_is_sent_away_and_never_run():
    async with open_pool(wait_seconds=0.6) as pool:
        script = make_script(BUSY, limits=PATIENT)
        await pool.warm(script)
        (channel,) = pool._children
        answers = asyncio.ensure_future(run_many(pool, script, 100))
        begun = set[int]()
        while channel.flights or not answers.done():
            begun.add(channel.page.word() >> 8)
            await asyncio.sleep(0.002)
        kinds = [answer.kind if isinstance(answer, Outcome) else "sent away" for answer in await answers]
        assert set(kinds) == {"actions", "sent away"}
        assert kinds == sorted(kinds), "who came first is served"
        sent_away = [answer for answer in answers.result() if isinstance(answer, SandboxUnavailable)]
        assert {(one.retry_after_seconds, one.extra["limit"]) for one in sent_away} == {(1, "sandbox_wait_seconds")}
        assert len(begun - {0}) <= kinds.count("actions") + 1, "one may have begun in that very moment"
        assert (await run(pool, script)).kind == "actions", "nobody waits behind those who are gone"
        assert pool.stats().deaths == 0


async def test_who_waits_for_a_child_alone_is_sent_away_too():
    async with open_pool(wait_seconds=0.1) as pool:
        body = orjson.dumps({"padding": "x" * (MIB + 1)})
        script = make_script(LOOP, limits=Limits(transform_cpu_seconds=0.5))
        first = asyncio.ensure_future(run(pool, script, body))
        await asyncio.sleep(0)  # it has the turn
        with pytest.raises(SandboxUnavailable, match=r"waited 0.1 s"):
            await run(pool, script, body)
        assert (await first).kind == "failed"


async def test_where_nobody_waits_for_an_answer_nobody_is_sent_away():
    async with open_pool() as pool:
        answers = await run_many(pool, make_script(BUSY, limits=PATIENT), 12)
        assert {answer.kind for answer in answers if isinstance(answer, Outcome)} == {"actions"}
        assert len(answers) == 12


async def test_a_crowd_is_given_as_many_children_as_its_source_may_have():
    async with open_pool(children_max=6) as pool:
        script = make_script(SLOW, limits=Limits(children_count=2))
        greedy = make_script(SLOW, limits=Limits(children_count=64))
        await asyncio.gather(*(post_again(pool, each) for each in (script, greedy) for _ in range(200)))
        owners = [len(pool._children._by_key[each.source, "1"]) for each in (script, greedy)]
        assert owners == [2, 3], "nobody has more than half of all"


async def post_again(pool: Pool, script: Script) -> None:
    for _ in range(5):
        assert (await run(pool, script)).kind == "actions"


async def test_large_bodies_of_one_source_leave_a_turn_for_another():
    async with open_pool() as pool:
        body = orjson.dumps({"padding": "x" * (MIB + 1)})
        flood, calm = (
            make_script(LOOP, limits=Limits(transform_cpu_seconds=2, wall_seconds=60)),
            make_script(YES + TAKES_ALL),
        )
        crowd = [asyncio.ensure_future(run(pool, flood, body)) for _ in range(4)]
        await asyncio.sleep(0.05)
        assert (await run(pool, calm, body)).kind == "actions"
        assert sum(each.done() for each in crowd) < 2
        for each in crowd:
            each.cancel()
        await asyncio.gather(*crowd, return_exceptions=True)


TAKES_ALL = "def transform(request, context):\n    return [{'n': len(request.json['padding'])}]\n"


async def test_where_memory_is_short_idle_children_go_before_another_is_born():
    async with open_pool(memory=Memory(floor_bytes=WITHOUT_END)) as pool:
        for _ in range(3):
            script = make_script(ECHO)
            assert (await run(pool, script)).kind == "actions"
            assert [pool._children.revisions(script.source), pool.stats().children] == [{"1"}, 1]


async def test_where_memory_is_short_and_nobody_is_idle_a_birth_is_refused():
    async with open_pool(memory=Memory(floor_bytes=WITHOUT_END)) as pool:
        busy = asyncio.ensure_future(run(pool, make_script(LOOP, limits=Limits(transform_cpu_seconds=0.3))))
        while not pool.stats().busy:
            await asyncio.sleep(0.01)
        with pytest.raises(SandboxUnavailable, match="no memory") as caught:
            await run(pool, make_script(ECHO))
        assert caught.value.retry_after_seconds == 1
        assert (await busy).kind == "failed"


async def test_the_sweep_sends_idle_children_home_while_memory_is_short():
    async with open_pool(idle_seconds=100) as pool:
        pool._sweep_seconds = 0.01
        scripts = [make_script(ECHO) for _ in range(3)]
        for script in scripts:
            await pool.warm(script)
        assert pool.stats().children == 3
        pool._children._memory = Memory(floor_bytes=WITHOUT_END)
        pool._children.sweep()
        assert pool.stats().children == 0
        assert (await run(pool, scripts[0])).kind == "actions"


def tell(folder: Path, available_kib: int, **groups: tuple[str, int, int]) -> Memory:
    """Write what a kernel says, and give a Memory that reads it."""
    (folder / "meminfo").write_text(f"MemTotal: 16000000 kB\nMemFree: 1 kB\nMemAvailable: {available_kib} kB\n")
    for name, (limit, current, inactive) in groups.items():
        group = folder / "groups" / name.replace("__", "/")
        group.mkdir(parents=True, exist_ok=True)
        (group / "memory.max").write_text(f"{limit}\n")
        (group / "memory.current").write_text(f"{current}\n")
        (group / "memory.stat").write_text(f"anon 5\ninactive_file {inactive}\n")
    (folder / "own").write_text("0::/pod/gateway\n" if groups else "4:memory:/old\n0::/\n")
    return Memory(meminfo=folder / "meminfo", own_group=folder / "own", groups=folder / "groups")


async def test_what_is_missing_is_read_from_the_machine_and_from_every_group_above(tmp_path: Path):
    assert tell(tmp_path, 1_000_000).missing_bytes() == 0
    assert tell(tmp_path, 100 * 1024).missing_bytes() == (256 - 100) * MIB
    free = {"pod": ("max", 0, 0), "pod__gateway": (str(1024 * MIB), 500 * MIB, 0)}
    assert tell(tmp_path, 1_000_000, **free).missing_bytes() == 0
    full = {"pod__gateway": (str(1024 * MIB), 1000 * MIB, 0)}
    assert tell(tmp_path, 1_000_000, **full).missing_bytes() == 40 * MIB, "a sixteenth of a GiB is wanted, 24 are left"
    cached = {"pod__gateway": (str(1024 * MIB), 1000 * MIB, 300 * MIB)}
    assert tell(tmp_path, 1_000_000, **cached).missing_bytes() == 0, "files that were read once go first"
    above = {"pod": (str(512 * MIB), 512 * MIB, 0)}
    assert tell(tmp_path, 1_000_000, **above).missing_bytes() == 32 * MIB


async def test_a_machine_that_tells_nothing_lacks_nothing(tmp_path: Path):
    silent = Memory(meminfo=tmp_path / "none", own_group=tmp_path / "none", groups=tmp_path)
    assert silent.missing_bytes() == 0


async def test_the_soft_limit_on_descriptors_is_raised_where_a_pool_starts():
    program = (
        "import resource; hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))\n"
        "from gateway.sandbox.descriptors import raise_descriptor_limit; raise_descriptor_limit()\n"
        "print(*resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    soft, hard = map(int, done.stdout.split())
    assert soft == (65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)) > 256


SOURCES = 500


def private_bytes(pid: int) -> int:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Private_"))


async def test_five_hundred_sources_live_beside_each_other_in_bounded_memory(figure):
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 4 * SOURCES:
        pytest.skip(f"the hard limit on descriptors is below {4 * SOURCES}")
    before = len(os.listdir("/proc/self/fd"))
    async with open_pool(children_max=SOURCES + 100) as pool:
        scripts = [make_script(ECHO) for _ in range(SOURCES)]
        outcomes = await asyncio.gather(*(run(pool, script) for script in scripts))  # all of them cold, at once
        assert {outcome.kind for outcome in outcomes} == {"actions"}
        assert pool.stats().children == SOURCES
        births = pool.stats().births
        assert {outcome.kind for outcome in await asyncio.gather(*(run(pool, each) for each in scripts))} == {"actions"}
        assert pool.stats().births == births, "all are still there"
        assert len(os.listdir("/proc/self/fd")) - before <= 2 * SOURCES + 10
        if os.geteuid() == 0:
            private = sum(private_bytes(channel.pid) for channel in pool._children) / SOURCES
            figure(f"{SOURCES} sources at once: {private / MIB:.2f} MiB of private memory each")
            assert private < 5 * MIB
    assert len(os.listdir("/proc/self/fd")) <= before + 5


async def test_five_hundred_sources_share_fifty_children_least_recently_used_first():
    async with open_pool(children_max=50) as pool:
        scripts = [make_script(ECHO) for _ in range(SOURCES)]
        for start in range(0, SOURCES, 25):
            outcomes = await asyncio.gather(*(run(pool, script) for script in scripts[start : start + 25]))
            assert {outcome.kind for outcome in outcomes} == {"actions"}
            assert pool.stats().children <= 50
        assert all(pool._children.revisions(script.source) for script in scripts[-25:])
        assert not any(pool._children.revisions(script.source) for script in scripts[:-75])
