"""Filtering: a search of events as it stands in an address, and addresses that search a little differently.

Takes the query string of a page, gives the filter and links. A parameter may come several times (ticked boxes of a
form) or with commas: both mean any of them. Shared by events, issues and bulk work.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from gateway.operations.searching import EventFilter, read_filter

NAMES = (
    *("source", "status", "since", "until", "contact", "text", "path", "value", "id", "unique_key", "version", "lane"),
    *("bookmarked", "root", "issue", "bulk", "edited_from", "zone"),
)
CHARACTERS_MAX = 1000


@dataclass(frozen=True, slots=True)
class Asked:
    """What a page was asked for, as text: also what cannot be read, so that it is shown again."""

    values: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")

    def __bool__(self) -> bool:
        return bool(self.values)

    def read(self, reach: Collection[str] | None) -> EventFilter:
        """Give the filter, narrowed to the sources that somebody may see. Raises OperatorError."""
        return read_filter(self.values, reach=reach or ())

    @property
    def statuses(self) -> list[str]:
        return [status for status in self["status"].split(",") if status]

    def link(self, path: str = "/events", **changes: object) -> str:
        """Give an address with this search, some of it otherwise; what is empty is left out."""
        query = {name: value for name, value in {**self.values, **changes}.items() if value not in ("", None)}
        return f"{path}?{urlencode(query)}" if query else path

    def toggled(self, status: str) -> str:
        """Give the address that also looks for a status, or no longer does."""
        chosen = self.statuses
        changed = [one for one in chosen if one != status] if status in chosen else [*chosen, status]
        return self.link(status=",".join(changed))


def read_asked(query: QueryParams) -> Asked:
    values = {name: ",".join(filter(None, map(str.strip, query.getlist(name))))[:CHARACTERS_MAX] for name in NAMES}
    return Asked({name: value for name, value in values.items() if value})
