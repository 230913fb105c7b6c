"""Script: all that one child is loaded with.

Takes what the registry knows of a source's live version, gives the document that goes to its child.
Never shows the secrets in a repr, a log line or a traceback.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypedDict

import orjson

from gateway.sandbox.limits import Limits


class LoadDocument(TypedDict):
    """What a child is told about the one script that it will ever run."""

    source: str
    text: str
    secrets: dict[str, str]
    settings: dict[str, Any]
    unique_by: str | None
    occurred_at: str | None
    occurred_at_zone: str | None
    memory_bytes: int
    source_bytes: int
    result_bytes: int
    log_bytes: int
    actions_count: int


class Previous(NamedTuple):
    """The value that a secret had before it was rotated; it counts for what was received before `until`."""

    value: str
    until: int  # microseconds since 1970


@dataclass(frozen=True)
class Script:
    """One immutable text with the secrets and settings that it runs with.

    `revision` changes when any of them does: (source, revision) is the identity of a child. `published_at` changes
    when a person publishes, and only then.
    `unique_by` and `occurred_at` are places in the request: `header:x-webhook-id`, `json:event.id`,
    `query:id`, `form:CallSid`; several are separated by `|`, and the first that is there wins.
    """

    source: str
    version_id: str
    revision: str
    text: str = field(repr=False)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)
    unique_by: str | None = None
    occurred_at: str | None = None
    occurred_at_zone: str | None = None
    limits: Limits = field(default_factory=Limits)
    previous_secrets: Mapping[str, Previous] = field(default_factory=dict, repr=False)
    published_at: int = 0  # microseconds since 1970; 0 for a text that is not published

    def before_rotation(self, received_at: int) -> "Script | None":
        """Give the same script with the secrets that a sender may still sign with; None where none was rotated.

        It is loaded into a child of its own, so that the live one holds no more than it needs.
        """
        valid = {name: old.value for name, old in self.previous_secrets.items() if received_at < old.until}
        if not valid:
            return None
        return replace(
            self,
            revision=f"{self.revision}-before-{'-'.join(sorted(valid))}",
            secrets={**self.secrets, **valid},
            previous_secrets={},
        )

    def load_document(self) -> bytes:
        """Write the document that the child is loaded with."""
        limits = self.limits
        document: LoadDocument = {
            "source": self.source,
            "text": self.text,
            "secrets": dict(self.secrets),
            "settings": dict(self.settings),
            "unique_by": self.unique_by,
            "occurred_at": self.occurred_at,
            "occurred_at_zone": self.occurred_at_zone,
            "memory_bytes": limits.memory_bytes,
            "source_bytes": limits.source_bytes,
            "result_bytes": limits.result_bytes,
            "log_bytes": limits.log_bytes,
            "actions_count": limits.actions_count,
        }
        return orjson.dumps(document)
