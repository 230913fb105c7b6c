"""The wall without the fence: plain Python in a real child can compute, and nothing else."""

import textwrap

import orjson
import pytest
from sandbox_children import EVENT_ID, YES, make_head, make_script, play_script

from gateway.errors import SandboxUnavailable
from gateway.sandbox import seccomp
from gateway.sandbox.outcome import Outcome
from gateway.sandbox.pool import Pool

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(seccomp.unavailable_because() is not None, reason="there is no seccomp on this machine"),
]

PRELUDE = "import ctypes, mmap, os, resource, signal, socket, struct, subprocess, sys, threading, time\n"


async def play_raw(pool: Pool, code: str) -> tuple[Outcome, str]:
    text = PRELUDE + YES + "def transform(request, context):\n" + textwrap.indent(code, "    ")
    script = make_script(text + "\n    return [{'got': repr(locals().get('got'))}]\n")
    return await pool.run(script, make_head(), b"{}", event_id=EVENT_ID), script.source


REFUSED = [
    "got = open('/etc/passwd').read()",
    "got = open('/proc/self/environ').read()",
    "got = open('/proc/self/mem', 'rb')",
    "got = open('/tmp/hookwright-test', 'w')",
    "got = os.listdir('/')",
    "got = os.stat('/root')",
    "got = os.write(1, b'x')",
    "got = os.write(2, b'x')",
    "got = os.dup(3)",
    "got = mmap.mmap(-1, 4096, prot=7)",
    "import sqlite3; got = sqlite3",
    "got = os.environ['PATH']",
    "got = bytearray(200 << 20)",
]


@pytest.mark.parametrize("code", REFUSED)
async def test_what_python_tries_in_good_faith_is_refused_without_a_death(unfenced_pool, code):
    outcome, source = await play_raw(unfenced_pool, code)
    assert (outcome.kind, outcome.stage) == ("failed", "transform"), outcome
    assert outcome.reason.split(":")[0] in ("PermissionError", "ModuleNotFoundError", "KeyError", "limit"), outcome
    assert source not in unfenced_pool.quarantined


DEADLY = [
    "got = socket.socket()",
    "got = socket.socket(socket.AF_UNIX)",
    "got = socket.socketpair()",
    "got = socket.socket(fileno=3).getpeername()",
    "got = os.fork()",
    "got = subprocess.run(['id'])",
    "os.execv('/bin/sh', ['sh'])",
    "os.posix_spawn('/bin/sh', ['sh'], {})",
    "threading.Thread(target=int).start()",
    "os.kill(os.getpid(), 9)",
    "os.kill(-1, 0)",
    "os.setuid(0)",
    "os.pipe()",
    "os.memfd_create('x')",
    "os.chroot('/tmp')",
    "os.unlink('/tmp/x')",
    "time.sleep(60)",
    "signal.pause()",
    "signal.setitimer(signal.ITIMER_REAL, 1)",
    "resource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
    "ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)",
    "ctypes.CDLL(None).ptrace(0, 0, 0, 0)",
    "ctypes.CDLL(None).process_vm_readv(1, 0, 0, 0, 0, 0)",
    "ctypes.CDLL(None).mount(b'none', b'/tmp', b'tmpfs', 0, None)",
    "ctypes.CDLL(None).umount2(b'/proc', 2)",
    "ctypes.CDLL(None).setns(0, 0)",
    "ctypes.CDLL(None).personality(0x40000)",
    "ctypes.CDLL(None).shmget(1, 4096, 0o1666)",
    "ctypes.CDLL(None).msgget(1, 0o1666)",
    "ctypes.CDLL(None).semget(1, 1, 0o1666)",
    "ctypes.CDLL(None).syscall(434, 1, 0)",
    "ctypes.CDLL(None).syscall(437, -100, 0, 0, 24)",
    "resource.prlimit(0, resource.RLIMIT_NOFILE)",
    "os.sched_setaffinity(0, {0})",
    "os.setpriority(os.PRIO_PROCESS, 0, 0)",
    "os.umask(0)",
    "os.setsid()",
    "os.chmod('/tmp', 0o777)",
    "os.rename('/tmp/x', '/tmp/y')",
    "os.link('/etc/passwd', '/tmp/x')",
    "os.symlink('/etc/passwd', '/tmp/x')",
    "os.truncate('/tmp/x', 0)",
    "os.mkfifo('/tmp/x')",
    "ctypes.CDLL(None).unshare(0x10000000)",
    "ctypes.CDLL(None).syscall(425, 8, 0)",
    "ctypes.CDLL(None).syscall(435, 0, 0)",
    "ctypes.CDLL(None).syscall(0x40000000 | 39)",
]


