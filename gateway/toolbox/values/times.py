"""Times: what senders write, as moments in UTC, and back.

Takes text, numbers and datetimes; gives aware datetimes in UTC. Never guesses a zone and never asks a
clock: where the sender names no zone, the script has to.
"""

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import orjson

from gateway.toolbox.exact import exact_text

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TEXT_CHARACTERS_MAX = 100
_UNIX_TEXT = re.compile(r"-?(\d{9,10}(\.\d{1,9})?|\d{13}|\d{16}|\d{19})")
_COMPACT_TEXT = re.compile(r"\d{14}")
_OFFSET_TEXT = re.compile(r"([+-])(\d\d):?(\d\d)")
# Seconds until the year 5138, then milliseconds until the same year, and so on: no real time is near a boundary.
_UNITS_PER_SECOND = ((10**11, 1), (10**14, 10**3), (10**17, 10**6), (10**20, 10**9))


def parse_time(
    value: str | int | float | Decimal | datetime, zone: str | None = None, format: str | None = None
) -> datetime:
    """Read a time, give it in UTC.

    Takes ISO 8601, RFC 2822 ("Fri, 21 Nov 1997 09:55:06 -0600"), unix seconds, milli-, micro- or nanoseconds
    (number or digits; told apart by size), a datetime, or any text with a strptime `format`. `zone` is an IANA name
    or an offset ("Europe/Vienna", "+02:00") and counts only where the value names none; ValueError where neither does.
    Example: `parse_time(order["date_created"], zone=context.settings["zone"])`.
    """
    try:
        return _in_utc(_read(value, format), zone, value)
    except (OverflowError, ArithmeticError):
        raise ValueError(f"{value!r} is outside the years 1 to 9999") from None


def format_time(value: datetime, zone: str | None = None, format: str | None = None) -> str:
    """Write a time: ISO 8601 in UTC with Z, or in another zone, or in a strftime format.

    ValueError for a datetime without a zone, or outside the years 1 to 9999 in that zone. Examples:
    `format_time(request.received_at)` gives "2024-05-01T12:00:00Z"; `format_time(t, zone="Asia/Tokyo",
    format="%d.%m.%Y")` gives "01.05.2024".
    """
    if type(value) is not datetime:
        raise TypeError(f"a time must be datetime, not {type(value).__name__}")
    if value.tzinfo is None:
        raise ValueError("a time without a zone: make it with parse_time(…, zone=…)")
    try:
        local = value.astimezone(UTC if zone is None else find_zone(zone))
    except OverflowError:
        raise ValueError(f"{str(value)!r} is outside the years 1 to 9999 in {zone or 'UTC'}") from None
    if format is not None:
        return local.strftime(exact_text(format, "format", _TEXT_CHARACTERS_MAX))
    # orjson writes the same text as isoformat and is three times as quick: every action holds a time.
    return orjson.dumps(local, option=orjson.OPT_UTC_Z)[1:-1].decode() if zone is None else local.isoformat()


def find_zone(name: str) -> tzinfo:
    """The zone of an IANA name or of an offset like "+02:00"; ValueError for an unknown one."""
    text = exact_text(name, "zone", 100)
    if text in ("Z", "UTC", "GMT"):
        return UTC
    if offset := _OFFSET_TEXT.fullmatch(text):
        sign, hours, minutes = offset.groups()
        span = timedelta(hours=int(hours), minutes=int(minutes))
        return timezone(span if sign == "+" else -span)
    if (found := all_zones().get(text)) is None:
        raise ValueError(f"there is no time zone {text!r}")
    return found


@cache
def all_zones() -> dict[str, ZoneInfo]:
    """Every zone of the tz database, read once: a locked-down process opens no file later."""
    return {name: ZoneInfo(name) for name in available_timezones()}


def _read(value: object, format: str | None) -> datetime:
    if type(value) is datetime:
        return value
    if type(value) is date:
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001 (the zone is settled by _in_utc)
    if type(value) is int or type(value) is float or type(value) is Decimal:
        return _read_unix(Decimal(repr(value)) if type(value) is float else Decimal(value))
    text = exact_text(value, "time", _TEXT_CHARACTERS_MAX).strip()
    return _read_text(text) if format is None else _read_format(text, format)


def _read_text(text: str) -> datetime:
    if ":" not in text and text.isascii():
        if _UNIX_TEXT.fullmatch(text):
            return _read_unix(Decimal(text))
        if _COMPACT_TEXT.fullmatch(text):
            text = f"{text[:8]}T{text[8:]}"
    iso = text.removesuffix(" UTC").removesuffix(" GMT")
    try:
        return datetime.fromisoformat(iso if iso == text else f"{iso}Z")
    except ValueError:
        return _read_mail_date(text)


def _read_mail_date(text: str) -> datetime:
    try:
        return parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        raise ValueError(f"{text!r} is not a time that is known here; give its format") from None


def _read_format(text: str, format: str) -> datetime:
    try:
        return datetime.strptime(text, exact_text(format, "format", _TEXT_CHARACTERS_MAX))  # noqa: DTZ007 (see _in_utc)
    except (ValueError, re.error, IndexError, KeyError) as error:
        raise ValueError(f"{text!r} does not have the format {format!r}: {error}") from None


def _read_unix(number: Decimal) -> datetime:
    if not number.is_finite():
        raise ValueError(f"{number} is not a time")
    for limit, units in _UNITS_PER_SECOND:
        if abs(number) < limit:
            return _EPOCH + timedelta(microseconds=int(number * 1_000_000 / units))
    raise ValueError(f"{number:.6g} is no unix time")


def _in_utc(moment: datetime, zone: str | None, value: object) -> datetime:
    if moment.tzinfo is None:
        if zone is None:
            raise ValueError(f"{str(value)!r} names no time zone: say which with zone=…")
        moment = moment.replace(tzinfo=find_zone(zone))
    return moment.astimezone(UTC)
