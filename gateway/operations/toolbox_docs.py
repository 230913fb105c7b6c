"""Toolbox docs: every name that a script can import, with what it takes and what it says of itself.

Takes nothing, gives plain values for a side panel and an editor's completion; all of it is read from the very objects
that the sandbox hands out, so that it cannot be out of date.
"""

import inspect
import re
from functools import cache
from typing import Any

from gateway import toolbox

# In the order in which a script needs them; the docstring of the toolbox has the same groups.
GROUPS = ("signatures", "builders", "outcomes", "values", "request and context")
_GROUP_OF_MODULE = {
    "gateway.toolbox.signatures": "signatures",
    "gateway.toolbox.builders": "builders",
    "gateway.toolbox.parts": "builders",
    "gateway.toolbox.outcomes": "outcomes",
    "gateway.toolbox.values": "values",
    "gateway.toolbox.request": "request and context",
}
_MODULES = re.compile(r"\b(?:[a-z_]+\.)+(?=[A-Z]|date(?:time)?\b)")
# What a script is handed under these names, whatever it calls its parameters.
_HANDED = {"request": toolbox.Request, "context": toolbox.Context}


@cache
def toolbox_docs() -> list[dict[str, Any]]:
    """Give `{name, kind, group, signature, summary, doc, members}` for every name, by group and name."""
    documents = [_document(name, getattr(toolbox, name)) for name in toolbox.__all__]
    return sorted(documents, key=lambda one: (GROUPS.index(one["group"]), one["name"]))


@cache
def completion_items() -> list[dict[str, str]]:
    """Give what an editor offers: `{label, type, detail, info}`; members are labelled `request.json`."""
    items = [
        {"label": one["name"], "type": one["kind"], "detail": one["signature"], "info": one["summary"]}
        for one in toolbox_docs()
    ]
    for handed, owner in _HANDED.items():
        items += [
            {
                "label": f"{handed}.{member['name']}",
                "type": "property" if member["kind"] == "property" else "method",
                "detail": member["signature"],
                "info": member["summary"],
            }
            for member in _members(owner)
        ]
    return items


def _document(name: str, thing: Any) -> dict[str, Any]:
    summary, rest = _words(thing)
    return {
        "name": name,
        "kind": "class" if isinstance(thing, type) else "function",
        "group": _group(thing),
        "signature": name if thing in _HANDED.values() else f"{name}{_signature(thing)}",
        "summary": summary,
        "doc": rest,
        "members": _members(thing) if isinstance(thing, type) else [],
    }


def _group(thing: Any) -> str:
    module = thing.__module__
    while module:
        if module in _GROUP_OF_MODULE:
            return _GROUP_OF_MODULE[module]
        module = module.rpartition(".")[0]
    return "values"  # timedelta and its like are the standard library's


def _members(owner: type) -> list[dict[str, str]]:
    """Name what a script may read of such an object: nothing else is there for it."""
    return [_member(owner, name) for name in sorted(toolbox.ATTRIBUTES.get(owner, ()))]


def _member(owner: type, name: str) -> dict[str, str]:
    thing = inspect.getattr_static(owner, name, None)
    summary, rest = _words(thing)
    is_method = inspect.isroutine(thing)
    text = _signature(thing, is_method=True) if is_method else _annotation(thing)
    kind = "method" if is_method else "property"
    return {"name": name, "kind": kind, "signature": f"{name}{text}", "summary": summary, "doc": rest}


def _annotation(thing: Any) -> str:
    getter = getattr(thing, "fget", None)
    returned = inspect.signature(getter).return_annotation if getter else inspect.Signature.empty
    return "" if returned is inspect.Signature.empty else f": {_plain(returned)}"


def _signature(thing: Any, *, is_method: bool = False) -> str:
    try:
        signature = inspect.signature(thing)
    except (TypeError, ValueError):  # a type written in C does not tell
        return "(…)"
    parameters = list(signature.parameters.values())
    if is_method:
        parameters = parameters[1:]
    return _MODULES.sub("", str(signature.replace(parameters=parameters)))


def _plain(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else _MODULES.sub("", str(annotation))


def _words(thing: Any) -> tuple[str, str]:
    """Give the first line of a docstring, and the rest."""
    first, _, rest = (inspect.getdoc(thing) or "").partition("\n")
    return first.strip(), rest.strip()
