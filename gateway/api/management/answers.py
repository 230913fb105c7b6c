"""Answers: what comes out, as the document describes it. The tests hold every answer they get against these.

Only described here: what is answered is what `gateway.operations` gives. More fields may come; these always do.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict


class Document(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)


class Source(Document):
    name: str
    title: str
    plugin: str | None
    state: str
    url: str
    live_version_id: str | None
    created_at: str
    changed_at: str


class SourceInFull(Source):
    settings: dict[str, Any]
    secrets: list[str]
    missing_secrets: list[str]
    events: dict[str, int]
    live_version: dict[str, Any] | None
    retention_days: int | None


class Sources(Document):
    sources: list[Source]
    next: str | None


class Resumed(Document):
    """How many events that were held are taken up."""

    taken_up: int


class Checked(Document):
    problems: list[dict[str, Any]]
    has_authenticate: bool
    docstring: str


class Draft(Document):
    source: str
    text: str
    revision: int
    is_draft: bool
    is_stale: bool


class SavedDraft(Document):
    source: str
    text: str
    revision: int
    author: str
    base_version_id: str | None
    changed_at: str
    is_stale: bool


class Pushed(Document):
    id: str
    source: str
    number: int
    is_live: bool


class Version(Document):
    id: str
    number: int
    source: str
    sha256: str
    note: str
    author: str
    is_live: bool
    created_at: str
    published_at: str | None


class VersionText(Version):
    text: str


class Versions(Document):
    versions: list[Version]
    next: str | None


class Difference(Document):
    before: str
    after: str
    unified: str
    rows: list[dict[str, Any]]
    added: int
    removed: int


class TrialTiming(Document):
    """Milliseconds: CPU by stage, and all that was waited for a new sandbox and its answer."""

    authenticate_cpu_ms: float
    transform_cpu_ms: float
    wall_ms: float


class TrialMemory(Document):
    """The peak above a sandbox at rest, loading the script included, and its limit, which grows with the body.

    Null where it is not known: the sandbox was ended, was refused more than its limit, or is not on Linux.
    """

    peak_bytes: int
    limit_bytes: int


class Tried(Document):
    """Verdict, answer, actions, faults, log, trace, times and memory; `problems` alone where it does not compile."""

    problems: list[dict[str, Any]]
    timing: TrialTiming | None = None
    memory: TrialMemory | None = None


class Compared(Document):
    """How many of each kind (same, changed, newly_failing, newly_passing), and each request, newest first."""

    total: int
    counts: dict[str, int]
    results: list[dict[str, Any]]


class Secret(Document):
    name: str
    changed_at: str
    age_days: int
    rotated_at: str | None
    previous_until: str | None


class Secrets(Document):
    secrets: list[Secret]


class Rotated(Document):
    """Until when the old value is taken too."""

    previous_until: str | None


class Settings(Document):
    title: str
    settings: dict[str, Any]
    fields: list[dict[str, Any]]
    unique_by: str | None
    occurred_at: str | None
    occurred_at_zone: str | None


class Limit(Document):
    limit: str
    value: int | float | None
    usual: int | float | None
    is_own: bool
    meaning: str


class Limits(Document):
    limits: list[Limit]


class Redaction(Document):
    headers: list[str]
    paths: list[str]


class Capture(Document):
    is_on: bool
    until: str | None
    requests: int
    captured: int


class Fixture(Document):
    reference: str
    name: str
    kind: str
    body_bytes: int


class Fixtures(Document):
    fixtures: list[Fixture]


class Kept(Document):
    """Newest first; `body` is base64."""

    requests: list[dict[str, Any]]


class Begun(Document):
    id: str
    status: str


class Events(Document):
    """Newest first. `is_complete` false: time ran out, and nothing newer than `reached_at` is missing.

    But for the `unread`: bodies of more values than can be looked through while a page waits.
    """

    events: list[dict[str, Any]]
    next: str | None
    scanned: int
    unread: int
    reached_at: str | None
    is_complete: bool


class RawRequest(Document):
    event_id: str
    root: str
    source: str
    head: dict[str, Any]
    body: str
    text: str | None
    is_masked: bool


class Bulk(Document):
    id: str
    kind: str
    filter: str
    state: str
    total: int | None
    done: int
    failed: int


class BulkJobs(Document):
    jobs: list[Bulk]
    next: str | None


class Counted(Document):
    count: int
    is_exact: bool


class Issue(Document):
    id: str
    source: str
    state: str
    count: int
    first_seen: str
    last_seen: str


class Issues(Document):
    issues: list[Issue]
    next: str | None


class Key(Document):
    id: str
    name: str
    role: str
    sources: list[str]


class NewKey(Key):
    """The key itself is here and never again."""

    key: str


class ListedKey(Key):
    """`last_used_at` is to the minute; null: no use was seen, or, where `is_use_known` is false, nobody knows."""

    created_at: str
    revoked_at: str | None
    last_used_at: str | None
    is_use_known: bool


class Keys(Document):
    keys: list[ListedKey]
    next: str | None


class Queue(Document):
    lanes: dict[str, Any]
    pending_events: int
    workers: list[Any]
    paused: dict[str, Any] | None
    warnings: list[str]


class Stats(Document):
    span: str
    source: str | None
    series: dict[str, list[Any]]
    summary: dict[str, Any]
    outcomes: dict[str, int]
    statuses: dict[str, int]
