"""The pool: many requests, many sources, deaths, and what the others notice of them."""

import asyncio
import os
import signal

import orjson
import pytest
from sandbox_children import EVENT_ID, YES, make_head, make_script, play_script
from structlog.testing import capture_logs

from gateway.errors import SandboxUnavailable, ScriptRefused
from gateway.sandbox import watchdog
from gateway.sandbox.descriptors import raise_descriptor_limit
from gateway.sandbox.forkserver import Ending, ForkServer
from gateway.sandbox.limits import Limits
from gateway.sandbox.outcome import Outcome
from gateway.sandbox.pool import Pool
from gateway.sandbox.script import Script

pytestmark = pytest.mark.asyncio(loop_scope="session")

ECHO = YES + "def transform(request, context):\n    return [{'n': request.json['n'], 'event': context.event_id}]\n"
QUICK = Limits(authenticate_cpu_seconds=0.03, transform_cpu_seconds=0.05)


def run(pool: Pool, script: Script, number: int, **keywords) -> "asyncio.Task[Outcome]":
    body = orjson.dumps({"n": number})
    return asyncio.ensure_future(pool.run(script, make_head(), body, event_id=f"evt_{number}", **keywords))


async def test_two_hundred_pipelined_requests_get_their_own_answers(pool):
    script = make_script(ECHO)
    outcomes = await asyncio.gather(*(run(pool, script, number) for number in range(200)))
    found = [orjson.loads(outcome.actions)[0] for outcome in outcomes]
    assert found == [{"n": number, "event": f"evt_{number}"} for number in range(200)]


async def test_neighbours_of_a_culprit_run_again_and_only_it_fails(pool):
    text = YES + "def transform(request, context):\n    while request.json['n'] == 7: pass\n    return [request.json]\n"
    script = make_script(text, limits=QUICK)
    outcomes = await asyncio.gather(*(run(pool, script, number) for number in range(20)))
    assert [number for number, outcome in enumerate(outcomes) if outcome.kind == "failed"] == [7]
    assert outcomes[7].reason == "limit: cpu 0.05 s (transform)"
    assert orjson.loads(outcomes[19].actions) == [{"n": 19}]


async def test_strangers_whose_requests_die_one_after_the_other_cost_nobody_behind_them_an_answer(pool):
    text = "def authenticate(request, context):\n    while request.json['n'] < 3: pass\n    return True\n"
    script = make_script(text + "def transform(request, context):\n    return [request.json]\n", limits=QUICK)
    await pool.warm(script)
    outcomes = await asyncio.gather(*(run(pool, script, number) for number in range(10)))
    assert [outcome.kind for outcome in outcomes] == ["failed"] * 3 + ["actions"] * 7


async def test_requests_of_one_source_know_nothing_of_another_s_death(pool):
    loop = make_script(YES + "def transform(request, context):\n    while True: pass\n", limits=QUICK)
    good = make_script(ECHO)
    await pool.warm(good)
    bad = run(pool, loop, 1)
    for number in range(20):
        assert (await run(pool, good, number)).kind == "actions"
    assert (await bad).kind == "failed"


async def test_a_killed_child_is_replaced(pool):
    script = make_script(YES + "def transform(request, context):\n    while request.json['n']: pass\n", limits=QUICK)
    assert (await run(pool, script, 1)).kind == "failed"
    assert (await run(pool, script, 0)).kind == "ignored"


async def test_a_child_that_somebody_else_kills_fails_nobody():
    own = Pool()
    await own.start()
    try:
        text = YES + "def transform(request, context):\n    return [{'n': sum(range(3_000_000))}]\n"
        script = make_script(text, limits=Limits(transform_cpu_seconds=5, wall_seconds=15))
        await own.warm(script)
        (channel,) = own._children
        requests = [run(own, script, number) for number in range(5)]
        while not channel.page.word() >> 8:  # none has begun
            await asyncio.sleep(0.001)
        os.kill(channel.pid, signal.SIGKILL)
        assert {outcome.kind for outcome in await asyncio.gather(*requests)} == {"actions"}
        assert own.stats().reruns > 0
    finally:
        await own.close()


async def test_when_the_fork_server_dies_a_new_one_takes_over():
    own = Pool()
    await own.start()
    try:
        script = make_script(ECHO)
        requests = [run(own, script, number) for number in range(5)]
        await asyncio.gather(*requests)
        own._nursery._server._process.kill()
        while not own.stats().restarts:
            assert (await run(own, script, 1)).kind == "actions"
        requests = [run(own, script, number) for number in range(5)]
        assert {outcome.kind for outcome in await asyncio.gather(*requests)} == {"actions"}
    finally:
        await own.close()


