"""Times that people type without a zone: they count in the one that stands beside the field."""

import pytest

from gateway.clock import iso
from gateway.errors import OperatorError
from gateway.operations.searching import read_filter, write_filter


@pytest.mark.parametrize(
    ("text", "zone", "at"),
    [
        ("2026-01-31T12:00", "Europe/Vienna", "2026-01-31T11:00:00.000000Z"),
        ("2026-07-31 12:00", "Europe/Vienna", "2026-07-31T10:00:00.000000Z"),
        ("2026-01-31", "America/New_York", "2026-01-31T05:00:00.000000Z"),
        ("2026-01-31T12:00:00Z", "Europe/Vienna", "2026-01-31T12:00:00.000000Z"),
        ("2026-01-31T12:00:00+05:30", "Europe/Vienna", "2026-01-31T06:30:00.000000Z"),
        ("2026-01-31T12:00", "", "2026-01-31T12:00:00.000000Z"),
    ],
)
def test_a_time_without_a_zone_counts_in_the_one_that_is_named(text: str, zone: str, at: str) -> None:
    chosen = read_filter({"since": text, "until": text, "zone": zone})
    assert (iso(chosen.since or 0), iso(chosen.until or 0)) == (at, at)
    assert "zone" not in write_filter(chosen), "what is kept is absolute"


@pytest.mark.parametrize("zone", ["Mars/Olympus", "Europe", "../../etc/passwd", "/etc/localtime", "x" * 5000])
def test_what_is_no_zone_is_refused_also_a_continent(zone: str) -> None:
    with pytest.raises(OperatorError, match="is no time zone"):
        read_filter({"since": "2026-01-31T12:00", "zone": zone})
