"""What a script can reach, walked by hypothesis: attributes, items, iteration and calls, from all that it is given.

The walk goes through the guards that a compiled script goes through. Wherever it gets to there is no module, frame,
code, traceback or class of ours, and nothing that can be changed and that the next request would see.
"""

import builtins
import itertools
import operator
import os
import re
from collections.abc import Callable
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, MethodType, ModuleType, TracebackType
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway import toolbox
from gateway.sandbox import guards
from gateway.sandbox.reach import BUILTIN_NAMES, TYPE_HINTS, script_globals
from gateway.toolbox import Context, Request

EXAMPLES = int(os.environ.get("HOOKWRIGHT_TEST_EXAMPLES", "60"))
STEPS = 60

HEAD = {
    "method": "POST",
    "path": "/a",
    "query": "a=1&b=2",
    "url": "https://example.com/in/s",
    "headers": [["content-type", "application/json"], ["x-topic", "a/b"]],
    "client_ip": "192.0.2.1",
    "received_at": 1_704_164_645_000_000,
    "content_type": "application/json",
}
BODY = b'{"a": [1, 2.5, "x", null, {"b": {}}], "c": {"d": []}}'
SETTINGS = orjson.dumps({"list": [[]], "dict": {"a": {}}})

WORDS = [
    "",
    "a",
    "a.b",
    "`[]`",
    "`{}`",
    "[@, `[]`]",
    "a || `[[]]`",
    "@",
    "x-topic",
    "list",
    "dict",
    "signing_secret",
    "utf-8",
]
WORDS += [
    "a,b\n1,2",
    "<a b='1'>c</a>",
    "2024-01-01T00:00:00Z",
    "UTC",
    "(a)",
    "%s",
    "sha256",
    "1.5",
    "[1, {}]",
    "a=1&a=2",
]
NUMBERS = [0, 1, -1, 2, 3, 1.5, True, None]

# What a guess at a way out looks like: names that Python or a library keeps something behind.
NAMES = [
    "__class__",
    "__globals__",
    "__builtins__",
    "__subclasses__",
    "__self__",
    "__func__",
    "__wrapped__",
    "__dict__",
]
NAMES += [
    "__code__",
    "__module__",
    "__init__",
    "__reduce_ex__",
    "__mro__",
    "mro",
    "gi_frame",
    "tb_frame",
    "f_back",
    "obj",
]
NAMES += [
    "cache_clear",
    "cache_info",
    "__traceback__",
    "__context__",
    "with_traceback",
    "add_note",
    "reply",
    "_head",
    "_values",
]
NAMES += [
    "format",
    "format_map",
    "register",
    "func",
    "cell_contents",
    "tzinfo",
    "now",
    "max",
    "resolution",
    "numerator",
]

FORBIDDEN = (ModuleType, FrameType, CodeType, TracebackType)
ALLOWED_CLASSES = frozenset(
    kind for kind in (getattr(builtins, name) for name in BUILTIN_NAMES) if isinstance(kind, type)
) | {guards.text_class, *(kind for kind in vars(toolbox).values() if isinstance(kind, type))}
CHANGEABLE = (dict, list, set, bytearray)
# Would never come back, and is stopped by the limits in a real child.
ENDLESS = frozenset({"iter", "range", "bytes"})

_OURS = re.compile(r"0x[0-9a-f]{6,}|/(usr|root|home|lib)/|site-packages|Traceback")


def new_values() -> list[Any]:
    """Give what a script can write down itself, and a request."""
    containers = [[], {}, {"a": [1]}, [1, "a"], (1, 2)]
    return [*WORDS, *NUMBERS, b"bytes", b"{}", *containers, Exception("x"), Request(HEAD, BODY)]