async def test_the_fork_server_hears_no_signal_for_the_gateways_group(pool):
    server_pid = pool._nursery._server._process.pid
    assert os.getsid(server_pid) == os.getpgid(server_pid) == server_pid


async def test_children_end_with_their_pool():
    own = Pool()
    await own.start()
    await own.warm(make_script(ECHO))
    (channel,) = own._children
    server_pid = own._nursery._server._process.pid
    await own.close()
    for _ in range(200):
        if not any(_is_running(pid) for pid in (channel.pid, server_pid)):
            return
        await asyncio.sleep(0.01)
    pytest.fail("a process of the sandbox outlived its pool")


async def test_a_pool_that_is_closed_holds_nothing_however_late_its_children_are_buried(monkeypatch):
    ending = ForkServer.ending

    async def end_late(server: ForkServer, pid: int) -> Ending:
        await asyncio.sleep(0.3)
        return await ending(server, pid)

    monkeypatch.setattr(ForkServer, "ending", end_late)
    before = len(os.listdir("/proc/self/fd"))
    own = Pool()
    await own.start()
    await asyncio.gather(*(own.warm(make_script(ECHO)) for _ in range(20)))
    birth = asyncio.ensure_future(own.warm(make_script(ECHO)))
    await asyncio.sleep(0)
    await own.close()
    assert len(os.listdir("/proc/self/fd")) <= before
    await asyncio.gather(birth, return_exceptions=True)


