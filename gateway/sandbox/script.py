"""Script: all that one child is loaded with.

Takes what the registry knows of a source's live version, gives the document that goes to its child.
Never shows the secrets in a repr, a log line or a traceback.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

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


@dataclass(frozen=True)
class Script:
    """One immutable text with the secrets and settings that it runs with.

    `revision` changes when any of them does: (source, revision) is the identity of a child.
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
