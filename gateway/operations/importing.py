"""Importing: what another Hookwright has exported, line by line, into the bulk lane.

Takes lines that are whole, gives events with their own ids, roots and times; their stored actions are applied
anew by the worker, behind live traffic. What is known already is skipped, so an import that was cut off is
simply done again. A line that is wrong is named and left out, the others go on. Never holds more than a few
jobs' worth, here or in the queue.
"""

import asyncio
import base64
import binascii
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Annotated, Any, BinaryIO, Literal

import orjson
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from gateway import clock
from gateway.actions import parse_actions
from gateway.actions.fields import Instant, microseconds
from gateway.errors import BadRequest, QueueUnavailable, Unprocessable
from gateway.event import Event, Status
from gateway.operations.exporting import FORMAT
from gateway.operations.operator import Operator
from gateway.queue.bulk import (
    BULK_BYTES_MAX,
    BULK_EVENTS_MAX,
    enqueue_bulk,
    find_pending_ids,
    has_room,
    is_anybody_working,
)
from gateway.store.audit import write_audit
from gateway.store.rulings import find_known

# A body of 10 MiB in base64, with actions and log beside it.
LINE_BYTES_MAX = 32 * 1024 * 1024
FAULTS_SHOWN_MAX = 1000
LOOK_SECONDS = 0.1

# What settled itself before it was applied stays so; all else is decided anew, by what is there.
_SETTLED = (Status.IGNORED, Status.ANSWERED, Status.DISCARDED)

EventId = Annotated[str, StringConstraints(pattern=r"^evt_[0-7][0-9A-HJKMNP-TV-Z]{25}$")]
Short = Annotated[str, StringConstraints(max_length=4096)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, strict=True)

    head: dict[str, Any]
    body_base64: str


class _Line(BaseModel):
    """A line as `exporting` writes it."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    hookwright_event: Literal[FORMAT]  # type: ignore[valid-type] # a constant of `exporting`
    is_whole: bool
    id: EventId
    root: EventId
    source: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    status: Status
    stage: Short | None
    reason: str | None
    version_id: Short | None
    key_id: Short | None
    unique_key: str | None
    edited_from: EventId | None
    is_authenticated: bool
    received_at: Instant
    occurred_at: Instant | None
    created_at: Instant
    applied_at: Instant | None
    actions: Any
    logs: str
    trace: Any
    request: _Request | None


@dataclass(slots=True)
class Report:
    """How far an import is."""

    bytes_read: int = 0
    lines: int = 0
    queued: int = 0
    known: int = 0
    faulty: int = 0
    faults: list[tuple[int, str]] = field(default_factory=list)  # number of the line, what is wrong: the first ones

    def note_fault(self, why: str) -> None:
        self.faulty += 1
        if len(self.faults) < FAULTS_SHOWN_MAX:
            self.faults.append((self.lines, why))


class BadLine(Exception):
    """A line that is no event to import, with the reason."""


async def import_events(op: Operator, file: BinaryIO) -> AsyncIterator[Report]:
    """Queue the events of a file; yields the one report as it grows. Raises QueueUnavailable where nobody works."""
    report, batch, size = Report(), dict[str, Event](), 0
    await op.write(
        lambda conn: write_audit(
            conn, at=clock.now(), actor=op.actor, operation="event.import", subject=str(getattr(file, "name", "a file"))
        )
    )
    while line := file.readline(LINE_BYTES_MAX + 1):
        report.lines, report.bytes_read = report.lines + 1, report.bytes_read + len(line)
        try:
            event = _read_line(line, file, report)
        except BadLine as bad:
            report.note_fault(str(bad))
            continue
        if event is None:
            continue
        batch[event.id], size = event, size + len(event.body) + len(event.actions)
        if len(batch) >= BULK_EVENTS_MAX or size >= BULK_BYTES_MAX:
            await _flush(op, list(batch.values()), report)
            yield report
            batch, size = {}, 0
    await _flush(op, list(batch.values()), report)
    yield report


async def _flush(op: Operator, batch: list[Event], report: Report) -> None:
    if not batch:
        return
    event_ids = [event.id for event in batch]
    known = set(await op.read(lambda conn: find_known(conn, event_ids)))
    known |= await find_pending_ids(op.redis, event_ids)
    new = [event for event in batch if event.id not in known]
    report.known += len(batch) - len(new)
    if new:
        while not await has_room(op.redis):
            if not await is_anybody_working(op.redis):
                raise QueueUnavailable("no worker takes what is imported; start one and import the file again")
            await asyncio.sleep(LOOK_SECONDS)
        await enqueue_bulk(op.redis, new)
    report.queued += len(new)


def _read_line(line: bytes, file: BinaryIO, report: Report) -> Event | None:
    """Read one line, None for a blank one. Raises BadLine."""
    if len(line) > LINE_BYTES_MAX:
        while line and not line.endswith(b"\n"):
            line = file.readline(LINE_BYTES_MAX)
            report.bytes_read += len(line)
        raise BadLine(f"longer than {LINE_BYTES_MAX} bytes")
    if not line.strip():
        return None
    try:
        # Numbers stand digit for digit: a float would round money.
        document = json.loads(line, parse_float=_verbatim, parse_int=_exact)
        return _event(_Line.model_validate(document))
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise BadLine(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}") from None
    except (ValueError, RecursionError) as error:
        raise BadLine(f"not JSON: {str(error)[:200]}") from None


def _verbatim(digits: str) -> orjson.Fragment:
    return orjson.Fragment(digits.encode())


def _exact(digits: str) -> int | orjson.Fragment:
    return int(digits) if len(digits) < 18 else _verbatim(digits)


def _event(line: _Line) -> Event:
    if not line.is_whole:
        raise BadLine("a masked export is for reading; what is to be imported is exported with --raw")
    status = _status(line)
    actions = line.actions.encode() if isinstance(line.actions, str) else orjson.dumps(line.actions)
    if status is Status.QUEUED:
        _check_actions(actions)
    head, body = _request(line.request)
    return Event(
        id=line.id,
        root=line.root,
        source=line.source,
        received_at=microseconds(line.received_at),
        status=status,
        actions=actions,
        head=head,
        body=body,
        version_id=line.version_id,
        unique_key=line.unique_key,
        occurred_at=None if line.occurred_at is None else microseconds(line.occurred_at),
        is_authenticated=line.is_authenticated,
        stage=None if status is Status.QUEUED else line.stage,
        reason=None if status is Status.QUEUED else line.reason,
        trace=None if line.trace is None else orjson.dumps(line.trace).decode(),
        logs=line.logs,
        key_id=line.key_id,
        edited_from=line.edited_from,
    )


def _status(line: _Line) -> Status:
    if line.status in _SETTLED or (line.status is Status.FAILED and line.stage != "apply"):
        return line.status
    return Status.QUEUED


def _check_actions(actions: bytes) -> None:
    try:
        parse_actions(actions)
    except (BadRequest, Unprocessable) as error:
        raise BadLine(f"actions: {error.detail}") from None


def _request(request: _Request | None) -> tuple[bytes, bytes]:
    """Give head and body; nothing at all where it was gone already."""
    if request is None:
        return b"", b""
    try:
        return orjson.dumps(request.head), base64.b64decode(request.body_base64, validate=True)
    except (binascii.Error, TypeError):
        raise BadLine("request: its body is not base64, or its head no JSON") from None
