"""The fields that several actions share, each normalised to one form.

Sources of the rules: the seed of the action API and DESIGN's section on the eight actions. Where the
seed spells a thing twice, both are accepted and one is stored.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

import phonenumbers
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

IDENTIFIER_SPELLINGS = {
    "customID": "customId",
    "custom_id": "customId",
    "channels.email.address": "email",
    "channels.phone.address": "phone",
}
# Where an action names no priority; every other key follows by name.
DEFAULT_PRIORITY = ("customId", "email", "phone")

SUBSCRIPTION_PREFIX, SUBSCRIPTION_SUFFIX = "channels.", ".subscribeStatus"

TEXT_MAX = 4096
NAME_MAX = 256
# Three of them are one key of an index: PostgreSQL takes 2,704 bytes.
NAME_BYTES_MAX = 3 * NAME_MAX
_TOO_LONG = f"longer than {NAME_MAX} characters, or {NAME_BYTES_MAX} bytes in UTF-8"


class Model(BaseModel):
    """The base of every model: unknown fields are refused, and errors never repeat the input."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, validate_by_name=False, frozen=True)


def canonical_identifier_key(key: str) -> str:
    return IDENTIFIER_SPELLINGS.get(key, key)


def is_name(text: str) -> bool:
    """Tell a text that can be the name of something, or a part of a key, from one that is empty or too long."""
    return 0 < len(text) <= NAME_MAX and (text.isascii() or len(text.encode()) <= NAME_BYTES_MAX)


def subscription_channel(attribute: str) -> str | None:
    """Name the channel if the attribute says whether somebody is subscribed: channels.<channel>.subscribeStatus."""
    if attribute.startswith(SUBSCRIPTION_PREFIX) and attribute.endswith(SUBSCRIPTION_SUFFIX):
        return attribute[len(SUBSCRIPTION_PREFIX) : -len(SUBSCRIPTION_SUFFIX)] or None
    return None


def microseconds(instant: datetime) -> int:
    """Count microseconds since 1970 (UTC): the unit of every stored time."""
    return (instant - _EPOCH) // _MICROSECOND


def _phone(text: str) -> str:
    """Write a phone in E.164 where it parses, else leave it: a number without a country cannot be completed."""
    try:
        return phonenumbers.format_number(phonenumbers.parse(text, None), phonenumbers.PhoneNumberFormat.E164)
    except phonenumbers.NumberParseException:
        return text


def normalise_identifier(key: str, value: Any) -> str | None:
    """Give the stored value of an identifier with a canonical key, None for one that says nothing.

    Raises ValueError for what is neither text nor an integer: true or 1.5 name nobody.
    """
    if value is None:
        return None
    if type(value) is int:
        value = str(value)
    if type(value) is not str:
        raise ValueError(f"{key}: an identifier is text or an integer, not {type(value).__name__}")
    text: str = value.strip()
    if text and not is_name(text):
        raise ValueError(f"{key}: {_TOO_LONG}")
    if key == "email":
        return text.lower() or None
    if key == "phone" and text.startswith("+"):
        return _phone(text)
    return text or None


