"""What people type: times, pairs, settings."""

from datetime import UTC, datetime

import pytest
import typer

from gateway.cli.arguments import parse_identifier, parse_setting, parse_since

MINUTE, HOUR, DAY = 60_000_000, 3_600_000_000, 86_400_000_000


@pytest.mark.parametrize(("text", "length"), [("15m", 15 * MINUTE), ("2h", 2 * HOUR), (" 7d ", 7 * DAY), ("0s", 0)])
def test_how_long_ago_is_counted_from_now(text, length):
    before = parse_since("0s")
    since = parse_since(text)
    assert before - length <= since <= parse_since("0s") - length


@pytest.mark.parametrize("text", ["2026-01-31T12:00:00Z", "2026-01-31T13:00:00+01:00", "2026-01-31T12:00:00"])
def test_an_iso_time_without_a_zone_is_utc(text):
    assert parse_since(text) == int(datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp()) * 1_000_000


def test_a_date_alone_is_its_first_moment():
    assert parse_since("2026-01-31") == parse_since("2026-01-31T00:00:00Z")


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "15", "m", "-5m", "15 minutes", "9999999d", "0001-01-01T00:00+14:00", "9999-12-31T23:59-14:00"],
)
def test_what_is_no_time_is_wrong_usage(text):
    with pytest.raises(typer.BadParameter):
        parse_since(text)


def test_more_time_than_there_was_is_wrong_usage():
    with pytest.raises(typer.BadParameter):
        parse_since("999999w")


def test_an_identifier_is_cut_at_its_first_colon():
    assert parse_identifier("channels.phone.address:+44:5") == ("channels.phone.address", "+44:5")


@pytest.mark.parametrize("text", ["ann@example.com", ":x", "email:", ""])
def test_half_an_identifier_is_wrong_usage(text):
    with pytest.raises(typer.BadParameter, match="KEY:VALUE"):
        parse_identifier(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("a=true", True), ("a=5", 5), ('a=["x"]', ["x"]), ("a=plain", "plain"), ("a=b=c", "b=c"), ("a=", "")],
)
def test_the_value_of_a_setting_is_json_where_it_reads_as_such(text, value):
    assert parse_setting(text) == ("a", value)
