"""Logs: one wide structured line a request and one a batch, every id on it, no payloads, no secrets.

Goes to standard error: text on a terminal, JSON lines elsewhere. Libraries that would write what
people sent are turned down here: arq logs a job's arguments, uvicorn each request.
"""

import asyncio
import logging
import sys
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog

log: Any = structlog.get_logger()

FLUSH_SECONDS = 0.2
LINES_MAX = 500

_QUIET = {
    "arq": logging.WARNING,
    "uvicorn": logging.WARNING,
    "uvicorn.access": logging.CRITICAL,
    "alembic": logging.WARNING,
}


class _StandardError:
    """Standard error as it is when a line is written: it may be another one by then, or the old one closed."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


_STDERR: Any = _StandardError()


def configure_logs(level: str, form: str, program: str) -> None:
    """Set up logging of this process; `form` is auto, text or json, `program` goes on every line."""
    shared: list[Any] = [structlog.contextvars.merge_contextvars, structlog.processors.add_log_level]
    if is_text(form):
        shared.append(structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False))
        end: Any = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=8)
    else:
        shared.append(structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"))
        shared.append(structlog.processors.format_exc_info)
        end = structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*shared, end],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(_STDERR),
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.bind_contextvars(program=program)
    logging.basicConfig(level=logging.WARNING, stream=_STDERR, format="%(levelname)s %(name)s: %(message)s", force=True)
    for name, quiet in _QUIET.items():
        logging.getLogger(name).setLevel(quiet)


def is_text(form: str) -> bool:
    return form == "text" or (form == "auto" and sys.stderr.isatty())


class RequestLog:
    """The one line a request, thousands of times a second: gathered, and written every moment in one piece.

    structlog takes longer to write a line than the gateway takes to answer; the form is the same.
    """

    def __init__(self, level: str, form: str, program: str) -> None:
        self._is_on = logging.getLevelNamesMapping()[level.upper()] <= logging.INFO
        self._is_text = is_text(form)
        self._program = program
        self._lines: list[bytes] = []

    def write(self, event: str, **fields: Any) -> None:
        if not self._is_on:
            return
        known = {key: value for key, value in fields.items() if value is not None}
        if self._is_text:
            told = "  ".join(map(_visible, known.values()))
            self._lines.append(f"{datetime.now():%H:%M:%S} {event}  {told}".encode())  # noqa: DTZ005 - the reader's own time, as on the other lines
        else:
            end = {"program": self._program, "level": "info", "at": datetime.now(UTC)}
            self._lines.append(orjson.dumps({"event": event, **known, **end}))
        if len(self._lines) >= LINES_MAX:
            self.flush()

    def flush(self) -> None:
        if self._lines:
            sys.stderr.write(b"\n".join(self._lines).decode() + "\n")
            sys.stderr.flush()
            self._lines.clear()

    async def flush_regularly(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            self.flush()


def _visible(value: Any) -> str:
    """Write a value so that a terminal obeys nothing in it: anybody may make up the name of a source."""
    text = str(value)
    return text if text.isprintable() else text.encode("unicode_escape").decode()
