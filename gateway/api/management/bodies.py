"""Bodies: what goes in. Unknown fields are refused, and nothing is taken for what it is not: "5" is no number."""

from typing import Annotated, Any, Literal

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

# Bytes are the sandbox's to count; these keep a body from being a book.
SCRIPT_CHARACTERS_MAX = 256 * 1024
PAYLOAD_CHARACTERS_MAX = 10 * 1024 * 1024


def _fits(value: Any) -> Any:
    """Let pass what can be kept: JSON whose whole numbers have 64 bits."""
    try:
        orjson.dumps(value)
    except TypeError:
        raise ValueError("holds a whole number of more than 64 bits") from None
    return value


Free = Annotated[Any, AfterValidator(_fits)]
Text = Annotated[str, Field(max_length=SCRIPT_CHARACTERS_MAX, description="The script, as Python.")]
Note = Annotated[str, Field(max_length=2000)]
Reference = Annotated[
    str,
    Field(
        max_length=300,
        description="Which request: event:ID, fixture:NAME, plugin:NAME, sample:ID or rejected:ID.",
        examples=["plugin:orders_create"],
    ),
]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class NewSource(Body):
    name: Annotated[str, Field(max_length=64, description="1 to 64 of a-z, 0-9 and -; never changed, never reused.")]
    plugin: Annotated[str | None, Field(description="A ready-made script; it is live at once.")] = None
    secrets: dict[str, str] = {}
    settings: dict[str, Free] = {}


class Script(Body):
    text: Text


class NewVersion(Script):
    note: Note = ""
    is_published: Annotated[bool, Field(description="Make it live at once.")] = False


class SaveDraft(Script):
    seen_revision: Annotated[
        int, Field(ge=0, description="The revision that one has seen; 0: there was no draft. Another one is 409.")
    ]


class PublishDraft(Body):
    seen_revision: Annotated[int, Field(ge=1)]
    note: Note = ""


class PastedRequest(Body):
    """A request as a person writes it down; is_signed has the source's plugin sign it as its sender does."""

    body: Annotated[str, Field(max_length=PAYLOAD_CHARACTERS_MAX)] = ""
    method: Annotated[str, Field(pattern="^[A-Za-z]{1,16}$")] = "POST"
    path: Annotated[str, Field(max_length=4096, pattern="^(/.*)?$", description="What follows /in/SOURCE.")] = ""
    query: Annotated[str, Field(max_length=16_384)] = ""
    headers: dict[str, str] = {}
    is_signed: bool = False


class Trial(Body):
    """A text, or a version (its number, its id, live, draft; the default is live), and one request."""

    text: Annotated[str | None, Field(max_length=SCRIPT_CHARACTERS_MAX)] = None
    version: str | None = None
    reference: Reference | None = None
    request: PastedRequest | None = None
    is_vouched: Annotated[bool, Field(description="Start at transform: it is known to be genuine.")] = False


class NewComparison(Script):
    count: Annotated[int, Field(ge=1, le=500, description="How many of the newest requests.")] = 100


class SecretValue(Body):
    value: Annotated[str, Field(description="Sealed, and never shown again.", json_schema_extra={"writeOnly": True})]


class ChangeSettings(Body):
    """What is left out stays as it is. Without a plugin, `settings` is the whole of them."""

    title: str | None = None
    settings: dict[str, Free] | None = None
    unique_by: Annotated[str | None, Field(examples=["header:x-webhook-id"])] = None
    occurred_at: Annotated[str | None, Field(examples=["json:updated_at"])] = None
    occurred_at_zone: Annotated[str | None, Field(examples=["Europe/Vienna"])] = None


class ChangeLimits(Body):
    """Limits of the source's own by name; null takes one back."""

    limits: dict[str, int | float | None]


class SetRedaction(Body):
    """All rules there are then: names of headers, paths into bodies (`customer.email`, `lines[0].sku`, `**.phone`)."""

    headers: list[str] = []
    paths: list[str] = []


class SetRetention(Body):
    days: Annotated[int | None, Field(description="null: as the setting RETENTION_DAYS says.")]


class NewCapture(Body):
    hours: float = 1
    requests: int = 100


class NewFixture(Body):
    name: str
    reference: Reference | None = None
    request: PastedRequest | None = None
    expected: Annotated[Free, Field(description="The actions that it should come to.")] = None


class FixtureName(Body):
    name: str


class Reason(Body):
    reason: Annotated[str, Field(max_length=500, description="Somebody will want to know.")]


class Bookmark(Body):
    is_on: bool


class NewBulk(Body):
    kind: Literal["replay", "discard", "process_samples"]
    filter: Annotated[dict[str, str], Field(description="As the parameters of GET /api/events.")] = {}
    reason: Annotated[str, Field(max_length=500)] = ""


class IssueState(Body):
    state: Literal["open", "acknowledged", "resolved"]
    note: Annotated[str | None, Field(max_length=2000, description="null: the note that is there.")] = None


class CreateKey(Body):
    name: Annotated[str, Field(max_length=200, description="Who uses it, and where.")]
    role: Literal["sender", "viewer", "integrator", "admin"]
    sources: Annotated[list[str], Field(description="These sources only; none: every one.")] = []


class Hold(Body):
    reason: Annotated[str, Field(max_length=500)] = ""
