"""Folder: the data folder of one machine, private and with one owner at a time.

Takes a path, gives a folder that only this user can read, locked for as long as `up` or anything that it
started lives. Never touches the permissions of a folder that holds somebody else's files.
"""

import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gateway.errors import BadSetting, Conflict

LOCK_NAME = "up.lock"
# What children need to end after their `up` was killed: they hold the lock that much longer.
LEFTOVER_SECONDS = 5.0
_POLL_SECONDS = 0.05


def prepare_folder(folder: Path) -> None:
    """Make the data folder, 0700. An existing one is closed to others if it is empty or already ours."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_open = stat.S_IMODE(folder.stat().st_mode) & 0o077
        if is_open and _is_ours(folder):
            folder.chmod(0o700)
    except OSError as error:
        raise BadSetting(
            f"the data folder {folder} cannot be used: {error.strerror}; see HOOKWRIGHT_DATA_DIR"
        ) from error


def _is_ours(folder: Path) -> bool:
    return (folder / LOCK_NAME).exists() or not any(folder.iterdir())


@contextmanager
def lock_folder(folder: Path) -> Iterator[int]:
    """Hold the folder's lock; gives its descriptor, which a child may inherit to hold it as long as it lives.

    Raises Conflict, naming the process that has it.
    """
    descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _acquire(descriptor, folder)
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield descriptor
        os.truncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, folder: Path) -> None:
    give_up_at = time.monotonic() + LEFTOVER_SECONDS
    while not _try_lock(descriptor):
        holder = _read_holder(descriptor)
        is_leftover = holder is not None and not _is_alive(holder)
        if not is_leftover or time.monotonic() > give_up_at:
            who = f"what process {holder} has left running" if is_leftover else f"process {holder or 'unknown'}"
            raise Conflict(
                f"another `hookwright up` works in {folder} ({who}): stop it, "
                "or choose another folder by HOOKWRIGHT_DATA_DIR"
            )
        time.sleep(_POLL_SECONDS)


def _try_lock(descriptor: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _read_holder(descriptor: int) -> int | None:
    text = os.pread(descriptor, 20, 0)
    return int(text) if text.isdigit() else None


def _is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's, but there
        pass
    return True
