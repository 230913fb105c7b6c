"""Errors: what goes wrong, said in one line on standard error, with the way out.

Takes the errors of the tree in `gateway.errors`, gives exit code 1; wrong usage is Typer's own, exit
code 2. What is in no tree is a bug and keeps its traceback.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from gateway.cli.output import complain
from gateway.errors import HookwrightError, QueueUnavailable, ScriptRefused


class ExplainingGroup(TyperGroup):
    """The root of the commands: the one place where errors of any of them are caught."""

    def invoke(self, ctx: Any) -> Any:
        with explained():
            return super().invoke(ctx)


@contextmanager
def explained() -> Iterator[None]:
    """Turn an expected error into its line and exit code 1."""
    try:
        yield
    except HookwrightError as error:
        complain(explain(error))
        raise typer.Exit(1) from None
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        sys.stderr.close()
        raise typer.Exit(1) from None
    except Exception as error:
        if not _is_redis_away(error):
            raise
        complain(explain(QueueUnavailable(f"the queue does not answer: {error}")))
        raise typer.Exit(1) from None


def explain(error: HookwrightError) -> str:
    """Give what the person reads: the error's own words, and the way out where it does not know it."""
    if isinstance(error, QueueUnavailable):
        return f"{error.detail.rstrip('.')}: is `hookwright up` running, with the same HOOKWRIGHT_DATA_DIR?"
    if isinstance(error, ScriptRefused):
        return f"the script is refused: {error.detail}"
    return error.detail


def _is_redis_away(error: Exception) -> bool:
    """Redis not there is the one library error that may come from anywhere between two commands.

    By name: the library is not imported for a question that most commands never have.
    """
    library = sys.modules.get("redis.exceptions")
    if library is None:
        return False
    return isinstance(error, (library.ConnectionError, library.TimeoutError))
