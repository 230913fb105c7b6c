"""Every error that Hookwright raises on purpose. What is not in this tree is a bug: 500.

HookwrightError
├── SenderError                the sender hears it; nothing is kept
│   ├── BadRequest             400  not readable: encoding, JSON, a header
│   ├── NotGenuine             401  no key, a wrong key, a script that did not say yes
│   ├── Forbidden              403  a key whose role or source does not reach that far
│   ├── NotFound               404  no such source, event, contact, order
│   ├── MethodNotAllowed       405  an address that takes other methods
│   ├── Ambiguous              409  more than one thing goes by that name
│   ├── SourceDisabled         410  switched off by a person
│   ├── TooLarge               413  body, also after decoding
│   ├── Unprocessable          422  readable, but not what an action or a call asks for
│   ├── TooMany                429  past a limit by the minute: the sender tries again, with Retry-After
│   ├── HeadTooLarge           431  request line and headers
│   ├── AuthenticateBroke      500  the script's authenticate failed: the sender tries again
│   └── Unavailable            503  tried again later by the sender, with Retry-After
│       ├── QueueUnavailable        Redis is away, full, or did not answer in time
│       ├── SandboxUnavailable      the fork server is away, the source is on backoff or quarantined
│       ├── UploadRefused           too much is still coming in: of this address, or of all
│       └── TriedLater              the script said TryLater
├── ApplyError                 met by the worker
│   ├── Impossible             an action that can never be applied: the event is parked as failed
│   └── StoreBusy              503  lock, deadlock, full disk, lost connection: the whole batch again
└── OperatorError              a person at the CLI or the management API asked for what cannot be
    ├── BadSetting             a setting that is unknown, malformed or missing
    ├── ScriptRefused          a script that does not compile under the policy, with its problems
    └── Conflict               a name that is taken, a state that does not allow it

Each class says three things: what the sender hears (`status`), whether the payload is kept
(`is_kept`) and whether it is tried again (`is_retried`: by the sender for 5xx, by us for the rest).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Fault:
    """One bad place: a JSON pointer (RFC 6901) into the document, and what is wrong there."""

    pointer: str
    detail: str


@dataclass(frozen=True, slots=True)
class Problem:
    """One place in a script that is refused: line and column from 1, and why, in words."""

    line: int
    column: int
    message: str


class HookwrightError(Exception):
    """The root. `detail` is written for the person who reads it: what is wrong and the way out."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"
    is_kept: ClassVar[bool] = False
    is_retried: ClassVar[bool] = False

    def __init__(self, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra = extra


class SenderError(HookwrightError):
    pass


class BadRequest(SenderError):
    status = 400
    title = "Not readable"


class NotGenuine(SenderError):
    status = 401
    title = "Not genuine"

    def __init__(self, detail: str, *, refusal_status: int = 401) -> None:
        """A script's Reject may choose another status of the 400s."""
        super().__init__(detail)
        self.refusal_status = refusal_status


class Forbidden(SenderError):
    status = 403
    title = "Not allowed"


class NotFound(SenderError):
    status = 404
    title = "Not found"


class MethodNotAllowed(SenderError):
    status = 405
    title = "Method not allowed"

    def __init__(self, detail: str, allowed: str) -> None:
        super().__init__(detail)
        self.allowed = allowed


class Ambiguous(SenderError):
    status = 409
    title = "Ambiguous"


class SourceDisabled(SenderError):
    status = 410
    title = "Source disabled"


class TooLarge(SenderError):
    status = 413
    title = "Too large"


class Unprocessable(SenderError):
    status = 422
    title = "Not valid"

    def __init__(self, detail: str, faults: Sequence[Fault] = ()) -> None:
        super().__init__(detail, errors=[{"pointer": f.pointer, "detail": f.detail} for f in faults])
        self.faults = tuple(faults)


class TooMany(SenderError):
    """Carries the limit that was met: its name, how much it allows in how long, and when it has room again."""

    status = 429
    title = "Too many requests"
    is_retried = True

    def __init__(self, detail: str, *, limit: str, quota: int, window_seconds: int, retry_after_seconds: int) -> None:
        super().__init__(detail, **{"violated-policies": [limit]})
        self.limit, self.quota, self.window_seconds = limit, quota, window_seconds
        self.retry_after_seconds = retry_after_seconds


class HeadTooLarge(SenderError):
    status = 431
    title = "Head too large"


class AuthenticateBroke(SenderError):
    status = 500
    title = "The script's authenticate failed"
    is_retried = True


class Unavailable(SenderError):
    status = 503
    title = "Try again later"
    is_retried = True

    def __init__(self, detail: str, retry_after_seconds: int = 5, **extra: Any) -> None:
        super().__init__(detail, **extra)
        self.retry_after_seconds = retry_after_seconds


class QueueUnavailable(Unavailable):
    pass


class SandboxUnavailable(Unavailable):
    pass


class UploadRefused(Unavailable):
    pass


class TriedLater(Unavailable):
    pass


class ApplyError(HookwrightError):
    is_kept = True


class Impossible(ApplyError):
    """Carries which action (from 0) cannot be applied."""

    def __init__(self, detail: str, action_index: int) -> None:
        super().__init__(detail)
        self.action_index = action_index


class StoreBusy(ApplyError):
    status = 503
    title = "Try again later"
    is_retried = True


class OperatorError(HookwrightError):
    status = 400
    title = "Not possible"


class BadSetting(OperatorError):
    title = "Bad setting"


class ScriptRefused(OperatorError):
    status = 422
    title = "Script refused"

    def __init__(self, problems: Sequence[Problem]) -> None:
        lines = "; ".join(f"line {p.line}, column {p.column}: {p.message}" for p in problems)
        super().__init__(lines, problems=[{"line": p.line, "column": p.column, "message": p.message} for p in problems])
        self.problems = tuple(problems)


class Conflict(OperatorError):
    status = 409
    title = "Conflict"
