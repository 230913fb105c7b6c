"""Arguments: what people type, read into what the operations take.

Takes text, gives times, pairs and sets of words. Raises Typer's BadParameter, which is shown with the
command's usage and ends with exit code 2.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

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
    except ValueError:
        raise typer.BadParameter(f"{text!r} is neither like 15m, 2h, 7d nor like 2026-01-31T12:00:00Z") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


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
