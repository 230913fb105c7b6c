"""The door of the management API: over every operation that there is, so that a new one is tested by existing."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest
from managing import Program, program_of
from running import Running, prepare, run_all, run_valkey

from gateway.api.management.call import Endpoint
from gateway.api.management.serve import ENDPOINTS

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROLES = ("sender", "viewer", "integrator", "admin")
every_endpoint = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda one: one.operation.name)


def address(endpoint: Endpoint) -> str:
    return re.sub(r"{\w+(:\w+)?}", "nothing", endpoint.operation.path)


@every_endpoint
async def test_each_operation_lets_in_who_has_its_role_and_nobody_else(
    running: Running, http: httpx.AsyncClient, endpoint: Endpoint
) -> None:
    for role in ROLES:
        program = await program_of(running, http, role)
        answer = await program.call(endpoint.operation.method, address(endpoint))
        assert (answer.status_code == 403) is (role not in endpoint.operation.roles), (role, answer.text)


@every_endpoint
async def test_nobody_comes_in_without_a_key_not_even_with_a_session(
    http: httpx.AsyncClient, endpoint: Endpoint
) -> None:
    for headers in ({}, {"x-api-key": "hwk_unknown"}, {"x-api-key": "other"}, {"cookie": "hookwright_8081=token"}):
        answer = await Program(http, headers).call(endpoint.operation.method, address(endpoint))
        assert answer.status_code == 401
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "endpoint", [one for one in ENDPOINTS if "source" in one.operation.path_names], ids=lambda one: one.operation.name
)
async def test_every_operation_of_a_source_is_shut_to_a_key_that_does_not_reach_it(
    running: Running, http: httpx.AsyncClient, endpoint: Endpoint
) -> None:
    if (await http.get("/api/sources/door", headers=running.admin)).status_code == 404:
        await running.add_source("door")
    program = await program_of(running, http, "admin", "door")
    answer = await program.call(endpoint.operation.method, address(endpoint))
    assert (answer.status_code, "does not reach" in answer.json()["detail"]) == (403, True)


@pytest.mark.parametrize(
    "endpoint", [one for one in ENDPOINTS if one.operation.body], ids=lambda one: one.operation.name
)
async def test_a_body_is_what_its_operation_takes_or_is_refused_with_the_place(
    running: Running, admin: Program, endpoint: Endpoint
) -> None:
    method, path = endpoint.operation.method, address(endpoint)
    unknown = await admin.call(method, path, {"surprise": 1})
    assert unknown.status_code == 422
    assert {"pointer": "/surprise", "detail": "no such field"} in unknown.json()["errors"]
    assert (await admin.call(method, path, [])).status_code == 422
    not_json = await admin.http.request(method, path, content=b"{", headers=admin.key)
    assert not_json.status_code == 400
    large = await admin.http.request(method, path, content=b" " * (endpoint.body_bytes_max + 1), headers=admin.key)
    assert large.status_code == 413


async def test_a_body_that_does_not_say_how_long_it_is_has_the_same_limit(admin: Program) -> None:
    async def endless() -> object:
        for _ in range(40):
            yield b" " * 65536

    answer = await admin.http.post("/api/keys", content=endless(), headers=admin.key)
    assert answer.status_code == 413


async def test_nothing_is_taken_for_what_it_is_not(admin: Program) -> None:
    answer = await admin.call("POST", "/api/keys", {"name": 5, "role": "viewer", "sources": "all"})
    assert {fault["pointer"] for fault in answer.json()["errors"]} == {"/name", "/sources"}


async def test_what_cannot_be_kept_is_refused_with_its_place(running: Running, admin: Program) -> None:
    await running.add_source("api-huge")
    answer = await admin.call("PATCH", "/api/sources/api-huge/settings", {"settings": {"most": [2**64]}})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/settings/most")


async def test_what_is_nowhere_is_told_to_a_program_as_to_a_program(http: httpx.AsyncClient) -> None:
    lost = await http.get("/api/nowhere")
    assert (lost.status_code, lost.headers["content-type"]) == (404, "application/problem+json")
    wrong = await http.delete("/api/sources")
    assert (wrong.status_code, wrong.headers["content-type"]) == (405, "application/problem+json")
    assert {method.strip() for method in wrong.headers["allow"].split(",")} >= {"GET"}


async def test_the_gateway_serves_it_only_where_it_is_told_to(running: Running) -> None:
    assert (await running.http.get("/api/sources", headers=running.admin)).status_code in (404, 405)
    # A queue of its own: the worker of the others would take its events.
    with TemporaryDirectory(prefix="hw-") as folder, run_valkey(Path(folder)) as url:
        async with run_all(prepare(Path(folder), url, gateway_management=True)) as managed:
            await _manage(managed)


async def _manage(managed: Running) -> None:
    program = Program(managed.http, managed.admin)
    await program.done("POST", "/api/sources", {"name": "on-the-gateway"})
    assert [row["name"] for row in (await program.done("GET", "/api/sources"))["sources"]] == ["on-the-gateway"]
    assert (await managed.http.get("/api/sources")).status_code == 401
    body = {"identifiers": {"email": "g@example.com"}}
    posted = await managed.http.post("/api/upsertContact", json=body, headers=managed.admin)
    assert posted.status_code == 202, "the actions are where they were"
    assert (await managed.event(posted.json()["id"]))["status"] == "applied"
