"""Zones: time zones by name, for times that are written without one."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.errors import OperatorError


def read_zone(name: str) -> ZoneInfo:
    """Raises OperatorError for what is no zone, such as a continent."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise OperatorError(f'"{name[:80]}" is no time zone; such as Europe/Vienna or UTC') from None
