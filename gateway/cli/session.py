"""Session: the settings and the operator that a command works with.

Takes what the command wants done, gives its result; who does it (the user of this machine) goes into
the audit log.
"""

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from gateway.errors import OperatorError

T = TypeVar("T")

if TYPE_CHECKING:
    from gateway.config import Settings
    from gateway.operations.operator import Operator


def settings_of_shell() -> "Settings":
    """Read the settings; logs of a command are warnings at most, so that they do not mix with its output."""
    from gateway.config import load_settings
    from gateway.logs import configure_logs

    configure_logs("warning", "auto", "cli")
    return load_settings()


def operate(act: Callable[["Operator"], Awaitable[T]]) -> T:
    """Open an operator, let `act` work with it, close it."""

    async def run() -> T:
        from gateway.operations.operator import open_operator

        settings = settings_of_shell()
        _check_folder(settings)
        async with open_operator(settings, actor=name_of_actor()) as op:
            return await act(op)

    return asyncio.run(run())


def _check_folder(settings: "Settings") -> None:
    """Say that nothing is here yet, before a library says it in its own way."""
    if not settings.database_url and not settings.database_path.exists():
        raise OperatorError(
            f"there is nothing in {settings.data_dir} yet: start `hookwright up`, "
            "or name the folder that it uses by HOOKWRIGHT_DATA_DIR"
        )


def name_of_actor() -> str:
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a container's user that has no name
        return "cli"
