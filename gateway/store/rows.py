"""Rows: as plain dicts. SQLAlchemy names columns by a text type of its own, which orjson refuses as a key."""

from collections.abc import Mapping
from typing import Any


def plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name): value for name, value in row.items()}
