"""The OpenAPI document: sound, whole, and about what is really served."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from examples import bodies
from pydantic import TypeAdapter
from running import Running
from starlette.routing import Route

from gateway.actions import ACTION_NAMES
from gateway.api.app import console_routes
from gateway.api.management.door import KeyDoor
from gateway.api.openapi import build_document
from gateway.api.table import OPERATIONS, POSTED
from gateway.config import load_settings

DOCUMENT = build_document(load_settings())
METHODS = {"get", "put", "post", "patch", "delete"}
Described = tuple[str, str, dict[str, Any]]


def operations() -> list[Described]:
    return [(method, path, operation) for path, item in DOCUMENT["paths"].items() for method, operation in item.items()]


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for member in value.values():
            yield from references(member)
    elif isinstance(value, list):
        for member in value:
            yield from references(member)


every_operation = pytest.mark.parametrize("described", operations(), ids=lambda one: one[2]["operationId"])


def test_the_document_is_one_of_its_kind() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    assert {"title", "version"} <= set(DOCUMENT["info"])
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert len(ids) == len(set(ids))
    assert {tag for _, _, operation in operations() for tag in operation["tags"]} == {
        tag["name"] for tag in DOCUMENT["tags"]
    }


@every_operation
def test_each_operation_says_what_it_is_who_may_and_what_comes_back(described: Described) -> None:
    method, path, operation = described
    assert method in METHODS
    assert operation["summary"]
    assert not operation["summary"].endswith(".")
    assert operation["servers"]
    inside = set(re.findall(r"{(\w+)}", path))
    assert {one["name"] for one in operation["parameters"] if one["in"] == "path"} == inside
    assert all(one["required"] for one in operation["parameters"] if one["in"] == "path")
    good = [status for status in operation["responses"] if status.startswith("2")]
    assert len(good) == 1
    assert all(response["description"] for response in operation["responses"].values())
    is_open = operation["tags"] == ["health"]
    assert bool(operation["security"]) is not is_open
    assert ("401" in operation["responses"]) is not is_open
    assert {name for one in operation["security"] for name in one} <= set(DOCUMENT["components"]["securitySchemes"])


def test_every_reference_leads_somewhere_and_every_schema_is_used() -> None:
    named = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}
    assert set(references(DOCUMENT)) == named
    assert not [name for name in DOCUMENT["components"]["schemas"] if "__" in name or name.endswith(("put",))]


def test_no_schema_was_left_empty() -> None:
    contents = [
        content["schema"]
        for _, _, operation in operations()
        for part in (operation.get("requestBody", {}), *operation["responses"].values())
        for content in part.get("content", {}).values()
    ]
    assert contents
    assert all(contents)


async def test_what_is_served_is_described_and_what_is_described_is_served(running: Running) -> None:
    served = {
        (method.lower(), re.sub(r"{(\w+):\w+}", r"{\1}", route.path))
        for route in console_routes(running.op, KeyDoor(running.op))
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    gateway = {(one.method.lower(), one.address) for one in OPERATIONS if one.name != POSTED}
    actions = {("post", f"/api/{name}") for name in ACTION_NAMES}
    assert {(method, path) for method, path, _ in operations()} == served | gateway | actions


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize(
    "described", [one for one in operations() if one[2]["tags"][0] in ("actions", "reading")], ids=lambda one: one[1]
)
async def test_the_gateway_knows_every_address_of_its_own(running: Running, described: Described) -> None:
    """Without a key: 401 is the answer of an address that is there, 404 of one that is not."""
    method, path, _ = described
    answer = await running.http.request(method, path.replace("{", "").replace("}", ""))
    assert answer.status_code == 401


@pytest.mark.parametrize("name", ACTION_NAMES)
def test_a_valid_action_fits_its_schema_and_another_does_not(name: str) -> None:
    """With the little of JSON Schema that tells them apart: the fields that are required and those that there are."""
    reference = DOCUMENT["paths"][f"/api/{name}"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    schema = DOCUMENT["components"]["schemas"][reference["$ref"].rpartition("/")[2]]
    body = bodies("openapi@example.com")[name]
    assert set(schema.get("required", [])) <= set(body)
    assert schema["additionalProperties"] is False
    others = {"identifyListBy", "listIdentifier", "removeItemsFromCart", "contact", "contacts"}  # both spellings
    assert set(body) <= set(schema["properties"]) | others


def test_the_addresses_are_those_of_the_settings() -> None:
    settings = load_settings(public_url="https://hooks.example.com", console_url="https://console.example.com")
    paths = build_document(settings)["paths"]
    assert paths["/api/upsertContact"]["post"]["servers"] == [{"url": "https://hooks.example.com"}]
    assert paths["/api/sources"]["get"]["servers"] == [{"url": "https://console.example.com"}]
    both = build_document(load_settings(gateway_management=True))["paths"]["/api/sources"]["get"]["servers"]
    assert [server["url"] for server in both] == ["/", "http://127.0.0.1:8080"]


@pytest.mark.asyncio(loop_scope="session")
async def test_the_console_serves_the_document_to_whoever_asks(running: Running, http: httpx.AsyncClient) -> None:
    answer = await http.get("/openapi.json")
    assert answer.status_code == 200
    assert TypeAdapter(dict[str, Any]).validate_json(answer.content) == build_document(running.settings)
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.asyncio(loop_scope="session")
async def test_the_console_reads_back_what_the_gateway_does(running: Running, http: httpx.AsyncClient) -> None:
    body = bodies("both@example.com")["upsertContact"]
    event_id = (await running.http.post("/api/upsertContact", json=body, headers=running.admin)).json()["id"]
    await running.event(event_id)
    for path in (f"/api/events/{event_id}", "/api/contacts/email:both@example.com"):
        here = (await http.get(path, headers=running.admin)).json()
        assert here == (await running.http.get(path, headers=running.admin)).json()