class World:
    """What one request starts with, and everything that was reached from there."""

    def __init__(self) -> None:
        self.namespace = script_globals(lambda *_values, **_options: None)
        self.read = self.namespace["_getattr_"]
        offered = self.namespace["__builtins__"]
        imported = offered["__import__"]("gateway.toolbox", names=("money",))
        context = Context("s", "evt_1", {"signing_secret": "secret-secret"}, orjson.loads(SETTINGS), offered["print"])
        names = [name for name in offered if not name.startswith("__") and name not in ENDLESS]
        self.reached: list[Any] = [
            Request(HEAD, BODY),
            context,
            imported,
            _own_function,
            *(offered[name] for name in names),
        ]
        self.reached += [getattr(imported, name) for name in toolbox.__all__]
        self.literals = [*new_values(), imported]

    def take(self, step: "Step") -> None:
        """Go one step from somewhere; what Python or a guard refuses leads nowhere."""
        owners = [each for each in self.reached if callable(each)] if step.kind == "call" else self.reached
        owner = owners[step.owner % len(owners)]
        try:
            found = list(itertools.islice(self._follow(owner, step), 20))
        except Exception as error:
            found = [error]
        self.reached += found

    def _follow(self, owner: Any, step: "Step") -> Any:
        pools = (self.literals, self.reached)
        arguments = [(pool := pools[number % 2])[number // 2 % len(pool)] for number in step.arguments]
        if step.kind == "attribute":
            names = [*dir(owner), *NAMES]
            yield self.read(owner, names[step.name % len(names)])
        elif step.kind == "item":
            yield operator.getitem(owner, arguments[0] if arguments else 0)
        elif step.kind == "iterate":
            yield from itertools.islice(iter(owner), 20)
        elif step.kind == "call":
            yield self.call(owner, arguments)
        else:
            yield guards.change_in_place("+=", owner, arguments[0] if arguments else [])

    def call(self, function: Callable[..., Any], arguments: list[Any]) -> Any:
        if guards.text_class is function or type(function) is not type or function in ALLOWED_CLASSES:
            return function(*arguments)
        raise TypeError


def _own_function(*values: Any) -> Any:
    """Stands for a function of the script's."""
    return values[0] if values else None


class Step:
    def __init__(self, kind: str, owner: int, name: int, arguments: list[int]) -> None:
        self.kind, self.owner, self.name, self.arguments = kind, owner, name, arguments

    def __repr__(self) -> str:
        return f"Step({self.kind!r}, {self.owner}, {self.name}, {self.arguments})"


numbers = st.integers(0, 100_000)
kinds = st.sampled_from(["attribute", "attribute", "call", "call", "call", "item", "iterate", "add"])
walks = st.lists(st.builds(Step, kinds, numbers, numbers, st.lists(numbers, max_size=3)), min_size=10, max_size=STEPS)


def is_way_out(value: Any) -> bool:
    if isinstance(value, FORBIDDEN) or value is object or value is type or value is builtins.str:
        return True
    if isinstance(value, type):
        return value not in ALLOWED_CLASSES
    if isinstance(value, FunctionType | MethodType | BuiltinFunctionType):
        return value.__name__.startswith("__") or value.__name__ == "mro"
    return False


def changeable(world: World) -> dict[int, Any]:
    """Find what a script could write to, inside of what it reached as well."""
    found: dict[int, Any] = {}
    waiting = list(world.reached)
    while waiting:
        value = waiting.pop()
        if id(value) in found or not isinstance(value, (*CHANGEABLE, tuple)):
            continue
        if isinstance(value, CHANGEABLE):
            found[id(value)] = value
        waiting.extend(value.values() if isinstance(value, dict) else value)
    return found


def test_the_names_that_a_script_starts_with_are_those_written_down() -> None:
    offered = script_globals(print)["__builtins__"]
    assert set(offered) == {*BUILTIN_NAMES, "print", "repr", "__build_class__", "__import__"}
    assert not any(isinstance(value, ModuleType) for value in offered.values())
    imported = offered["__import__"]("gateway.toolbox", names=("money",))
    assert {name for name in toolbox.__all__ if isinstance(getattr(imported, name), guards.Listed)} == set(TYPE_HINTS)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(walks)
def test_no_walk_through_what_a_script_is_given_leads_out(steps: list[Step]) -> None:
    world = World()
    for step in steps:
        world.take(step)
    ways_out = [value for value in world.reached if is_way_out(value)]
    assert not ways_out


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(walks)
def test_two_requests_that_walk_alike_meet_nothing_that_can_be_changed(steps: list[Step]) -> None:
    first, second = World(), World()
    for step in steps:
        first.take(step)
        second.take(step)
    shared = changeable(first).keys() & changeable(second).keys()
    assert not [changeable(first)[key] for key in shared]


def test_every_attribute_of_everything_given_is_refused_or_plain() -> None:
    world = World()
    for value in list(world.reached):
        for name in {*dir(value), *NAMES}:
            try:
                found = world.read(value, name)
            except AttributeError:
                continue
            except (TypeError, ValueError):
                continue
            assert not name.startswith("_"), (value, name)
            assert not is_way_out(found), (value, name, found)


def results_of(function: Callable[..., Any]) -> list[Any]:
    """Call a helper with every value and every pair of values, each as new as in a request; errors as their words."""
    results: list[Any] = []
    count = len(new_values())
    for picked in [*((number,) for number in range(count)), *itertools.product(range(count), repeat=2)]:
        values = new_values()
        try:
            results.append(function(*(values[number] for number in picked)))
        except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError) as error:
            results.append(str(error))
    return results


@pytest.mark.parametrize("name", sorted(set(toolbox.__all__) - set(TYPE_HINTS)))
def test_a_helper_gives_each_caller_values_of_its_own_and_errors_that_show_nothing(name: str) -> None:
    function = getattr(toolbox, name)
    first, second = World(), World()
    first.reached, second.reached = results_of(function), results_of(function)
    shared = changeable(first).keys() & changeable(second).keys()
    assert not [changeable(first)[key] for key in shared]
    assert not [value for value in first.reached if is_way_out(value)]
    assert not [value for value in first.reached if isinstance(value, str) and _OURS.search(value)]


def test_a_literal_of_an_expression_is_new_for_each_who_searches() -> None:
    found = toolbox.search_json("{a: `[]`, b: [`{}`]}", {})
    found["a"].append(1)
    found["b"][0]["c"] = 1
    assert toolbox.search_json("{a: `[]`, b: [`{}`]}", {}) == {"a": [], "b": [{}]}
