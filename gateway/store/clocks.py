"""Clocks, read back: what a clock in the ledger says. They are written by worker/apply/clocks."""

# From year 1, which is as early as a time can be, so that no stamp is negative.
YEAR_ONE = 62_135_596_800_000_000
DIGITS = 18  # year 9999


def instant(clock_text: str) -> int:
    """Read the time in a clock: microseconds since 1970."""
    return int(clock_text[:DIGITS]) - YEAR_ONE


def said_at(clock_of_dated: str) -> str:
    """Give the clock of who said it, of a thing that has a date of its own."""
    return clock_of_dated[DIGITS + 1 :]
