"""Children: who lives, who is born, who goes home.

Takes a script, gives its idlest child, born now if need be: by (source, revision), so many in all, so many a
source, and only while there is memory for it. Who has long had nothing to do goes home, least recently used
first. Draws no conclusion from a death: that is the pool's.
"""

import asyncio
import os
from collections.abc import Callable, Iterator

from gateway.errors import Problem, SandboxUnavailable, ScriptRefused
from gateway.sandbox.channel import Channel
from gateway.sandbox.death import Death
from gateway.sandbox.limits import MIB, POOLED_BODY_BYTES_MAX
from gateway.sandbox.memory import Memory
from gateway.sandbox.nursery import Nursery, OnDeath
from gateway.sandbox.script import Script

Key = tuple[str, str]

# That many requests waiting for one child are worth a second one, where there are cores to run it.
_CROWD = 32
_CHILDREN_PER_SOURCE = max(1, min(4, (os.cpu_count() or 1) - 1))
_REFUSALS_MAX = 1_000
# What a child at rest gives back when it goes.
_CHILD_BYTES = 4 * MIB


class Children:
    """The children of one pool that may be asked again."""

    def __init__(
        self,
        nursery: Nursery,
        memory: Memory,
        mourn: Callable[[Script, Death], None],
        *,
        children_max: int,
        idle_seconds: float,
    ) -> None:
        """`mourn` is told of every death with the script whose child it was."""
        self._nursery = nursery
        self._memory = memory
        self._mourn = mourn
        self._children_max = children_max
        self._idle_seconds = idle_seconds
        self._by_key: dict[Key, list[Channel]] = {}
        self._births: dict[Key, asyncio.Task[Channel]] = {}
        self._refusals: dict[Key, tuple[Problem, ...]] = {}

    def __iter__(self) -> Iterator[Channel]:
        """Give all, of whatever source."""
        for channels in list(self._by_key.values()):
            yield from list(channels)

    def __len__(self) -> int:
        return sum(map(len, self._by_key.values()))

    def revisions(self, source: str) -> set[str]:
        """Name the revisions of a source that have a child."""
        return {revision for name, revision in self._by_key if name == source}

    async def close(self) -> None:
        """Let nobody more be born."""
        births = list(self._births.values())
        for birth in births:
            birth.cancel()
        await asyncio.gather(*births, return_exceptions=True)

    # to be asked

    def find_idlest(self, script: Script) -> Channel | None:
        """Give the loaded child that has least to do; where all have much, another one is born beside them."""
        key = (script.source, script.revision)
        channels = [channel for channel in self._by_key.get(key, ()) if channel.is_open]
        if not channels:
            return None
        channel = channels[0] if len(channels) == 1 else min(channels, key=_crowd_of)
        if len(channel.flights) >= _CROWD and len(channels) < self._most_of(script) and key not in self._births:
            self._begin_birth(key, script)
        return channel

    def _most_of(self, script: Script) -> int:
        wanted = script.limits.children_count or _CHILDREN_PER_SOURCE
        return max(1, min(wanted, self._children_max // 2))

    async def find(self, script: Script) -> Channel:
        """Give a loaded child; many who ask at once wait for one birth. Raises ScriptRefused, SandboxUnavailable."""
        if (channel := self.find_idlest(script)) is not None:
            return channel
        key = (script.source, script.revision)
        if (problems := self._refusals.get(key)) is not None:
            raise ScriptRefused(problems)
        birth = self._births.get(key) or self._begin_birth(key, script)
        return await asyncio.shield(birth)

    # births

    def _begin_birth(self, key: Key, script: Script) -> asyncio.Task[Channel]:
        birth = asyncio.get_running_loop().create_task(self._bear(key, script))
        self._births[key] = birth
        birth.add_done_callback(lambda done: done.cancelled() or done.exception())  # waiters may all have left
        return birth

    async def _bear(self, key: Key, script: Script) -> Channel:
        try:
            self._make_room()
            channel = await self._nursery.bear_loaded(script, POOLED_BODY_BYTES_MAX, self._mourner(script))
            self._by_key.setdefault(key, []).append(channel)
            return channel
        except ScriptRefused as refused:
            if len(self._refusals) >= _REFUSALS_MAX:
                self._refusals.clear()
            self._refusals[key] = refused.problems
            raise
        finally:
            del self._births[key]

    async def bear_alone(self, script: Script, body_bytes: int) -> Channel:
        """Have a child for one request alone, to be closed by who asked; nobody else will find it."""
        self._make_memory()
        return await self._nursery.bear_loaded(script, body_bytes, self._mourner(script))

    def _mourner(self, script: Script) -> OnDeath:
        def mourn(channel: Channel, death: Death) -> None:
            self.drop(script, channel)
            self._mourn(script, death)

        return mourn

    def _make_room(self) -> None:
        if len(self) + len(self._births) > self._children_max and not self._send_oldest_home(1):
            raise SandboxUnavailable(f"all {self._children_max} sandboxes are at work", retry_after_seconds=1)
        self._make_memory()

    def _make_memory(self) -> None:
        """Send home who is idle where memory is short; refuse where nobody is, unless it is the only one."""
        missing = self._memory.missing_bytes()
        if missing and not self._send_oldest_home(missing // _CHILD_BYTES + 1) and len(self):
            raise SandboxUnavailable("there is no memory for another sandbox", retry_after_seconds=1)

    # going home

    def drop(self, script: Script, channel: Channel) -> None:
        """Forget a child: it is not asked again."""
        key = (script.source, script.revision)
        channels = self._by_key.get(key, [])
        if channel in channels:
            channels.remove(channel)
        if not channels:
            self._by_key.pop(key, None)

    def retire(self, source: str, keep_revision: str | None) -> None:
        """Send the children of other revisions home; each finishes what it has in flight."""
        for key in [key for key in self._by_key if key[0] == source and key[1] != keep_revision]:
            for channel in self._by_key.pop(key):
                channel.retire()
        for key in [key for key in self._refusals if key[0] == source and key[1] != keep_revision]:
            del self._refusals[key]

    def replace(self, is_worn: Callable[[Channel], bool]) -> None:
        """Ask nothing more of who is worn; another one is born for the next request."""
        for key, channels in list(self._by_key.items()):
            for channel in filter(is_worn, list(channels)):
                self._send_home(key, channel)

    def sweep(self) -> None:
        """Send home who has long had nothing to do, and more of the idle where memory is short."""
        oldest = asyncio.get_running_loop().time() - self._idle_seconds
        self._send_oldest_home(sum(not channel.flights and channel.used_at < oldest for channel in self))
        if missing := self._memory.missing_bytes():
            self._send_oldest_home(missing // _CHILD_BYTES + 1)

    def _send_oldest_home(self, count: int) -> int:
        """Send so many of the idle home, least recently used first; give how many there were."""
        idle = [(channel.used_at, key, channel) for key, channels in self._by_key.items() for channel in channels]
        idle = sorted((each for each in idle if not each[2].flights), key=_when)[:count]
        for _, key, channel in idle:
            self._send_home(key, channel)
        return len(idle)

    def _send_home(self, key: Key, channel: Channel) -> None:
        self._by_key[key].remove(channel)
        if not self._by_key[key]:
            del self._by_key[key]
        channel.retire()


def _crowd_of(channel: Channel) -> int:
    return len(channel.flights)


def _when(entry: tuple[float, Key, Channel]) -> float:
    return entry[0]
