"""Trying: run any text of a source on one request, in the real sandbox, and see what would come of it.

Takes a text (a draft, also one that is not saved) or a version, and a trial request; gives verdict, the answer that
the sender would get, actions with the fault of every bad place, log, trace, times and memory. Nothing is stored or
queued. A trial has a child of its own, new and soon gone: what that has taken at its most, the trial has taken.
"""

import base64
import time
from dataclasses import asdict, dataclass
from typing import Any, Literal

import orjson

from gateway import clock
from gateway.actions import check_in_turns
from gateway.errors import BadRequest, Fault, HookwrightError, ScriptRefused, Unprocessable
from gateway.event import Status
from gateway.judge import Judgement, Request, rule
from gateway.operations.action_rows import action_rows
from gateway.operations.answers import Answer, answer_of
from gateway.operations.drafts import load_text
from gateway.operations.operator import Operator
from gateway.operations.runnable import Runnable, load_unpublished
from gateway.operations.trial_requests import TrialRequest
from gateway.sandbox.outcome import Outcome

Stage = Literal["authenticate", "transform"]


@dataclass(frozen=True, slots=True)
class Tried:
    """One run: what the sandbox said, what the gateway makes of it, and how long it took."""

    outcome: Outcome
    judgement: Judgement | None  # None: refused, by `error`
    error: HookwrightError | None
    wall_seconds: float
    start_at: Stage

    @property
    def status(self) -> str:
        """The event's status, or `rejected` · `broken` · `try_later` where there would be none."""
        if self.judgement is not None:
            return self.judgement.event.status.value
        return {"rejected": "rejected", "try_later": "try_later"}.get(self.outcome.kind, "broken")


async def try_script(
    op: Operator,
    source: str,
    request: TrialRequest,
    *,
    text: str | None = None,
    version: str | None = None,
    is_vouched: bool = False,
) -> dict[str, Any]:
    """Try a text, or a version by number, id, `live` or `draft` (the default is `live`), on a request.

    `is_vouched` starts at `transform`: somebody knows that the request is genuine. A text that does not pass the
    check gives its `problems` and nothing else. Raises NotFound, SandboxUnavailable.
    """
    wanted = text if text is not None else await load_text(op, source, version or "live")
    try:
        runnable = await load_unpublished(op, source, wanted)
    except ScriptRefused as refused:
        return {"problems": [asdict(problem) for problem in refused.problems]}
    tried = await run_once(op, runnable, request, is_vouched=is_vouched, is_measured=True)
    return {"problems": [], "reference": request.reference, **await _document(runnable, tried, len(request.body))}


async def run_once(
    op: Operator, runnable: Runnable, request: TrialRequest, *, is_vouched: bool = False, is_measured: bool = False
) -> Tried:
    """Run one request through a text, and rule on the outcome as the path does; `is_measured`: memory, too."""
    pool = await op.pool()
    pool.lift(runnable.source.name)  # what another text has done in this sandbox says nothing of this one
    event_id = request.event_id
    start_at: Stage = "transform" if is_vouched or not runnable.source.has_authenticate else "authenticate"
    started = time.perf_counter()
    outcome = await pool.run(
        runnable.script, request.head, request.body, event_id=event_id, start_at=start_at, is_measured=is_measured
    )
    seconds = time.perf_counter() - started
    asked = Request(event_id, event_id, request.received_at, request.head, request.body)
    try:
        judgement = await rule(runnable.script, asked, outcome, is_vouched_for=start_at == "transform")
    except HookwrightError as error:
        return Tried(outcome, None, error, seconds, start_at)
    return Tried(outcome, judgement, None, seconds, start_at)


async def _document(runnable: Runnable, tried: Tried, body_bytes: int) -> dict[str, Any]:
    outcome, event = tried.outcome, tried.judgement and tried.judgement.event
    actions = _read(outcome.actions)
    return {
        "status": tried.status,
        "is_authenticated": outcome.is_authenticated,
        "started_at": tried.start_at,
        "needs_key": not runnable.source.has_authenticate,
        "stage": (event.stage if event else None) or outcome.stage,
        "reason": event.reason if event else (outcome.reason or (tried.error.detail if tried.error else None)),
        "response": _response(answer_of(tried.judgement, tried.error, is_held=runnable.source.state == "paused")),
        "actions": actions,
        "rows": action_rows(actions),
        "faults": [asdict(fault) for fault in await _faults(outcome.actions)] if event else [],
        "unique_key": outcome.unique_key,
        "occurred_at": clock.iso(outcome.occurred_at),
        "logs": outcome.logs,
        "trace": list(outcome.trace),
        "timing": _timing(tried),
        "memory": _memory(tried, runnable.script.limits.memory_budget_bytes(body_bytes)),
    }


def _timing(tried: Tried) -> dict[str, float]:
    """Give milliseconds: CPU by stage, and all that the caller waited for a new sandbox and its answer."""
    whole, first = tried.outcome.cpu_seconds, tried.outcome.authenticate_cpu_seconds
    if tried.outcome.kind in ("rejected", "try_later"):
        first = whole
    return {
        "authenticate_cpu_ms": round(first * 1000, 3),
        "transform_cpu_ms": round((whole - first) * 1000, 3),
        "wall_ms": round(tried.wall_seconds * 1000, 3),
    }


def _memory(tried: Tried, limit_bytes: int) -> dict[str, int] | None:
    """Give the peak above a child at rest, and how far it might have gone; None where the peak is not known."""
    peak = tried.outcome.memory_peak_bytes
    return None if peak is None else {"peak_bytes": peak, "limit_bytes": limit_bytes}


def _read(actions: bytes) -> Any:
    try:
        return orjson.loads(actions)
    except ValueError:
        return []


async def _faults(actions: bytes) -> tuple[Fault, ...]:
    try:
        await check_in_turns(actions)
    except Unprocessable as error:
        return error.faults
    except BadRequest as error:
        return (Fault("", error.detail),)
    return ()


def _response(answer: Answer) -> dict[str, Any]:
    try:
        text, encoded = answer.body.decode(), None
    except UnicodeDecodeError:
        text, encoded = None, base64.b64encode(answer.body).decode()
    return {"status": answer.status, "headers": answer.headers, "body": text, "body_base64": encoded}


def is_failing(status: str) -> bool:
    """Tell what a person has to repair from what a script has decided."""
    return status in (Status.FAILED.value, "broken")
