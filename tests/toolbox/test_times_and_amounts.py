"""Times in every usual form and money to the last digit; nothing is guessed."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from gateway.toolbox import format_time, money, parse_time

MOMENT = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "2024-05-01T12:00:00Z", "2024-05-01T14:00:00+02:00", "2024-05-01 12:00:00 UTC", "2024-05-01 12:00:00 +0000",
        "20240501T120000Z", "2024-05-01T12:00:00.000000000Z", " 2024-05-01T12:00Z ", "Wed, 01 May 2024 12:00:00 GMT",
        "Wed, 01 May 2024 07:00:00 -0500", "Wed, 01 May 2024 08:00:00 EDT", 1714564800, 1714564800.0, "1714564800",
        "1714564800.000000", 1714564800000, "1714564800000", 1714564800000000, "1714564800000000",
        1714564800000000000, Decimal(1714564800), MOMENT,
    ],
)  # fmt: skip
def test_a_time_is_read_in_every_usual_form(value: Any) -> None:
    assert parse_time(value) == MOMENT
    assert parse_time(value).tzinfo is UTC


@pytest.mark.parametrize(
    ("value", "zone", "format"),
    [
        ("2024-05-01T14:00:00", "Europe/Vienna", None),
        ("2024-05-01 08:00", "-04:00", None),
        ("20240501140000", "+0200", None),
        ("01.05.2024 2:00 PM", "Europe/Vienna", "%d.%m.%Y %I:%M %p"),
        ("2024-05-01T12:00:00Z", "Asia/Tokyo", None),
        (datetime(2024, 5, 1, 14, 0), "Europe/Vienna", None),  # noqa: DTZ001
    ],
)
def test_a_zone_counts_where_the_value_names_none(value: Any, zone: str, format: str | None) -> None:
    assert parse_time(value, zone=zone, format=format) == MOMENT


def test_fractions_of_a_second_are_kept_to_the_microsecond() -> None:
    assert parse_time("1531420618.000200").microsecond == 200
    assert parse_time(1531420618123).microsecond == 123_000


@pytest.mark.parametrize(
    ("value", "options", "reason"),
    [
        ("2024-05-01T12:00:00", {}, "names no time zone"),
        ("2024-05-01", {}, "names no time zone"),
        ("yesterday", {}, "not a time"),
        ("", {}, "not a time"),
        ("12345", {}, "not a time"),
        ("2024-05-01", {"zone": "Europe/Atlantis"}, "no time zone 'Europe/Atlantis'"),
        ("2024-05-01", {"zone": "../etc/passwd"}, "no time zone"),
        ("x", {"format": "%d", "zone": "UTC"}, "does not have the format"),
        ("x", {"format": "%d %d", "zone": "UTC"}, "does not have the format"),
        (float("nan"), {}, "not a time"),
        (10**30, {}, "no unix time"),
        (10**40, {}, "no unix time"),
        ("0001-01-01T00:00:00+14:00", {}, "outside the years"),
        ("9999-12-31T23:59:59", {"zone": "-14:00"}, "outside the years"),
        ("9" * 101, {}, "longer than 100"),
    ],
)
def test_what_is_no_time_is_a_value_error(value: Any, options: dict[str, str], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_time(value, **options)


def test_a_time_is_written_in_utc_or_as_asked() -> None:
    assert format_time(MOMENT) == "2024-05-01T12:00:00Z"
    assert format_time(MOMENT.replace(year=7, microsecond=120)) == "0007-05-01T12:00:00.000120Z"
    assert format_time(MOMENT.astimezone(timezone(timedelta(hours=-3)))) == "2024-05-01T12:00:00Z"
    assert format_time(MOMENT, zone="Asia/Tokyo") == "2024-05-01T21:00:00+09:00"
    assert format_time(MOMENT, zone="Asia/Tokyo", format="%d.%m. %H:%M") == "01.05. 21:00"


def test_a_time_that_a_zone_has_no_year_for_is_a_value_error() -> None:
    with pytest.raises(ValueError, match=r"outside the years 1 to 9999 in -05:00"):
        format_time(parse_time("0001-01-01T00:00:00Z"), zone="-05:00")


@pytest.mark.parametrize(
    ("value", "minor_units", "amount"),
    [
        ("19.99", None, "19.99"), (19.99, None, "19.99"), (0.1, None, "0.1"), (20, None, "20"),
        (" -5.00 ", None, "-5.00"),
        (1999, 2, "19.99"), ("1999", 2, "19.99"), (1999, 0, "1999"), (1, 3, "0.001"), (0, 2, "0.00"),
        (Decimal("1.10"), None, "1.10"), (1e-7, None, "0.0000001"),
    ],
)  # fmt: skip
def test_money_is_exact(value: Any, minor_units: int | None, amount: str) -> None:
    assert str(money(value, minor_units)) == str(Decimal(amount))


@pytest.mark.parametrize(
    "value",
    ["1,299.00", "1.299,00", "€5", "", "1e9", "NaN", "²", "9" * 41, float("inf"), 1e300, 10**40, Decimal("1E+999")],
)
def test_what_is_no_plain_amount_is_a_value_error(value: Any) -> None:
    with pytest.raises(ValueError, match=r"amount"):
        money(value)


def test_money_refuses_a_bool_and_a_broken_coin() -> None:
    with pytest.raises(TypeError, match="not bool"):
        money(True)
    with pytest.raises(ValueError, match="whole number"):
        money("19.99", minor_units=2)
