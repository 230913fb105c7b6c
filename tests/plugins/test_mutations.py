"""Whatever one field of a payload is missing, null or blank: no script breaks, no action is invalid."""

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from gateway.actions import parse_actions
from gateway.plugins import Fixture, Plugin, list_plugins, load_plugin
from gateway.sandbox.pool import Pool

from .runs import run_all

pytestmark = pytest.mark.asyncio(loop_scope="session")

# What `generic` is given as an action is passed on as it is: the gateway's models refuse it, not the script.
PLUGINS = [load_plugin(name) for name in list_plugins() if name != "generic"]
MISSING = object()


def places(document: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """List every field of every object; of an array only the first element stands for all."""
    if isinstance(document, dict):
        for key, value in document.items():
            yield (*path, key)
            yield from places(value, (*path, key))
    elif isinstance(document, list) and document:
        yield from places(document[0], (*path, 0))


def mutants(fixture: Fixture) -> Iterator[Fixture]:
    document = json.loads(fixture.body)
    for path in places(document):
        for value in (MISSING, None, ""):
            changed = copy.deepcopy(document)
            holder = changed
            for step in path[:-1]:
                holder = holder[step]
            if value is MISSING:
                del holder[path[-1]]
            else:
                holder[path[-1]] = value
            yield replace(fixture, name=f"{fixture.name}: {path} {value!r}", body=json.dumps(changed).encode())


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda plugin: plugin.name)
async def test_no_missing_null_or_blank_field_breaks_a_script(pool: Pool, plugin: Plugin) -> None:
    mutated = [mutant for fixture in plugin.fixtures if fixture.name != "ping" for mutant in mutants(fixture)]
    assert len(mutated) > 100
    for mutant, outcome in zip(mutated, await run_all(pool, plugin, mutated), strict=True):
        assert outcome.kind in ("actions", "ignored"), (mutant.name, outcome.reason, outcome.trace)
        parse_actions(outcome.actions)
