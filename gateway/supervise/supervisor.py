"""Supervisor: keeps services running until it is told to stop.

Takes services, in the order in which they are needed; stops them in groups, what was started first last.
A service that dies while everything is still starting ends the start (a bad setting does not heal by
trying again); one that dies later is started again, with a growing pause, and the reason is said.
"""

import asyncio
import time
from collections.abc import Callable

from gateway.errors import OperatorError
from gateway.supervise.service import Service, describe_end, end

PAUSE_MIN_SECONDS = 0.1
PAUSE_MAX_SECONDS = 10.0
# Who ran that long has not died of the same thing at once: the pause starts small again.
STEADY_SECONDS = 30.0
GRACE_SECONDS = 10.0


class Supervisor:
    """Use as `async with`: leaving it stops everything."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._groups: list[list[Service]] = []
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._hurry = asyncio.Event()
        self._is_settled = False
        self._is_stopping = False
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def __aenter__(self) -> "Supervisor":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self, *group: Service) -> None:
        """Spawn services that are stopped together; groups are stopped in the opposite order."""
        self._groups.append(list(group))
        for service in group:
            self._processes[service.name] = await service.spawn()
            self._keepers.append(asyncio.create_task(self._keep(service), name=f"keep {service.name}"))

    def settle(self) -> None:
        """Say that the start is over: from now on who dies is started again."""
        self._is_settled = True

    async def watch_start(self) -> None:
        """Wait for ever; raises OperatorError when a service dies before everything has settled."""
        await asyncio.shield(self._failure)

    def hurry(self) -> None:
        """Let nobody have his grace any more: what still runs is killed."""
        self._hurry.set()

    def process_id(self, name: str) -> int:
        return self._processes[name].pid

    async def stop(self) -> None:
        self._is_stopping = True
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        self._failure.cancel()
        for group in reversed(self._groups):
            await asyncio.gather(*(self._end(service) for service in group))

    async def _end(self, service: Service) -> None:
        process = self._processes.get(service.name)
        if process is None or process.returncode is not None:
            return
        if not await end(process, grace_seconds=GRACE_SECONDS, hurry=self._hurry):
            self._say(f"{service.name} did not stop and was killed")

    async def _keep(self, service: Service) -> None:
        pause_seconds = PAUSE_MIN_SECONDS
        while True:
            started = time.monotonic()
            code = await self._processes[service.name].wait()
            if not self._is_settled:
                self._fail(service, code)
                return
            if time.monotonic() - started > STEADY_SECONDS:
                pause_seconds = PAUSE_MIN_SECONDS
            self._say(f"{service.name} {describe_end(code)}; it is started again in {pause_seconds:g} s")
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(pause_seconds * 2, PAUSE_MAX_SECONDS)
            self._processes[service.name] = await service.spawn()

    def _fail(self, service: Service, code: int) -> None:
        if not self._failure.done():
            words = f"{service.name} {describe_end(code)} while starting. {service.last_words()}"
            self._failure.set_exception(OperatorError(words.strip()))
