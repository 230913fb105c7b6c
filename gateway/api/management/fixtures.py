"""Fixtures: requests that are kept under a name, to try scripts on."""

from typing import Any

from gateway.api.management import answers, bodies
from gateway.api.management.call import MAY_BUILD, Call, Group
from gateway.api.management.trying import PAYLOAD_BYTES_MAX, find_trial_request
from gateway.errors import Conflict, OperatorError
from gateway.operations import fixtures

group = Group("fixtures", "Requests that are kept under a name, to try scripts on.")


@group.takes("GET", "/api/sources/{source}/fixtures", answer=answers.Fixtures)
async def list_fixtures(call: Call) -> Any:
    """List the source's own fixtures, then its plugin's."""
    return {"fixtures": await fixtures.list_fixtures(call.op, call.source)}


@group.takes(
    "POST",
    "/api/sources/{source}/fixtures",
    roles=MAY_BUILD,
    body=bodies.NewFixture,
    answer=answers.Fixture,
    status=201,
    errors=[Conflict, OperatorError],
    body_bytes_max=PAYLOAD_BYTES_MAX,
)
async def add_fixture(call: Call) -> Any:
    """Keep a request under a name: one that there is, or one that is given."""
    given: bodies.NewFixture = call.body
    request = await find_trial_request(call, given.reference, given.request)
    return await fixtures.add_fixture(call.op, call.source, given.name, request, expected=given.expected)


@group.takes(
    "PATCH",
    "/api/sources/{source}/fixtures/{name:path}",
    roles=MAY_BUILD,
    body=bodies.FixtureName,
    errors=[Conflict, OperatorError],
)
async def rename_fixture(call: Call) -> Any:
    """Give a fixture another name."""
    await fixtures.rename_fixture(call.op, call.source, call.named("name"), call.body.name)


@group.takes("DELETE", "/api/sources/{source}/fixtures/{name:path}", roles=MAY_BUILD)
async def remove_fixture(call: Call) -> Any:
    """Remove a fixture."""
    await fixtures.remove_fixture(call.op, call.source, call.named("name"))
