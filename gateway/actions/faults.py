"""Faults: what pydantic found, in words that a sender can act on, each with its place.

Takes a ValidationError, gives faults with JSON pointers, and of many the first. Never repeats what was sent.
"""

from collections.abc import Iterator, Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gateway.errors import BadRequest, Fault, Unprocessable

FAULTS_MAX = 50
_SHOWN_MAX = 3
# Unknown fields by the ten thousand, as a rule. pydantic tells all of its faults or none, a microsecond and more each.
_FLOOD = 5_000
# What pydantic calls the branches of fields.Document, and a key of an object.
_DOCUMENT_BRANCHES = ("dict[", "list[", "function-after[", "[key]")

# The words of JSON, also where Python's values were looked at.
_WORDS = {
    "extra_forbidden": "no such field",
    "list_type": "Input should be a valid array",
    "dict_type": "Input should be an object",
    "model_type": "Input should be an object",
    "model_attributes_type": "Input should be an object",
}


def find_faults(error: ValidationError, index: int | None = None, *, names: Sequence[str] = ()) -> list[Fault]:
    """Name every bad place of one action, or one more than are shown. Raises BadRequest: it is not JSON.

    `index` is where the action stands in an array: it was then told by its name, of which there are these.
    """
    if error.error_count() > _FLOOD:
        return [Fault(_join(() if index is None else (index,)), f"more than {_FLOOD} faults")]
    details = error.errors(include_url=False, include_context=False, include_input=False)
    if details[0]["type"] == "json_invalid":
        raise BadRequest(details[0]["msg"])
    # One fault a place: a document that is neither object nor array is told once by each branch of its union.
    found: dict[Fault, None] = {}
    for detail in details:
        found[Fault(_join(_place(detail, index)), _message(detail, names))] = None
        if len(found) > FAULTS_MAX:
            break
    return list(found)


def refuse(faults: Sequence[Fault]) -> Unprocessable:
    """Say what is wrong: the first few in a sentence, and whether that is all."""
    summary = "; ".join(f"{fault.pointer or '/'}: {fault.detail}" for fault in faults[:_SHOWN_MAX])
    count = f"{len(faults) - _SHOWN_MAX} more" if len(faults) <= FAULTS_MAX else "more"
    return Unprocessable(summary + (f" … and {count}" if len(faults) > _SHOWN_MAX else ""), faults[:FAULTS_MAX])


def _place(detail: ErrorDetails, index: int | None) -> Iterator[int | str]:
    """Walk to a bad place, past the names of unions' branches that pydantic puts in."""
    parts: Sequence[int | str] = detail["loc"]
    if index is not None:
        parts = (index, *parts[1:])
    yield from (part for part in parts[:-1] if part != "[key]")
    yield from (part for part in parts[-1:] if not _is_branch(part))


def _join(place: Iterator[int | str] | Sequence[int | str]) -> str:
    """Write a place as RFC 6901 wants it."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in place)


def _is_branch(part: int | str) -> bool:
    return isinstance(part, str) and part.startswith(_DOCUMENT_BRANCHES)


def _message(detail: ErrorDetails, names: Sequence[str]) -> str:
    if detail["loc"] and _is_branch(detail["loc"][-1]):
        return "is an object or an array"
    if detail["type"] == "union_tag_invalid":
        return f"no such action; there are {', '.join(names)}"
    if detail["type"] == "union_tag_not_found":
        return f'"action" is missing: one of {", ".join(names)}'
    return _WORDS.get(detail["type"]) or detail["msg"].removeprefix("Value error, ")
