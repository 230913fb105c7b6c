"""Issues: what keeps failing, and what people say of it."""

from typing import Any

from gateway.api.management import answers, bodies
from gateway.api.management.call import MAY_BUILD, PAGED, Call, Group
from gateway.api.operation import Parameter
from gateway.errors import Forbidden, OperatorError
from gateway.operations import issues

group = Group("issues", "Failed events that failed for the same reason.")

_SAY = {
    "open": issues.reopen_issue,
    "acknowledged": issues.acknowledge_issue,
    "resolved": issues.resolve_issue,
}


@group.takes(
    "GET",
    "/api/issues",
    answer=answers.Issues,
    parameters=(
        Parameter("source", "One or several, by commas."),
        Parameter("state", "One or several, by commas: open, acknowledged, resolved."),
        *PAGED,
    ),
    errors=[OperatorError],
)
async def list_issues(call: Call) -> Any:
    """List issues, the one that failed last first."""
    wanted = [name for name in call.asked("source").split(",") if name]
    if beyond := [name for name in wanted if not call.key.reaches(name)]:
        raise Forbidden(f'this key does not reach source "{beyond[0]}"')
    states = [state for state in call.asked("state").split(",") if state]
    chosen = wanted or sorted(call.reach) or None
    return await issues.list_issues(
        call.op, sources=chosen, states=states, before=call.asked("after"), limit=call.limit
    )


@group.takes("GET", "/api/issues/{issue_id}", answer=answers.Issue)
async def show_issue(call: Call) -> Any:
    """Show an issue, its newest events, and the versions that they failed under."""
    return await _load(call)


@group.takes("PUT", "/api/issues/{issue_id}/state", roles=MAY_BUILD, body=bodies.IssueState, errors=[OperatorError])
async def judge_issue(call: Call) -> Any:
    """Say how an issue stands. A failure after it was resolved opens it again."""
    issue = await _load(call)
    await _SAY[call.body.state](call.op, issue["id"], note=call.body.note)


async def _load(call: Call) -> dict[str, Any]:
    issue_id = call.named("issue_id")
    issue = await issues.load_issue(call.op, issue_id)
    call.require_reach(issue["source"], f"there is no issue {issue_id}")
    return issue
