"""Arguments: what people type, read into what the operations take.

Takes text, gives times, pairs and sets of words. Raises Typer's BadParameter, which is shown with the
command's usage and ends with exit code 2.
"""

import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGO = re.compile(r"(\d{1,4})([smhdw])")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
SourceName = Annotated[str, typer.Argument(help="Name of the source.", metavar="SOURCE", show_default=False)]


def parse_since(text: str) -> int:
    """Read `15m`, `2h`, `7d` (that long ago) or an ISO 8601 time (without a zone it is UTC), as microseconds."""
    return round(_read_time(text.strip()).timestamp() * 1_000_000)


def _read_time(text: str) -> datetime:
    if ago := _AGO.fullmatch(text):
        return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is neither like 15m, 2h, 7d nor like 2026-01-31T12:00:00Z") from None


def parse_setting(text: str) -> tuple[str, Any]:
    """Read NAME=VALUE; the value is JSON where it reads as such (true, 5, ["a"]), else the text itself."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise typer.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--set")
    try:
        return name, orjson.loads(value)
    except orjson.JSONDecodeError:
        return name, value


Since = Annotated[
    int | None,
    typer.Option(
        help="Only what came in since: an ISO time, or how long ago (15m, 2h, 7d).",
        parser=parse_since,
        metavar="TIME",
        show_default=False,
    ),
]


def parse_identifier(text: str) -> tuple[str, str]:
    """Read KEY:VALUE, such as `email:ann@example.com`."""
    key, colon, value = text.partition(":")
    if not (key and colon and value):
        raise typer.BadParameter(f"{text!r} is not KEY:VALUE, such as email:ann@example.com")
    return key, value


ScriptFile = Annotated[Path, typer.Argument(help="A Python file; - reads standard input.", metavar="FILE")]


def read_script(file: Path) -> str:
    """Read a script. Raises BadParameter where there is none, or no UTF-8 text."""
    try:
        content = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return content.decode("utf-8")
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}", param_hint="FILE") from None
    except UnicodeDecodeError:
        raise typer.BadParameter(f"{file} is not UTF-8 text", param_hint="FILE") from None
