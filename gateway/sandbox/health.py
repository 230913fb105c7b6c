"""Health: which sources may run now.

Takes deaths and successes, gives a source's right to run. Deaths before the yes of `authenticate` never
count: strangers cannot shut a source. A forbidden system call shuts it until a person lifts that. Senders hear that
a source is away, people read in the log why.
"""

import time
from dataclasses import dataclass

from gateway.errors import SandboxUnavailable
from gateway.logs import log

# One poisonous payload may come a few times over; a script that dies of everything should not burn a core for it.
_DEATHS_TOLERATED = 3
_BACKOFF_SECONDS_MAX = 60


@dataclass(slots=True)
class _Backoff:
    deaths: int = 0
    until: float = 0.0


class Health:
    """Backoff and quarantine by source."""

    def __init__(self) -> None:
        self.quarantined: dict[str, str] = {}
        self._backoffs: dict[str, _Backoff] = {}

    def require(self, source: str) -> None:
        """Raise SandboxUnavailable while the source may not run: a stranger hears it, so it does not say why."""
        if source in self.quarantined:
            raise SandboxUnavailable(f"{source} is quarantined", retry_after_seconds=_BACKOFF_SECONDS_MAX)
        backoff = self._backoffs.get(source)
        if backoff is not None and (wait := backoff.until - time.monotonic()) > 0:
            raise SandboxUnavailable(f"{source} takes nothing just now", retry_after_seconds=max(1, round(wait)))

    def note_death(self, source: str, reason: str) -> None:
        """Count a death that the script caused; past a few, each doubles the pause."""
        backoff = self._backoffs.setdefault(source, _Backoff())
        backoff.deaths += 1
        if backoff.deaths > _DEATHS_TOLERATED:
            pause = min(2 ** (backoff.deaths - _DEATHS_TOLERATED - 1), _BACKOFF_SECONDS_MAX)
            backoff.until = time.monotonic() + pause
            log.warning("source_backoff", source=source, deaths=backoff.deaths, seconds=pause, reason=reason)

    def note_success(self, source: str) -> None:
        if self._backoffs:
            self._backoffs.pop(source, None)

    def quarantine(self, source: str, reason: str) -> None:
        self.quarantined[source] = reason
        log.error("source_quarantined", source=source, reason=reason)

    def lift(self, source: str) -> None:
        """Let a source run again."""
        self.quarantined.pop(source, None)
        self._backoffs.pop(source, None)

    def paused_count(self) -> int:
        now = time.monotonic()
        return sum(backoff.until > now for backoff in self._backoffs.values())
