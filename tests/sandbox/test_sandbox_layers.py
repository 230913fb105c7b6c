"""Each layer of the wall alone: plain Python behind this one and no other, beside the same Python behind none.

What works without the layer and not with it is what the layer is worth; that is how we know that no attempt fails for
another reason.
"""

import ctypes
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from gateway.sandbox import landlock, seccomp

ROOT = Path(__file__).parents[2]
DID_IT = "did it"

PROGRAM = """
import ctypes, json, mmap, os, resource, signal, socket, sys, time
sys.path.insert(0, sys.argv[1])
layer, attempts, port = json.loads(sys.argv[2])
from gateway.sandbox import landlock, lockdown, seccomp
libc = ctypes.CDLL(None, use_errno=True)

def check(answer):
    if answer:
        raise OSError(ctypes.get_errno(), "refused")

def write_a_file():
    path = f"/tmp/hookwright-layer-{os.getpid()}"
    with open(path, "w") as file:
        file.write("x")
    os.unlink(path)

"a".encode("idna")  # loaded on first use, which must not be what is refused
results = {}
for name, code in attempts.items():
    pid = os.fork()
    if pid == 0:
        try:
            exec(layer)
            exec(code)
        except (OSError, MemoryError, ValueError):
            os._exit(1)
        except BaseException:
            os._exit(2)
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    died_of = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    results[name] = signal.Signals(died_of).name if died_of else ("did it", "refused", "broke")[os.WEXITSTATUS(status)]
print(json.dumps(results))
"""

LAYERS = {
    "none": "pass",
    "seccomp": "lockdown.refuse_new_privileges(); seccomp.load(seccomp.assemble(3), libc)",
    "landlock": "lockdown.refuse_new_privileges(); assert landlock.deny_everything(libc) == 'on'",
    "limits": "lockdown._limit_resources(lockdown._virtual_memory_bytes() + (64 << 20))",
    "user": "assert lockdown._become_nobody() == 'on'",
    "network": "assert lockdown.isolate_network() == 'on'",
    "descriptors": "lockdown.adopt_socket(2)",
    "hidden": "lockdown._hide_memory()",  # root that becomes nobody is hidden by that alone
    "not_dumpable": "lockdown._become_nobody(); lockdown._hide_memory()",
    "all but seccomp": "lockdown.lock_down(64 << 20, None)",
    "no_new_privs": "assert lockdown.refuse_new_privileges() == 'on'",
}

FILES = {
    "read a file": "open('/etc/passwd').read()",
    "list a folder": "os.listdir('/')",
    "write a file": "write_a_file()",
    "read its environment": "open('/proc/self/environ').read()",
}
NETWORK = {
    "open a socket": "socket.socket()",
    "open a local socket": "socket.socketpair()",
    "connect": "socket.create_connection(('127.0.0.1', port)).close()",
    "listen": "socket.create_server(('127.0.0.1', 0)).close()",
}
PROCESSES = {
    "fork": "os._exit(0) if os.fork() == 0 else os.wait()",
    "execute": "os.execv('/bin/true', ['true'])",
    "signal another": "os.kill(os.getppid(), 0)",
    "be traced": "check(libc.ptrace(0, 0, 0, 0))",
    "leave its namespaces": "check(libc.unshare(0x10000000))",
    "raise its limits": "resource.setrlimit(resource.RLIMIT_CORE, resource.getrlimit(resource.RLIMIT_CORE))",
    "sleep": "time.sleep(0)",
    "be dumped again": "check(libc.prctl(4, 1, 0, 0, 0))",
}
MEMORY = {
    "map executable memory": "mmap.mmap(-1, 4096, prot=7)",
    "make memory executable": (
        "m = mmap.mmap(-1, 4096); a = ctypes.addressof(ctypes.c_char.from_buffer(m)); "
        "check(libc.mprotect(ctypes.c_void_p(a), 4096, 7))"
    ),
    "a file in memory": "os.memfd_create('x')",
    "write elsewhere": "os.write(2, b'')",
}

SCOPED = {
    "signal another": PROCESSES["signal another"],
    "connect to a name": "socket.socket(socket.AF_UNIX).connect(f'\\0hookwright-layer-{port}')",
}
# Signals and names are kept in by Landlock since its sixth version.
HAS_SCOPES = sys.platform == "linux" and landlock.find_version(ctypes.CDLL(None)) >= 6

WORTH = {
    "seccomp": FILES | NETWORK | PROCESSES | MEMORY,
    "landlock": FILES | {name: NETWORK[name] for name in ("connect", "listen")} | (SCOPED if HAS_SCOPES else {}),
    "limits": {
        "fill memory": "bytearray(512 << 20)",
        "one more descriptor": "os.dup(2)",
        "write a file": FILES["write a file"],
        "start a process": f"lockdown._become_nobody(); {PROCESSES['fork']}",
        "lock its memory": "lockdown._become_nobody(); check(libc.mlock(ctypes.create_string_buffer(9), 9))",
    },
    "user": {
        "become root": "os.setuid(0)",
        "signal root's": "os.kill(os.getppid(), 0)",
        "read what is root's": "open('/etc/shadow')",
    },
    "network": {"connect": NETWORK["connect"]},
    "descriptors": {"use what was open before": "os.fstat(1)", "use standard input": "os.fstat(0)"},
    "hidden": {"be dumpable": "check(libc.prctl(3) != 1)"},
    "not_dumpable": {
        "be read by its own user": (
            "pid = os.fork()\n"
            "if pid == 0:\n"
            "    try: open(f'/proc/{os.getppid()}/environ').read()\n"
            "    except OSError: os._exit(1)\n"
            "    os._exit(0)\n"
            "check(os.waitpid(pid, 0)[1])"
        )
    },
}
NEEDS_ROOT = ("user", "network", "not_dumpable")

