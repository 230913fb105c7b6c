"""Table: what the gateway's own API takes, described: the actions, reading back, health. Its routes are made of it."""

from typing import Any, Literal

from pydantic import BaseModel

from gateway.access import MAY_POST, MAY_READ, MAY_READ_STATUS
from gateway.actions import ACTION_NAMES
from gateway.actions.parse import BY_NAME, MANY
from gateway.api.operation import Operation, Parameter
from gateway.errors import (
    Ambiguous,
    BadRequest,
    HookwrightError,
    NotFound,
    SourceDisabled,
    TooLarge,
    TooMany,
    Unavailable,
    Unprocessable,
)

POSTED = "post_action"  # one route, and an operation in the document for every action


class Accepted(BaseModel):
    """It is on disk in the queue."""

    id: str
    status: Literal["queued", "held"]


class AcceptedMany(BaseModel):
    events: list[Accepted]


class Health(BaseModel):
    status: str


_IDEMPOTENCY = Parameter(
    "Idempotency-Key",
    "The same key twice is one delivery, whatever the bodies say.",
    {"type": "string", "maxLength": 256},
    "header",
)
_Errors = tuple[type[HookwrightError], ...]
_POSTING: _Errors = (BadRequest, SourceDisabled, TooLarge, Unprocessable, TooMany, Unavailable)
_ORIGIN = Parameter("origin", "Which shop's, where two origins have an order of that id.")

OPERATIONS: tuple[Operation, ...] = (
    Operation("healthz", "GET", "/healthz", "health", "Say whether the process is alive", answer=Health),
    Operation("readyz", "GET", "/readyz", "health", "Say whether webhooks are taken; 503 where not", answer=Health),
    Operation(
        "post_batch",
        "POST",
        "/api/batch",
        "actions",
        "Post up to 10,000 actions",
        "Each is an event of its own: all are checked first, then all are accepted together.",
        roles=MAY_POST,
        parameters=(_IDEMPOTENCY,),
        answer=AcceptedMany,
        status=202,
        errors=_POSTING,
    ),
    Operation(
        "show_event",
        "GET",
        "/api/events/{event_id}",
        "reading",
        "Show what became of an event",
        "Known from the moment it was answered. A sender's key sees the status of what it posted, and of events of "
        "the sources that it is limited to.",
        roles=MAY_READ_STATUS,
        answer=dict[str, Any],
    ),
    Operation(
        "show_contact",
        "GET",
        "/api/contacts/{identifier:path}",
        "reading",
        "Show all that is known of a contact",
        "By `key:value`, such as `email:ann@example.com`: identifiers, attributes, lists, orders, cart, activities.",
        roles=MAY_READ,
        answer=dict[str, Any],
        errors=(BadRequest,),
    ),
    Operation(
        "show_order",
        "GET",
        "/api/orders/{order_id:path}",
        "reading",
        "Show an order",
        roles=MAY_READ,
        parameters=(_ORIGIN,),
        answer=dict[str, Any],
        errors=(Ambiguous,),
    ),
    Operation(
        POSTED,
        "POST",
        "/api/{action}",
        "actions",
        "Post an action",
        "Checked, then queued like any webhook.",
        roles=MAY_POST,
        parameters=(_IDEMPOTENCY,),
        answer=Accepted,
        status=202,
        errors=(NotFound, *_POSTING),
    ),
)
READING = tuple(one for one in OPERATIONS if one.tag == "reading")  # served on the console too

# What is posted, by operation: read by `actions`, not by the routes.
BODIES = {name: BY_NAME[name] for name in ACTION_NAMES} | {"post_batch": MANY}
