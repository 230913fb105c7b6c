"""Health: which sources may run now.

Takes deaths and successes, gives a source's right to run. A death counts two and a success takes one off: a script
that dies of more than a third of its requests is paused, however they come; a death at rest counts eight. Deaths
before the yes of `authenticate` never count: strangers cannot shut a source. A forbidden system call shuts this
publication of the script for good: only a person who publishes opens the source again. Senders hear that a source
is away, people read in the log why.
"""

import time
from dataclasses import dataclass

from gateway import clock
from gateway.errors import SandboxUnavailable
from gateway.logs import log
from gateway.sandbox.script import Script

_DEATH = 2
_DEATH_AT_REST = 4 * _DEATH  # an honest child never dies of nothing: one is a pause
# One poisonous payload may come a few times over; a script that dies of everything should not burn a core for it.
DEATHS_TOLERATED = 3
_TOLERATED = DEATHS_TOLERATED * _DEATH
_BACKOFF_SECONDS_MAX = 60
# More would not pause it longer, and only take as many successes to be forgotten.
_COUNTED_MAX = _TOLERATED + 7 * _DEATH


@dataclass(frozen=True, slots=True)
class Quarantine:
    """A publication of a source's script that tried to leave its sandbox: when, and how."""

    source: str
    version_id: str
    published_at: int  # of a version that was live twice, one publication alone is shut
    at: int
    reason: str


@dataclass(slots=True)
class _Backoff:
    count: int = 0
    until: float = 0.0


class Health:
    """Backoff and quarantine by source."""

    def __init__(self) -> None:
        self.quarantines: dict[str, Quarantine] = {}
        self.caught: list[Quarantine] = []  # by this process, in order: others may have told of the rest
        self._backoffs: dict[str, _Backoff] = {}

    def require(self, script: Script) -> None:
        """Raise SandboxUnavailable while the source may not run this."""
        source = script.source
        quarantine = self.quarantines.get(source)
        if quarantine is not None and quarantine.published_at == script.published_at:
            # A stranger hears this: what the script did is for its own people.
            raise SandboxUnavailable(f"{source} is quarantined", retry_after_seconds=_BACKOFF_SECONDS_MAX)
        backoff = self._backoffs.get(source)
        if backoff is not None and (wait := backoff.until - time.monotonic()) > 0:
            raise SandboxUnavailable(f"{source} takes nothing just now", retry_after_seconds=max(1, round(wait)))

    def note_death(self, source: str, reason: str, *, is_at_rest: bool = False) -> None:
        """Count a death that the script caused; past a few, each doubles the pause."""
        backoff = self._backoffs.setdefault(source, _Backoff())
        backoff.count = min(backoff.count + (_DEATH_AT_REST if is_at_rest else _DEATH), _COUNTED_MAX)
        if backoff.count > _TOLERATED:
            doublings = (backoff.count - _TOLERATED - 1) // _DEATH
            pause = min(2**doublings, _BACKOFF_SECONDS_MAX)
            backoff.until = time.monotonic() + pause
            log.warning("source_backoff", source=source, seconds=pause, reason=reason)

    def note_success(self, source: str) -> None:
        if (backoff := self._backoffs.get(source)) is not None:
            backoff.count -= 1
            if not backoff.count:
                del self._backoffs[source]

    def quarantine(self, script: Script, reason: str) -> None:
        """Shut this publication of a script, of which a child was caught just now."""
        caught = Quarantine(script.source, script.version_id, script.published_at, clock.now(), reason)
        if self.hear(caught):
            self.caught.append(caught)
            log.error("source_quarantined", source=script.source, reason=reason)

    def hear(self, quarantine: Quarantine) -> bool:
        """Take up a quarantine unless as late a publication is shut already; say whether it was taken."""
        known = self.quarantines.get(quarantine.source)
        is_news = known is None or known.published_at < quarantine.published_at
        if is_news:
            self.quarantines[quarantine.source] = quarantine
        return is_news

    def forget_deaths(self, source: str) -> None:
        """End a backoff."""
        self._backoffs.pop(source, None)

    def paused_count(self) -> int:
        now = time.monotonic()
        return sum(backoff.until > now for backoff in self._backoffs.values())
