"""Trying: run a text on one request, or on the last ones beside the live version. Nothing is stored or queued."""

from collections import Counter
from typing import Any

from gateway.api.management import answers, bodies
from gateway.api.management.call import MAY_BUILD, Call, Group
from gateway.errors import Conflict, Fault, OperatorError, SandboxUnavailable, ScriptRefused, Unprocessable
from gateway.operations import comparing
from gateway.operations import trying as dry_runs
from gateway.operations.trial_requests import TrialRequest, find_request, paste_request

group = Group("trying", "What a text would make of requests, in the real sandbox; nothing is stored or queued.")

# A pasted payload of the largest size that a source takes, written as JSON.
PAYLOAD_BYTES_MAX = 11 * 1024 * 1024


@group.takes(
    "POST",
    "/api/sources/{source}/try",
    roles=MAY_BUILD,
    body=bodies.Trial,
    answer=answers.Tried,
    errors=[OperatorError, Conflict, SandboxUnavailable],
    body_bytes_max=PAYLOAD_BYTES_MAX,
)
async def try_script(call: Call) -> Any:
    """Run a text, or a version, on one request.

    Gives the verdict, the answer that the sender would get, the actions with the fault of every bad place, log, trace,
    times, and the peak of memory beside its limit.
    """
    given: bodies.Trial = call.body
    asked = await find_trial_request(call, given.reference, given.request)
    return await dry_runs.try_script(
        call.op, call.source, asked, text=given.text, version=given.version, is_vouched=given.is_vouched
    )


async def find_trial_request(call: Call, reference: str | None, pasted: bodies.PastedRequest | None) -> TrialRequest:
    """Give the one request that a body names, or holds."""
    if (reference is None) == (pasted is None):
        fault = Fault("/reference", "name a reference, or give a request: one of the two")
        raise Unprocessable(f"{fault.pointer}: {fault.detail}", [fault])
    if pasted is not None:
        return await paste_request(
            call.op,
            call.source,
            body=pasted.body.encode(),
            method=pasted.method,
            path=pasted.path,
            query=pasted.query,
            headers=tuple(pasted.headers.items()),
            is_signed=pasted.is_signed,
        )
    return await find_request(call.op, call.source, str(reference))


@group.takes(
    "POST",
    "/api/sources/{source}/compare",
    roles=MAY_BUILD,
    body=bodies.NewComparison,
    answer=answers.Compared,
    errors=[ScriptRefused, SandboxUnavailable],
)
async def compare_script(call: Call) -> Any:
    """Say what a text would change for the last real requests, beside the live version."""
    counts: Counter[str] = Counter(dict.fromkeys(comparing.KINDS, 0))
    results = []
    async for result in comparing.compare(call.op, call.source, call.body.text, count=call.body.count):
        counts[result["kind"]] += 1
        results.append(result)
    return {"total": len(results), "counts": dict(counts), "results": results}