def _identifiers(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ValueError('identifiers are an object, for example {"email": "a@example.com"}')
    found: dict[str, str] = {}
    for spelled, raw in value.items():
        key = canonical_identifier_key(spelled)
        if not is_name(key):
            raise ValueError(f"the key of an identifier is empty or {_TOO_LONG}")
        text = normalise_identifier(key, raw)
        if text is None:
            continue
        if found.setdefault(key, text) != text:
            raise ValueError(f"{key} is given twice, with two values")
    if not found:
        raise ValueError("no identifier has a value: null and blank ones are dropped")
    if len(found) > 20:
        raise ValueError("more than 20 identifiers")
    return found


def _priority(value: Any) -> Any:
    if isinstance(value, list):
        return [canonical_identifier_key(key) if isinstance(key, str) else key for key in value]
    return value


def _attributes(value: Any) -> dict[str, Any]:
    """Flatten objects to dotted names; arrays stay whole, null clears."""
    if value == []:  # an empty object, as PHP writes it
        return {}
    if not isinstance(value, dict):
        raise ValueError("attributes are an object")
    flat: dict[str, Any] = {}
    _flatten(value, "", 0, flat)
    for name, item in flat.items():
        # Said once more here: there may be a hundred thousand, and a call each would take most of the time.
        if not ((0 < len(name) <= NAME_MAX and name.isascii()) or is_name(name)) or name.isspace():
            raise ValueError(f"an attribute's name has 1 to {NAME_MAX} characters, in {NAME_BYTES_MAX} bytes of UTF-8")
        if name.startswith(SUBSCRIPTION_PREFIX) or name in DEFAULT_PRIORITY or name in IDENTIFIER_SPELLINGS:
            _check_special(name, item)
    return flat


def _flatten(value: dict[str, Any], prefix: str, depth: int, flat: dict[str, Any]) -> None:
    if depth > 20:
        raise ValueError("attributes are nested deeper than 20 objects")
    for key, item in value.items():
        if isinstance(item, dict):
            _flatten(item, f"{prefix}{key}.", depth + 1, flat)
        else:
            flat[prefix + key] = item


def _check_special(name: str, item: Any) -> None:
    """Check the attributes that say more than themselves: who is subscribed, and who it is."""
    if subscription_channel(name) is not None and item not in ("subscribed", "unsubscribed", None):
        raise ValueError(f'{name} is "subscribed" or "unsubscribed"')
    if (key := canonical_identifier_key(name)) in DEFAULT_PRIORITY:
        normalise_identifier(key, item)


def _empty(_: Any) -> dict[str, Any]:
    return {}


def _instant(value: Any) -> Any:
    """Refuse numbers: pydantic would read them as unix times, in seconds or milliseconds by their size."""
    if not isinstance(value, str | datetime):
        raise ValueError("is a text in ISO 8601 with a zone, for example 2026-01-31T09:00:00Z")
    return value


def _in_the_calendar(instant: datetime) -> datetime:
    """Refuse what is in the years 1 to 9999 by its own zone alone: no other zone could write it."""
    try:
        instant.astimezone(UTC)
    except OverflowError:
        raise ValueError("is outside the years 1 to 9999 in UTC") from None
    return instant


Identifiers = Annotated[dict[str, str], BeforeValidator(_identifiers)]
Priority = Annotated[list[str], Field(fail_fast=True), BeforeValidator(_priority)]
Attributes = Annotated[dict[str, Any], BeforeValidator(_attributes)]
# An object, or an array (the seed shows both); null and the empty array are an empty object, as PHP writes it.
Document = Annotated[
    dict[str, Any]
    | Annotated[list[Any], Field(min_length=1)]
    | Annotated[list[Any], Field(max_length=0), AfterValidator(_empty)]
    | Annotated[None, AfterValidator(_empty)],
    Field(union_mode="left_to_right"),
]
Instant = Annotated[AwareDatetime, BeforeValidator(_instant), AfterValidator(_in_the_calendar)]
# Numbers are written out: senders have ids of both kinds.
Text = Annotated[str, StringConstraints(max_length=TEXT_MAX), Field(coerce_numbers_to_str=True)]
# Of any length: the first that is no text is told, not half a million of them.
Texts = Annotated[list[Text], Field(fail_fast=True)]
Name = Annotated[
    str,
    StringConstraints(min_length=1, max_length=NAME_MAX, strip_whitespace=True),
    Field(coerce_numbers_to_str=True),
]


def _key(name: str) -> str:
    if not is_name(name):
        raise ValueError(_TOO_LONG)
    return name


# A name by which something is found: no longer in bytes than an index takes.
Key = Annotated[Name, AfterValidator(_key)]
Money = Annotated[Decimal, Field(max_digits=24, decimal_places=8)]
Quantity = Annotated[int, Field(ge=1, le=1_000_000_000)]

_INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)


def read_instant(value: Any) -> datetime:
    """Read a time as the actions do: ISO 8601 with a zone. Raises ValueError."""
    return _INSTANT.validate_python(value)
