"""Judge: is the request genuine, what does it want, and are those actions?

Takes a source's script and a request as it came; gives the event that goes into the queue and the
answer that the script wants its sender to get. Used by the path, and by a replay (from `transform`).
Fails closed: only True opens the door. Never trusts what comes back from the sandbox: the actions
are bytes until they are validated, and once the request is genuine nothing is refused any more: what
cannot be used is kept as a failed event with its reason.
"""

from dataclasses import dataclass, replace
from typing import Literal

import orjson

from gateway.actions import WHOLE_BYTES_MAX, check_in_turns, parse_actions
from gateway.errors import AuthenticateBroke, BadRequest, NotGenuine, TriedLater, Unprocessable
from gateway.event import Event, Status
from gateway.sandbox.outcome import Outcome, Reply
from gateway.sandbox.pool import Pool
from gateway.sandbox.script import Script

TRY_LATER_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Request:
    """What came in, byte for byte, under the id that it will keep. `head` is JSON, `received_at` microseconds."""

    event_id: str
    root: str
    received_at: int
    head: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class Judgement:
    event: Event
    reply: Reply | None


async def judge(
    pool: Pool, script: Script, request: Request, *, start_at: Literal["authenticate", "transform"]
) -> Judgement:
    """Run the script and make an event of it.

    Raises NotGenuine, AuthenticateBroke, TriedLater: the sender hears it and nothing is kept; and
    SandboxUnavailable. `start_at` transform: the caller knows that the request is genuine.
    """
    outcome = await pool.run(script, request.head, request.body, event_id=request.root, start_at=start_at)
    # Only who is refused pays for a rotation: the secrets of before are tried while they still count.
    if outcome.kind == "rejected" and (older := script.before_rotation(request.received_at)) is not None:
        outcome = await pool.run(older, request.head, request.body, event_id=request.root, start_at=start_at)
    return await rule(script, request, outcome, is_vouched_for=start_at == "transform")


async def rule(script: Script, request: Request, outcome: Outcome, *, is_vouched_for: bool) -> Judgement:
    """Say what an outcome means. Raises as `judge` does."""
    _refuse_strangers(outcome, is_vouched_for=is_vouched_for)
    event = Event(
        id=request.event_id,
        root=request.root,
        source=script.source,
        received_at=request.received_at,
        status=Status.QUEUED,
        actions=outcome.actions,
        head=request.head,
        body=request.body,
        version_id=script.version_id,
        unique_key=outcome.unique_key,
        occurred_at=outcome.occurred_at,
        reason=outcome.reason,
        logs=outcome.logs,
    )
    return Judgement(await _with_status(event, outcome), outcome.reply)


def _refuse_strangers(outcome: Outcome, *, is_vouched_for: bool) -> None:
    if outcome.kind == "rejected":
        raise NotGenuine(outcome.reason or "the script did not say yes", refusal_status=outcome.status or 401)
    if outcome.kind == "try_later":
        raise TriedLater(
            outcome.reason or "the script asks for another try", outcome.retry_after_seconds or TRY_LATER_SECONDS
        )
    if outcome.kind == "failed" and not outcome.is_authenticated and not is_vouched_for:
        raise AuthenticateBroke(f"{outcome.stage}: {outcome.reason}", logs=outcome.logs, trace=outcome.trace)


async def _with_status(event: Event, outcome: Outcome) -> Event:
    if outcome.kind == "failed":
        trace = orjson.dumps(outcome.trace).decode() if outcome.trace else None
        return replace(event, status=Status.FAILED, stage=outcome.stage, trace=trace, actions=b"[]")
    if outcome.kind == "ignored":
        return replace(event, status=Status.IGNORED)
    if outcome.kind == "answered":
        return replace(event, status=Status.ANSWERED, is_authenticated=outcome.is_authenticated)
    return await validate(event)


async def validate(event: Event) -> Event:
    """Let an event with valid actions pass as it is; park one without, with the pointer to every bad place."""
    try:
        is_short = len(event.actions) <= WHOLE_BYTES_MAX
        actions = parse_actions(event.actions) if is_short else await check_in_turns(event.actions)
    except (BadRequest, Unprocessable) as error:
        return replace(event, status=Status.FAILED, stage="validate", reason=error.detail)
    return event if actions else replace(event, status=Status.IGNORED)
