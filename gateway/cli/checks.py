"""Checks: each thing that `doctor` looks at.

Takes the settings, gives findings one by one, as they are found. Asks what there is already to be asked: the
readiness of the whole, a real sandbox, the plugins' own reader. Changes nothing: it makes neither folder nor
database nor key. Never raises for what it finds.
"""

import fcntl
import os
import platform
import shutil
import stat
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import httpx
from redis.exceptions import RedisError

from gateway.config import Settings, load_settings
from gateway.errors import BadSetting, HookwrightError
from gateway.operations.operator import Operator, open_operator
from gateway.operations.readiness import readiness
from gateway.operations.sources import list_missing_secrets
from gateway.plugins import list_plugins, load_plugin
from gateway.sandbox.limits import MIB
from gateway.sandbox.pool import Pool
from gateway.sandbox.proof import missing_layers
from gateway.supervise.folder import LOCK_NAME

State = Literal["ok", "warning", "fault"]

PYTHON_MIN = (3, 11)
# The database and the queue stop at once on a full disk; a warning should come days before.
_DISK_FAULT_BYTES, _DISK_WARNING_BYTES = 256 * MIB, 2048 * MIB
_ASK_SECONDS = 3.0
_START = "start `hookwright up`"
_WAYS_OUT = {
    "redis": "appendonly yes, appendfsync always, maxmemory and maxmemory-policy noeviction, set in Redis",
    "queue": "start more workers, or see `hookwright queue status`",
    "workers": "start `hookwright worker`",
    "gateways": "start `hookwright gateway`",
}
# Where some run, and say that something is not as it should be.
_WAY_OUT_OF_RUNNING = "scripts want Linux with seccomp; a quarantine ends by a publish; a full queue, workers"
_STATES: dict[str, State] = {"ok": "ok", "degraded": "warning", "down": "fault"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    state: State
    detail: str
    way_out: str = ""

    def document(self) -> dict[str, str]:
        return asdict(self)


async def examine() -> AsyncIterator[Finding]:
    """Look at everything, the ground first: what stands on a fault is not asked."""
    yield _python()
    try:
        settings = load_settings()
    except BadSetting as error:
        yield Finding("settings", "fault", error.detail, "the README lists every setting")
        return
    yield Finding("settings", "ok", _named_settings())
    for finding in (*_console(settings), *_folder(settings), _disk(settings)):
        yield finding
    async for finding in _sandbox_and_plugins(settings):
        yield finding
    if not _has_database(settings):
        yield Finding("everything else", "warning", "there is no database yet: nothing was ever started here", _START)
        return
    try:
        async with open_operator(settings, actor="doctor") as op:
            async for finding in _product(op):
                yield finding
    except HookwrightError as error:
        yield Finding("secret key", "fault", error.detail, f"{_START}, which writes one, or set HOOKWRIGHT_SECRET_KEY")


def _python() -> Finding:
    text = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info < PYTHON_MIN:
        return Finding("python", "fault", text, f"Python {'.'.join(map(str, PYTHON_MIN))} or newer")
    return Finding("python", "ok", text)


def _named_settings() -> str:
    named = sorted(name for name in os.environ if name.startswith("HOOKWRIGHT_"))
    return f"all known: {', '.join(named)}" if named else "none is set: every one has its default"


def _console(settings: Settings) -> Iterator[Finding]:
    """A console that other machines reach by a name has to know it: the README says why, under Security."""
    if settings.console_url:
        yield Finding("console", "ok", f"answers as {settings.console_url}, as localhost and by IP address")
    elif settings.console_host not in ("127.0.0.1", "::1", "localhost"):
        detail = f"listens on {settings.console_host}, and answers by IP address or as localhost alone"
        yield Finding("console", "warning", detail, "set HOOKWRIGHT_CONSOLE_URL to the address that people call")


def _has_database(settings: Settings) -> bool:
    """Say whether there is one to ask: opening an SQLite file that is not there would make it."""
    return bool(settings.database_url) or Path(settings.effective_database_url.removeprefix("sqlite:///")).exists()


# the data folder


def _folder(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir
    try:
        found = folder.stat()
        files = sorted(path for path in folder.iterdir() if not path.is_dir())
    except FileNotFoundError:
        yield Finding("data folder", "warning", f"{folder} is not there yet", f"{_START}, which makes it")
        return
    except OSError as error:
        way_out = "run this as the user that runs Hookwright, or name another by HOOKWRIGHT_DATA_DIR"
        yield Finding("data folder", "fault", f"{folder} cannot be read: {error.strerror}", way_out)
        return
    if found.st_uid != os.geteuid():
        detail = f"{folder} belongs to user {found.st_uid}, and this is user {os.geteuid()}"
        yield Finding("data folder", "warning", detail, "run Hookwright as its owner")
    else:
        yield Finding("data folder", "ok", str(folder))
    yield _modes(folder, files)
    yield Finding("data folder in use", "ok", f"by process {holder}" if (holder := find_holder(folder)) else "no")


def _modes(folder: Path, files: list[Path]) -> Finding:
    """Whoever can enter the folder must not be able to read what lies in it."""
    if not stat.S_IMODE(folder.stat().st_mode) & 0o077:
        return Finding("private files", "ok", f"nobody else can enter {folder}")
    open_files = [path.name for path in files if _mode(path) & 0o077 and not path.is_socket()]
    if open_files:
        detail = f"others can read {', '.join(open_files)} in {folder}"
        return Finding("private files", "fault", detail, f"chmod 700 {folder}; chmod 600 {folder}/*")
    return Finding("private files", "ok", f"others can enter {folder}, and read nothing in it")


def _mode(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:  # a scratch file that was renamed meanwhile
        return 0


def find_holder(folder: Path) -> str | None:
    """Give the process id of the `up` that works in this folder, None where none does."""
    with suppress(OSError), (folder / LOCK_NAME).open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return lock.read(20).decode(errors="replace") or "unknown"
    return None


def _disk(settings: Settings) -> Finding:
    folder = next(path for path in (settings.data_dir, *settings.data_dir.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    state: State = "fault" if free < _DISK_FAULT_BYTES else "warning" if free < _DISK_WARNING_BYTES else "ok"
    way_out = "" if state == "ok" else "make room, or lower HOOKWRIGHT_RETENTION_DAYS"
    return Finding("free disk", state, f"{free / (1 << 30):.1f} GiB for {settings.data_dir}", way_out)


# the sandbox, and what runs in it


async def _sandbox_and_plugins(settings: Settings) -> AsyncIterator[Finding]:
    pool = Pool()
    try:
        report = await pool.start()
        for finding in _layers(report, is_strict=settings.sandbox == "strict"):
            yield finding
        yield await _plugins(pool)
    except HookwrightError as error:
        yield Finding("sandbox", "fault", error.detail, "scripts do not run here: nothing of a source is taken")
    finally:
        await pool.close()


def _layers(report: dict[str, str], *, is_strict: bool) -> Iterator[Finding]:
    missing = missing_layers(report)
    otherwise: State = "fault" if is_strict else "warning"
    for layer, state in report.items():
        is_missing = f"{layer} is {state}" in missing
        detail = state if is_missing or state == "on" else f"{state}; the wall is whole without it"
        yield Finding(f"sandbox {layer}", otherwise if is_missing else "ok", detail)
    if missing:
        way_out = "run it on Linux with seccomp; HOOKWRIGHT_SANDBOX=strict refuses to start like this"
        yield Finding("sandbox", otherwise, f"no whole wall: {'; '.join(missing)}", way_out)
    else:
        yield Finding("sandbox", "ok", "the whole wall stands, and was tried just now")


async def _plugins(pool: Pool) -> Finding:
    broken = []
    names = list_plugins()
    for name in names:
        try:
            problems = (await pool.check(load_plugin(name).script)).problems
        except HookwrightError as error:
            broken.append(f"{name}: {error.detail}")
        else:
            broken += [f"{name}: line {problem.line}: {problem.message}" for problem in problems[:1]]
    if broken:
        return Finding("plugins", "fault", "; ".join(broken), "install this version of Hookwright again")
    return Finding("plugins", "ok", f"{len(names)} read and compiled: {', '.join(names)}")


# what runs


async def _product(op: Operator) -> AsyncIterator[Finding]:
    is_embedded = op.settings.is_redis_embedded
    is_asleep = is_embedded and find_holder(op.settings.data_dir) is None
    checks = (await readiness(op))["checks"]
    if is_asleep:
        checks = {"database": checks["database"]}
        yield Finding("redis and programs", "warning", "nothing runs here at the moment", _START)
    else:
        yield await _redis_version(op)
    for name, check in checks.items():
        yield _of_check(name, check)
    if not is_asleep:
        yield await _gateway(op.settings)
    if checks["database"]["status"] == "ok":
        yield _secrets(await list_missing_secrets(op))


async def _redis_version(op: Operator) -> Finding:
    try:
        found = await op.redis.info("server")
    except (RedisError, OSError) as error:
        detail = f"{type(error).__name__} at {_without_password(op.settings.effective_redis_url)}"
        return Finding("redis server", "fault", detail, "is it running, and is HOOKWRIGHT_REDIS_URL right?")
    kind = "Valkey" if "valkey_version" in found else "Redis"
    return Finding("redis server", "ok", f"{kind} {found.get('valkey_version') or found.get('redis_version')}")


def _without_password(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


def _of_check(name: str, check: dict[str, Any]) -> Finding:
    state = _STATES[check["status"]]
    detail = "; ".join(check["why"]) or _said(check)
    way_out = _WAY_OUT_OF_RUNNING if check.get("processes") else _WAYS_OUT.get(name, "")
    return Finding(name, state, detail, "" if state == "ok" else way_out)


def _said(check: dict[str, Any]) -> str:
    """Put what a check gives besides its status into a line."""
    if "processes" in check:
        return ", ".join(f"{one['host']}:{one['pid']}" for one in check["processes"])
    figures = {name: value for name, value in check.items() if name not in ("status", "why") and value not in ({}, [])}
    return ", ".join(f"{name} {value}" for name, value in figures.items() if not isinstance(value, dict)) or "ok"


async def _gateway(settings: Settings) -> Finding:
    """Ask the gateway of this machine, as a sender would reach it."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.gateway_host, settings.gateway_host)  # noqa: S104
    address = f"http://[{host}]" if ":" in host else f"http://{host}"
    url = f"{address}:{settings.gateway_port}/readyz"
    try:
        async with httpx.AsyncClient(timeout=_ASK_SECONDS, trust_env=False) as http:
            answer = await http.get(url)
    except httpx.HTTPError as error:
        detail = f"{url}: {type(error).__name__}"
        return Finding("gateway here", "warning", detail, "start `hookwright gateway`, unless it runs elsewhere")
    if answer.status_code != 200:
        return Finding("gateway here", "fault", f"{url} says {answer.status_code}", "see the lines above, and its log")
    return Finding("gateway here", "ok", f"{url} says ready")


def _secrets(missing: dict[str, list[str]]) -> Finding:
    if not missing:
        return Finding("secrets of sources", "ok", "every source has the secrets that it requires")
    lacking = "; ".join(f"{source} lacks {', '.join(names)}" for source, names in missing.items())
    source, names = next(iter(missing.items()))
    return Finding("secrets of sources", "warning", lacking, f"hookwright secrets set {source} {names[0]}")