def _is_running(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


async def test_deaths_after_the_yes_put_a_source_on_backoff_and_lift_ends_it(pool):
    script = make_script(YES + "def transform(request, context):\n    while True: pass\n", limits=QUICK)
    with capture_logs() as lines:
        for _ in range(4):
            assert (await run(pool, script, 1)).kind == "failed"
    with pytest.raises(SandboxUnavailable) as caught:
        await run(pool, script, 1)
    assert caught.value.retry_after_seconds >= 1
    assert caught.value.detail == f"{script.source} takes nothing just now"  # a stranger hears it
    (told,) = (line for line in lines if line["event"] == "source_backoff")
    assert (told["source"], told["seconds"], told["reason"]) == (script.source, 1, "limit: cpu 0.05 s (transform)")
    pool.lift(script.source)
    assert (await run(pool, script, 1)).kind == "failed"
    pool.lift(script.source)


async def test_deaths_before_the_yes_never_shut_a_source(pool):
    text = "def authenticate(request, context):\n    while request.json['n']: pass\n    return True\n"
    script = make_script(text + "def transform(request, context):\n    return [{'a': 1}]\n", limits=QUICK)
    for _ in range(6):
        assert (await run(pool, script, 1)).is_authenticated is False
    assert (await run(pool, script, 0)).kind == "actions"


async def test_a_script_that_dies_while_loading_is_put_on_backoff(pool):
    script = make_script("while True: pass\ndef transform(request, context): pass\n", limits=Limits(load_seconds=0.05))
    for _ in range(4):
        outcomes = await asyncio.gather(*(run(pool, script, number) for number in range(3)))
        assert {(outcome.stage, outcome.reason) for outcome in outcomes} == {("load", "limit: load 0.05 s")}
    with pytest.raises(SandboxUnavailable, match="takes nothing just now"):
        await run(pool, script, 1)


SOMETIMES = YES + "def transform(request, context):\n    while request.json['n']: pass\n    return [{'a': 1}]\n"


async def test_who_dies_of_no_more_than_a_third_of_its_requests_is_never_paused(pool):
    script = make_script(SOMETIMES, limits=QUICK)
    for number in (1, 1, 1, 0, 0, 0, 0, 0, 0, *(1, 0, 0) * 4, 1, 1, 1):
        assert (await run(pool, script, number)).kind == ("failed" if number else "actions")


@pytest.mark.parametrize("pattern", [(1, 1, 1, 0), (1, 0), (0, 1)])
async def test_successes_in_between_do_not_hide_that_a_script_keeps_dying(pool, pattern):
    script = make_script(SOMETIMES, limits=QUICK)
    with pytest.raises(SandboxUnavailable, match="takes nothing just now"):
        for number in pattern * 8:
            await run(pool, script, number)


async def test_warm_refuses_a_bad_script_with_its_problems_and_run_says_so_too(pool):
    script = make_script("import os\n")
    with pytest.raises(ScriptRefused) as caught:
        await pool.warm(script)
    assert (caught.value.problems[0].line, caught.value.problems[0].column) == (1, 8)
    births = pool.stats().births
    outcome = await run(pool, script, 1)
    assert (outcome.kind, outcome.is_authenticated, outcome.stage) == ("failed", False, "load")
    assert pool.stats().births == births


async def test_retire_lets_requests_finish_and_sends_the_old_version_home(pool):
    old = make_script(YES + "def transform(request, context):\n    return [{'v': 1, 'n': sum(range(100_000))}]\n")
    new = make_script(
        YES + "def transform(request, context):\n    return [{'v': 2}]\n", source=old.source, revision="2"
    )
    await pool.warm(old)
    request = run(pool, old, 1)
    await pool.warm(new)
    pool.retire(old.source, keep_revision="2")
    assert orjson.loads((await request).actions)[0]["v"] == 1
    assert orjson.loads((await run(pool, new, 1)).actions) == [{"v": 2}]
    assert pool._children.revisions(old.source) == {"2"}


async def test_idle_children_go_home_and_come_back():
    own = Pool(idle_seconds=0.1)
    await own.start()
    try:
        script = make_script(ECHO)
        await run(own, script, 1)
        while own.stats().children:
            await asyncio.sleep(0.02)
        assert (await run(own, script, 2)).kind == "actions"
    finally:
        await own.close()


async def test_a_worn_child_is_replaced_and_ends_what_it_was_asked(monkeypatch):
    monkeypatch.setattr(watchdog, "CHILD_WORN_CPU_SECONDS", 0.3)
    own = Pool(idle_seconds=0.4)
    await own.start()
    try:
        script = make_script(YES + "def transform(request, context):\n    return [{'n': sum(range(300_000))}]\n")
        births = own.stats().births
        for _ in range(1_000):
            outcomes = await asyncio.gather(*(run(own, script, number) for number in range(10)))
            assert {outcome.kind for outcome in outcomes} == {"actions"}
            if own.stats().births >= births + 4:
                break
        assert own.stats().births >= births + 4
        assert (own.stats().deaths, own.stats().reruns) == (0, 0)
    finally:
        await own.close()


async def test_the_least_recently_used_child_makes_room():
    own = Pool(children_max=2)
    await own.start()
    try:
        scripts = [make_script(ECHO) for _ in range(3)]
        for script in scripts:
            await run(own, script, 1)
        assert [own._children.revisions(script.source) for script in scripts] == [set(), {"1"}, {"1"}]
    finally:
        await own.close()


async def test_many_first_requests_at_once_wait_for_one_birth(pool):
    births = pool.stats().births
    script = make_script(ECHO)
    await asyncio.gather(*(run(pool, script, number) for number in range(10)))
    assert pool.stats().births == births + 2  # of the child that compiles the script, and of the one that runs it


async def test_a_request_that_is_given_up_leaves_the_others_in_order(pool):
    script = make_script(ECHO)
    await pool.warm(script)
    requests = [run(pool, script, number) for number in range(10)]
    await asyncio.sleep(0)
    requests[3].cancel()
    done = await asyncio.gather(*requests, return_exceptions=True)
    assert isinstance(done[3], asyncio.CancelledError)
    assert [orjson.loads(outcome.actions)[0]["n"] for outcome in done if isinstance(outcome, Outcome)] == [
        number for number in range(10) if number != 3
    ]


async def test_every_layer_is_reported_by_name_and_secrets_show_nowhere(pool):
    own = Pool()
    report = await own.start()
    await own.close()
    assert {"fence", "no_new_privs", "seccomp", "landlock", "limits", "user", "network", "self_test"} <= set(report)
    assert own.report == report
    assert all(state == "on" or state.startswith("off: ") for state in report.values())
    assert "hunter2-hunter2" not in repr(make_script(ECHO, secrets={"signing_secret": "hunter2-hunter2"}))


async def test_an_unreadable_head_is_a_failure_and_no_crash(pool):
    outcome = await pool.run(make_script(ECHO), b"{", b"{}", event_id=EVENT_ID)
    assert (outcome.kind, outcome.is_authenticated) == ("failed", False)
    assert (await play_script(pool, ECHO, {"n": 1})).kind == "actions"


async def test_a_gateway_of_more_than_a_thousand_connections_starts_its_sandbox():
    """What it hands to the fork server then has a number that select() does not take."""
    raise_descriptor_limit()
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    pool = Pool()
    try:
        await pool.start()
        outcome = await run(pool, make_script(ECHO), 1)
        assert orjson.loads(outcome.actions)[0]["n"] == 1
    finally:
        await pool.close()
        for descriptor in held:
            os.close(descriptor)
