"""Each layer of the wall alone: plain Python behind this one and no other, beside the same Python behind none.

What works without the layer and not with it is what the layer is worth; that is how we know that no attempt fails for
another reason.
"""

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

from gateway.sandbox import seccomp

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
    "not_dumpable": "lockdown._become_nobody(); lockdown._hide_memory()",
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

WORTH = {
    "seccomp": FILES | NETWORK | PROCESSES | MEMORY,
    "landlock": FILES | {name: NETWORK[name] for name in ("connect", "listen")},
    "limits": {
        "fill memory": "bytearray(512 << 20)",
        "one more descriptor": "os.dup(2)",
        "write a file": FILES["write a file"],
    },
    "user": {
        "become root": "os.setuid(0)",
        "signal root's": "os.kill(os.getppid(), 0)",
        "read what is root's": "open('/etc/shadow')",
    },
    "network": {"connect": NETWORK["connect"]},
    "descriptors": {"use what was open before": "os.fstat(1)", "use standard input": "os.fstat(0)"},
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
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


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
