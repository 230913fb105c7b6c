"""Wire: Python's names and values in the form that travels.

Takes fields in snake_case with times and decimals; gives JSON's own types under the API's names. Copies whatever it
takes, so that a dict used for two actions is never shared by them. Not for scripts.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from gateway.toolbox.exact import DEPTH_MAX
from gateway.toolbox.values.amounts import format_amount
from gateway.toolbox.values.times import format_time

Fields = Mapping[str, Any]
Moment = datetime | str
Amount = Decimal | int | float | str

_AS_THEY_ARE = frozenset({str, int, float, bool, type(None)})
REFERENCE = {"identifiers": "identifiers", "identifiers_priority": "identifiersPriority"}
WHOLE_CONTACT = {
    **REFERENCE,
    "attributes": "attributes",
    "force_subscribe": "forceSubscribe",
    "merge_options": "mergeOptions",
    "can_be_created": "canBeCreated",
    "can_be_updated": "canBeUpdated",
}
_MERGE_OPTIONS = {"merge_allowed": "mergeAllowed", "mergeable_secondary_keys": "mergeableSecondaryKeys"}


def given(**fields: Any) -> dict[str, Any]:
    """The fields that are not None, as JSON's own types."""
    wire: dict[str, Any] = {}
    for name, value in fields.items():
        if value is not None:
            wire[name] = value if type(value) in _AS_THEY_ARE else _wire(value, name, 0)
    return wire


def _wire(value: Any, name: str, depth: int) -> Any:
    """A copy made of JSON's own types; a null inside attributes is kept, since it clears."""
    # Texts and numbers, most of any payload, never come here: a call for each of them would be most of the work.
    kind = type(value)
    if kind is not dict and kind is not list and kind is not tuple:
        return _wire_leaf(value, name)
    if depth > DEPTH_MAX:
        raise ValueError(f"{name} has more than {DEPTH_MAX} levels")
    if kind is dict:
        copy = value.copy()
        for key, item in value.items():
            if type(item) not in _AS_THEY_ARE:
                copy[key] = _wire(item, name, depth + 1)
        return copy
    return [item if type(item) in _AS_THEY_ARE else _wire(item, name, depth + 1) for item in value]


def _wire_leaf(value: Any, name: str) -> str:
    if type(value) is Decimal and value.is_finite():
        return format_amount(value)
    if type(value) is datetime:
        return format_time(value)
    if type(value) is date:
        return value.isoformat()
    raise TypeError(f"{name} holds {type(value).__name__}, which an action cannot carry")


def id_text(value: str | int | None) -> str | None:
    return f"{value}" if type(value) is int else value  # type: ignore[return-value]


def contact_fields(fields: Fields, allowed: Mapping[str, str]) -> dict[str, Any]:
    contact = _rename(fields, allowed, "contact")
    if (options := contact.get("mergeOptions")) is not None:
        contact["mergeOptions"] = merge_fields(options, None)
    return contact


def merge_fields(options: Fields | bool | None, is_allowed: bool | None) -> dict[str, Any] | None:
    if type(options) is bool:
        options = {"mergeAllowed": options}
    merged = {} if options is None else _rename(options, _MERGE_OPTIONS, "merge_options")
    if is_allowed is not None and merged.setdefault("mergeAllowed", is_allowed) is not is_allowed:
        raise TypeError("merge_allowed and merge_options say different things")
    return merged or None


def _rename(fields: Fields, allowed: Mapping[str, str], what: str) -> dict[str, Any]:
    """Snake keys as wire keys; wire keys as they are; TypeError names any other."""
    if type(fields) is not dict:
        raise TypeError(f"{what} must be a dict, not {type(fields).__name__}")
    renamed: dict[str, Any] = {}
    for key, value in fields.items():
        wire = allowed.get(key, key)
        if key not in allowed and key not in allowed.values():
            raise TypeError(f"{what} has no field {key!r} here; it takes {', '.join(allowed)}")
        if wire in renamed:
            raise TypeError(f"{what} has {key!r} twice, in two spellings")
        if value is not None:
            renamed[wire] = value
    return renamed