@pytest.mark.parametrize("code", DEADLY)
async def test_an_attempt_to_break_out_is_death_and_quarantine(unfenced_pool, code):
    outcome, source = await play_raw(unfenced_pool, code)
    assert (outcome.kind, outcome.is_authenticated) == ("failed", True)
    assert outcome.reason.startswith("forbidden system call")
    assert source in unfenced_pool.quarantined
    with pytest.raises(SandboxUnavailable, match="quarantined"):
        await unfenced_pool.run(make_script("", source=source), make_head(), b"{}", event_id=EVENT_ID)
    unfenced_pool.lift(source)
    assert source not in unfenced_pool.quarantined


async def test_an_attempt_before_the_yes_is_an_attempt_too(unfenced_pool):
    script = make_script(PRELUDE + "def authenticate(r, c):\n    os.fork()\ndef transform(r, c): pass\n")
    outcome = await unfenced_pool.run(script, make_head(), b"{}", event_id=EVENT_ID)
    assert (outcome.kind, outcome.is_authenticated, outcome.stage) == ("failed", False, "authenticate")
    assert script.source in unfenced_pool.quarantined


CRASHES = {
    "ctypes.string_at(0)": "the sandbox crashed (SIGSEGV)",
    "os.abort()": "the sandbox crashed",
    "os._exit(0)": "the sandbox ended without an answer",
    "sys.setrecursionlimit(10**9)\ndef f(): return [f()]\nf()": "limit: ",
    "os.write(3, b'\\xff\\xff\\xff\\x7f' + b'A' * 100)": "the sandbox broke its protocol: a frame of 2147483647 bytes",
    "d = struct.pack('<QII', 7, 2, 0) + b'{}'\nos.write(3, struct.pack('<I', len(d)) + d)\nwhile True: pass": (
        "the sandbox broke its protocol: an answer that nobody asked for"
    ),
    "os.write(3, struct.pack('<I', 8) + b'12345678')\nwhile True: pass": "the sandbox broke its protocol",
    "os.write(3, b'\\x10\\x00\\x00\\x00AAA')\nwhile True: pass": "limit: ",
}


@pytest.mark.parametrize("code", CRASHES)
async def test_a_child_that_crashes_or_lies_takes_nobody_with_it(unfenced_pool, code):
    outcome, _ = await play_raw(unfenced_pool, code)
    assert outcome.kind == "failed"
    assert outcome.reason.startswith(CRASHES[code])
    assert (await play_script(unfenced_pool, "def transform(r, c):\n    return [{'a': 1}]\n")).kind == "actions"


async def test_a_child_inherits_no_environment_and_no_descriptor(unfenced_pool):
    code = """
libc = ctypes.CDLL(None)
environment = ctypes.POINTER(ctypes.c_char_p).in_dll(libc, 'environ')
got = [bool(environment and environment[0]), resource.RLIMIT_NOFILE >= 0, os.environ.copy()]
"""
    outcome, _ = await play_raw(unfenced_pool, code)
    assert orjson.loads(outcome.actions) == [{"got": "[False, True, {}]"}]


async def test_a_forged_stage_does_not_outlive_the_limits(unfenced_pool):
    code = """
frame = sys._getframe()
while frame.f_code.co_name != 'run':
    frame = frame.f_back
page = frame.f_locals['self']._page
n = 1
while True:
    n += 1
    page.note(n, 3)
"""
    outcome, _ = await play_raw(unfenced_pool, code)
    assert outcome.kind == "failed"
    assert outcome.reason.startswith("limit: ")


async def test_a_fence_that_is_off_is_reported():
    own = Pool(is_fenced=False)
    report = await own.start()
    await own.close()
    assert report["fence"].startswith("off: ")


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
async def test_the_filter_is_a_whole_program_on_each_machine(machine):
    program = seccomp.assemble(3, machine)
    assert len(program) % 8 == 0
    lines = [program[start : start + 8] for start in range(0, len(program), 8)]
    assert lines[-1] == (0x06).to_bytes(2, "little") + b"\0\0" + (0x80000000).to_bytes(4, "little")
    jumps = [(index, line) for index, line in enumerate(lines) if line[0] & 0x07 == 0x05]
    assert all(index + 1 + max(line[2], line[3]) < len(lines) for index, line in jumps)
