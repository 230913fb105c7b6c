"""OpenAPI: the document of both sides, made of the operations that the routes are made of, and of their models.

Takes the addresses of the gateway and the console; gives OpenAPI 3.1. Nothing in it is written by hand twice, so that
it cannot say what is not so.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib.metadata import version
from typing import Any, Literal

from pydantic import BaseModel, TypeAdapter

from gateway.actions import ACTION_NAMES
from gateway.api import table
from gateway.api.management.serve import ENDPOINTS, GROUPS
from gateway.api.operation import Operation
from gateway.config import Settings
from gateway.errors import HookwrightError

_REFERENCE = "#/components/schemas/{model}"
_JSON, _PROBLEM_JSON = "application/json", "application/problem+json"

_SECURITY = {
    "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    "bearer": {"type": "http", "scheme": "bearer", "description": "The same key."},
}
_TAGS = {
    "actions": "Post what should happen; applied like what a script says.",
    "reading": "What became of an event, what is known of a contact, what an order says.",
    "health": "For load balancers and supervisors.",
}
_ABOUT = (
    "The actions, and reading back, are the gateway's; all else is for programs what the console is for people. "
    "Every error is `application/problem+json` (RFC 9457), with a JSON pointer for every bad place. "
    "Lists are read on with `after`, which is the `next` of the page before."
)


class Fault(BaseModel):
    """One bad place in what was sent."""

    pointer: str
    detail: str


class Problem(BaseModel):
    """What is wrong, and the way out (RFC 9457)."""

    title: str
    status: int
    detail: str
    request_id: str
    errors: list[Fault] = []


def build_document(settings: Settings) -> dict[str, Any]:
    """Give the whole document, with the addresses that these settings name."""
    # Without a name of its own the console is where this document is, whatever people call it.
    public, private = {"url": settings.effective_public_url}, {"url": settings.console_url or "/"}
    managing = [private, public] if settings.gateway_management else [private]
    schemas = _Schemas()
    paths: dict[str, dict[str, Any]] = defaultdict(dict)
    for operation in _posting():
        paths[operation.address][operation.method.lower()] = _describe(operation, schemas) | {"servers": [public]}
    for operation in table.READING:
        # The console first: there its docs can be tried.
        paths[operation.address]["get"] = _describe(operation, schemas) | {"servers": [private, public]}
    for endpoint in ENDPOINTS:
        operation = endpoint.operation
        paths[operation.address][operation.method.lower()] = _describe(operation, schemas) | {"servers": managing}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Hookwright", "version": version("hookwright"), "description": _ABOUT},
        "tags": [{"name": name, "description": meaning} for name, meaning in _meanings().items()],
        "paths": dict(paths),
        "components": {"schemas": schemas.definitions(), "securitySchemes": _SECURITY},
    }


def _posting() -> Iterable[Operation]:
    """Give what the gateway alone takes; its one route for all actions as an operation for each."""
    for operation in table.OPERATIONS:
        if operation.name == table.POSTED:
            for name in ACTION_NAMES:
                summary = f"Post an action: {name}"
                yield replace(operation, name=name, path=f"/api/{name}", summary=summary)
        elif operation not in table.READING:
            yield operation


def _meanings() -> dict[str, str]:
    return _TAGS | {group.tag: group.meaning for group in GROUPS}


class _Schemas:
    """Collects models, and names them together at the end: two of one name are told apart."""

    def __init__(self) -> None:
        self._wanted: dict[tuple[str, Literal["validation", "serialization"]], tuple[TypeAdapter[Any], dict[str, Any]]]
        self._wanted = {}

    def of(self, name: str, mode: Literal["validation", "serialization"], model: Any) -> dict[str, Any]:
        """Give a schema that is filled in by `definitions`."""
        adapter = model if isinstance(model, TypeAdapter) else TypeAdapter(model)
        return self._wanted.setdefault((name, mode), (adapter, {}))[1]

    def definitions(self) -> dict[str, Any]:
        inputs = [(name, mode, adapter) for (name, mode), (adapter, _) in self._wanted.items()]
        found, shared = TypeAdapter.json_schemas(inputs, ref_template=_REFERENCE)
        for place, (_, schema) in self._wanted.items():
            schema.update(found[place])
        definitions: dict[str, Any] = shared.get("$defs", {})
        return definitions


def _describe(operation: Operation, schemas: _Schemas) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": _description(operation),
        "parameters": [*map(_path_parameter, operation.path_names), *map(_parameter, operation.parameters)],
        "responses": _responses(operation, schemas),
        "security": [{name: []} for name in _SECURITY] if operation.roles else [],
    }
    body = table.BODIES.get(operation.name, operation.body)
    if body is not None:
        schema = schemas.of(f"{operation.name} body", "validation", body)
        described["requestBody"] = {"required": True, "content": {_JSON: {"schema": schema}}}
    return described


def _description(operation: Operation) -> str:
    roles = f"For keys of the role {' or '.join(sorted(operation.roles))}." if operation.roles else "Takes no key."
    return f"{operation.description} {roles}".strip()


def _path_parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _parameter(parameter: Any) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "description": parameter.meaning,
        "schema": dict(parameter.schema),
    }


def _responses(operation: Operation, schemas: _Schemas) -> dict[str, Any]:
    good: dict[str, Any] = {"description": "Done." if operation.answer is None else "As asked."}
    if operation.answer is not None:
        schema = schemas.of(f"{operation.name} answer", "serialization", operation.answer)
        good["content"] = {_JSON: {"schema": schema}}
    problem = {_PROBLEM_JSON: {"schema": schemas.of("problem", "serialization", Problem)}}
    refused = {
        str(status): {"description": said, "content": problem} for status, said in _said(operation.all_errors).items()
    }
    return {str(operation.status): good, **refused, "default": {"description": "Another problem.", "content": problem}}


def _said(errors: Iterable[type[HookwrightError]]) -> Mapping[int, str]:
    titles: dict[int, list[str]] = defaultdict(list)
    for error in errors:
        titles[error.status].append(error.title)
    return {status: " · ".join(dict.fromkeys(titles[status])) for status in sorted(titles)}
