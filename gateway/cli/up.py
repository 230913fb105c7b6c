"""Up: everything on this machine, from nothing to ready, until Ctrl-C.

Takes the settings and the data folder, says how the start goes and what can be tried. What happens on the
way is in `gateway.supervise`.
"""

import asyncio
import os
import shlex
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from gateway.cli.output import note, warn

if TYPE_CHECKING:
    from gateway.config import Settings

# A command finds this machine's `up` by these; where they were set for `up` only, it would look elsewhere.
_FOR_OTHER_SHELLS = (
    "HOOKWRIGHT_DATA_DIR",
    "HOOKWRIGHT_GATEWAY_HOST",
    "HOOKWRIGHT_GATEWAY_PORT",
    "HOOKWRIGHT_CONSOLE_HOST",
    "HOOKWRIGHT_CONSOLE_PORT",
)


def up(
    is_demo: Annotated[
        bool, typer.Option("--demo", help="Add a source demo-PLUGIN for every plugin, with random secrets.")
    ] = False,
) -> None:
    """Run everything on this machine: queue, database, gateway, worker and console. Stop with Ctrl-C.

    Everything is kept in HOOKWRIGHT_DATA_DIR (default: ./data). With HOOKWRIGHT_REDIS_URL or
    HOOKWRIGHT_DATABASE_URL those servers are used instead of the embedded ones.
    """
    from gateway.config import load_settings
    from gateway.logs import configure_logs
    from gateway.seal import write_secret_key
    from gateway.supervise.folder import lock_folder, prepare_folder
    from gateway.supervise.ports import check_port

    settings = load_settings()
    os.umask(0o077)  # what `up` and its children write is for this user alone
    configure_logs(settings.log_level, settings.log_format, "up")
    prepare_folder(settings.data_dir)
    with lock_folder(settings.data_dir) as lock:
        if not settings.secret_key.get_secret_value():
            write_secret_key(settings.secret_key_path)
        check_port(settings.gateway_host, settings.gateway_port, "HOOKWRIGHT_GATEWAY_PORT")
        check_port(settings.console_host, settings.console_port, "HOOKWRIGHT_CONSOLE_PORT")
        asyncio.run(_run(settings, lock, is_demo=is_demo))


async def _run(settings: "Settings", lock: int, *, is_demo: bool) -> None:
    """Start, say so, wait for a signal; whatever happens, no process is left behind."""
    from gateway.supervise.startup import is_started, start_everything, stop_signals
    from gateway.supervise.supervisor import Supervisor

    started_at = time.monotonic()
    async with Supervisor(warn) as supervisor:
        with stop_signals(supervisor) as stop:
            start = start_everything(settings, lock, supervisor, is_demo=is_demo, say=warn)
            if await is_started(start, supervisor, stop):
                seconds = time.monotonic() - started_at
                await _announce(settings, seconds, is_demo=is_demo)
                await stop.wait()
            note("stopping …")
            await supervisor.stop()
    note("stopped")


async def _ask_the_product(settings: "Settings") -> tuple[str | None, list[str]]:
    """Give the address by which the first admin comes in, while none can sign in, and what the sandbox lacks."""
    from gateway.operations.operator import open_operator
    from gateway.operations.readiness import list_missing_layers
    from gateway.operations.users import create_first_link

    async with open_operator(settings, actor="cli:up") as op:
        token, missing = await create_first_link(op), await list_missing_layers(op)
    return token and f"{settings.effective_console_url}/welcome/{token}", missing


async def _announce(settings: "Settings", seconds: float, *, is_demo: bool) -> None:
    link, missing = await _ask_the_product(settings)
    note(f"\n[bold green]Hookwright is ready[/bold green] [dim]after {seconds:.1f} s[/dim]")
    for title, line in _summary(settings, link, is_demo=is_demo):
        note(f"  {title:<18}{escape(line)}")
    if missing:
        warn("the sandbox is not whole: a script may do to this machine what its user may; use Linux with seccomp")
        for layer in missing:
            warn(f"sandbox layer {layer}")
    note(f"\n  Stop with Ctrl-C, or: kill {os.getpid()}\n")


def _summary(settings: "Settings", link: str | None, *, is_demo: bool) -> Iterator[tuple[str, str]]:
    url, program = settings.effective_public_url, _program()
    yield "console", settings.effective_console_url
    if link:
        yield "sign in first by", f"{link}  (works once, within an hour)"
    yield "senders post to", f"{url}/in/<source>"
    yield "data folder", str(settings.data_dir)
    if found := [f"{name}={shlex.quote(os.environ[name])}" for name in _FOR_OTHER_SHELLS if name in os.environ]:
        yield "in another shell", f"export {' '.join(found)}"
    if is_demo:
        yield "try", f"{program} send demo-shopify --count 20"
        yield "and", f"{program} events list"
    else:
        yield "try", f"{program} sources add shop --plugin shopify"
    key = f'"x-api-key: $({program} keys create --name try --role sender)"'
    body = """-H 'content-type: application/json' -d '{"identifiers": {"email": "ann@example.com"}}'"""
    yield "or by hand", f"curl -i {url}/api/upsertContact -H {key} {body}"


def _program() -> str:
    """Give how this program is called, so that a line can be copied."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m gateway.cli"
    return called.name if shutil.which(called.name) else shlex.quote(os.path.relpath(called))