pytestmark = pytest.mark.skipif(seccomp.unavailable_because() is not None, reason="there is no seccomp on this machine")


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as named:
        number = server.getsockname()[1]
        named.bind(f"\0hookwright-layer-{number}")
        named.listen()
        yield number


def attempt(layer: str, attempts: dict[str, str], port: int) -> dict[str, str]:
    order = json.dumps([LAYERS[layer], attempts, port])
    command = [sys.executable, "-I", "-B", "-c", PROGRAM, str(ROOT), order]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={}, stdin=subprocess.DEVNULL)
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("layer", WORTH)
def test_a_layer_alone_refuses_what_works_without_it(layer: str, port: int) -> None:
    if layer in NEEDS_ROOT and os.geteuid() != 0:
        pytest.skip("only root can take this away")
    without, behind = attempt("none", WORTH[layer], port), attempt(layer, WORTH[layer], port)
    possible = [name for name, came in without.items() if came == DID_IT]
    assert possible
    assert set(WORTH[layer]) - set(possible) <= {"read what is root's", "leave its namespaces", "be traced"}, without
    assert {name: behind[name] for name in possible if behind[name] in (DID_IT, "broke")} == {}


LEFT = {
    "its user": "os.getresuid() + os.getresgid() == (65534,) * 6 and os.getgroups() == []",
    "its environment": "not os.environ and not ctypes.POINTER(ctypes.c_char_p).in_dll(libc, 'environ')[0]",
    "what it would leave to others": "os.umask(0) == 0o777",
    "its memory": "libc.prctl(3) == 0",  # PR_GET_DUMPABLE
    "its rights": "libc.prctl(39, 0, 0, 0, 0) == 1",  # PR_GET_NO_NEW_PRIVS
    "its end": "libc.prctl(2, ctypes.byref(word)) == 0 and word.value == signal.SIGKILL",  # PR_GET_PDEATHSIG
    "core files": "resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)",
    "files": "resource.getrlimit(resource.RLIMIT_FSIZE) == (0, 0)",
    "descriptors": "resource.getrlimit(resource.RLIMIT_NOFILE) == (0, 0)",
    "processes": "resource.getrlimit(resource.RLIMIT_NPROC) == (0, 0)",
    "locked memory": "resource.getrlimit(resource.RLIMIT_MEMLOCK) == (0, 0)",
    "message queues": "resource.getrlimit(resource.RLIMIT_MSGQUEUE) == (0, 0)",
    "its stack": "resource.getrlimit(resource.RLIMIT_STACK) == (8 << 20, 8 << 20)",
    "its time": "resource.getrlimit(resource.RLIMIT_CPU) == (300, 305)",
    "its session": "os.getsid(0) == os.getpgid(0) == os.getpid()",
    "its memory's size": "0 < resource.getrlimit(resource.RLIMIT_AS)[1] < 4 << 30",
}


def test_a_process_without_seccomp_has_given_up_everything_else(port: int) -> None:
    facts = {name: f"word = ctypes.c_int()\ncheck(not ({fact}))" for name, fact in LEFT.items()}
    if os.geteuid() != 0:
        del facts["its user"]
    held = attempt("all but seccomp", facts, port)
    assert {name: came for name, came in held.items() if came != DID_IT} == {}
    assert set(attempt("none", facts, port).values()) == {"refused"}, "each of these is the lock-down's work"


def test_what_the_filter_kills_is_seen_as_an_attempt(port: int) -> None:
    deadly = {name: code for name, code in (NETWORK | PROCESSES).items() if name != "connect"}
    assert set(attempt("seccomp", deadly, port).values()) == {"SIGSYS"}


def test_what_the_c_library_asks_for_by_itself_is_refused_without_a_death(port: int) -> None:
    asked = {"memory of the machine": "check(libc.sysinfo(ctypes.create_string_buffer(256)))"}
    asked["its processors"] = "os.sched_getaffinity(0)"
    assert set(attempt("seccomp", asked, port).values()) == {"refused"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a program that runs as root for everybody")
def test_no_new_privileges_means_that_a_program_of_root_runs_as_nobody(port: int) -> None:
    with TemporaryDirectory(dir="/var/tmp") as folder:
        os.chmod(folder, 0o755)
        program = shutil.copy(shutil.which("id"), folder)
        os.chmod(program, 0o4755)
        code = f"lockdown._become_nobody(); check(os.system('test $({program} -u) = 0'))"
        if attempt("none", {"become root": code}, port) != {"become root": DID_IT}:
            pytest.skip("this file system takes no notice of the bit")
        assert attempt("no_new_privs", {"become root": code}, port) == {"become root": "refused"}
