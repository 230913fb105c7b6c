"""Action rows: actions in wire form, drawn as a table.

Takes what a script gave (perhaps no valid actions), gives plain rows. Pure; never validates: `actions` does.
"""

from collections.abc import Iterator
from typing import Any

from gateway.operations.diffs import escaped

SHOWN_MAX = 100
FIELDS_MAX = 500
_NAMING = ("identifiers", "identifiersPriority")


def action_rows(actions: Any) -> list[dict[str, Any]]:
    """Give one row an action: `{index, action, contact, fields: [{pointer, name, value}], is_cut}`, of the first ones.

    `contact` is how the action names people, in one line; a field is one leaf of its document.
    """
    shown = actions[:SHOWN_MAX] if isinstance(actions, list) else []
    return [_row(index, action) for index, action in enumerate(shown)]


def _row(index: int, action: Any) -> dict[str, Any]:
    document = action if isinstance(action, dict) else {"": action}
    leaves = list(_leaves({name: value for name, value in document.items() if name != "action"}, "", f"/{index}"))
    return {
        "index": index,
        "action": str(document.get("action", "?")),
        "contact": named(document),
        "fields": leaves[:FIELDS_MAX],
        "is_cut": len(leaves) > FIELDS_MAX,
    }


def named(action: dict[str, Any]) -> str:
    """Say in one line whom an action means: `email: ann@example.com, shop_id: 7`; several people with ` · `."""
    people = [action, *(action.get(name) for name in ("contact", "contacts"))]
    said = [_identifiers(person.get("identifiers")) for person in people if isinstance(person, dict)]
    return " · ".join(text for text in said if text)


def _identifiers(identifiers: Any) -> str:
    if isinstance(identifiers, list):
        return " · ".join(filter(None, map(_identifiers, identifiers)))
    if not isinstance(identifiers, dict):
        return ""
    return ", ".join(f"{key}: {value}" for key, value in identifiers.items() if value not in (None, ""))


def _leaves(value: Any, name: str, pointer: str) -> Iterator[dict[str, Any]]:
    if name.rpartition(".")[2] in _NAMING:
        return
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(item, f"{name}.{key}" if name else str(key), f"{pointer}/{escaped(str(key))}")
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from _leaves(item, f"{name}[{index}]", f"{pointer}/{index}")
    else:
        yield {"pointer": pointer, "name": name, "value": value}
