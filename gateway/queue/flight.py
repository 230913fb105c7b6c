"""Flight: one connection that carries flushes to Redis, one at a time, and knows what became of each.

Takes the commands of one transaction and sends them until it is known that they were done. A flush is
sent again under its own job ids, so that twice is once: the same payload, the same place in the queue.
"""

import asyncio
import contextlib
from typing import Any

from hiredis import pack_command
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.exceptions import BusyLoadingError, ReadOnlyError, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from gateway.errors import QueueUnavailable
from gateway.logs import log
from gateway.queue.connect import ANSWER_SECONDS, TIMEOUTS

RESEND_SECONDS = (0.05, 0.1, 0.2, 0.5, 1.0)

Command = tuple[Any, ...]


class Flight:
    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._connection: AbstractConnection | None = None

    async def send_until_known(self, commands: list[Command]) -> None:
        """Return when the transaction is done. Raises QueueUnavailable where it certainly was not."""
        was_sent, tries = False, 0
        while True:
            try:
                await self._connect()
            except (RedisError, OSError) as error:
                if not was_sent:
                    raise QueueUnavailable("the queue is not reachable; send it again") from error
            else:
                was_sent = True
                if await self._send(commands):
                    return
                await self._disconnect()
            log.warning("flush_unknown", tries=tries + 1)
            await asyncio.sleep(RESEND_SECONDS[min(tries, len(RESEND_SECONDS) - 1)])
            tries += 1

    async def _connect(self) -> None:
        if self._connection is None:
            self._connection = await self._pool.get_connection()
            # `_send` holds one clock over a whole flush: redis-py would wind up another for each answer.
            self._connection.socket_timeout = None

    async def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.socket_timeout = TIMEOUTS["socket_timeout"]
            with contextlib.suppress(RedisError, OSError):
                await self._connection.disconnect()
            await self._pool.release(self._connection)
            self._connection = None

    async def _send(self, commands: list[Command]) -> bool:
        """Write one transaction and read its answers; False where nobody knows whether it was done.

        Raises QueueUnavailable where Redis says that it was not.
        """
        assert self._connection is not None
        refusal: Exception | None = None
        try:
            # One clock for all: what does not fit into the buffer of a frozen server, and its answers.
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._connection.send_packed_command(map(pack_command, commands), check_health=False)
                for _ in commands:
                    try:
                        await self._connection.read_response()
                    except (ResponseError, BusyLoadingError, ReadOnlyError) as error:
                        refusal = refusal or error
        except (RedisConnectionError, RedisTimeoutError, OSError):
            return False
        if refusal is not None:
            # EXEC aborts as a whole where a command was refused: maxmemory, loading, a replica.
            raise QueueUnavailable("the queue is full; send it again") from refusal
        return True
