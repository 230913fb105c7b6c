"""Redis freezes, dies and comes back: nothing that was answered is lost, nothing is there twice."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from own_valkey import OwnValkey, client, enqueuing, list_jobs, make_event, put, queued_ids, until_idle
from running import PATIENCE_SECONDS

from gateway.errors import QueueUnavailable

# What a frozen server costs a test, and what a busy machine may take to connect, write and wait for its disk.
WAIT_SECONDS = 2.0


async def test_a_frozen_redis_is_not_waited_for_and_what_was_sent_is_there_once(own_valkey: OwnValkey) -> None:
    async with client(own_valkey.url) as redis, enqueuing(own_valkey.url, wait_seconds=WAIT_SECONDS) as enqueuer:
        before = await put(enqueuer, make_event())
        own_valkey.freeze()
        unknown = make_event()
        async with asyncio.timeout(PATIENCE_SECONDS):
            with pytest.raises(QueueUnavailable, match="in time"):
                await put(enqueuer, unknown)
        own_valkey.thaw()
        after = await put(enqueuer, make_event())
        await until_idle(enqueuer, redis, jobs=3)
        written = await queued_ids(redis)
        assert sorted(written) == sorted([before, unknown.id, after])


async def test_after_kill_9_all_that_was_answered_is_there_and_the_unknown_flush_comes_once(
    own_valkey: OwnValkey,
) -> None:
    async with enqueuing(own_valkey.url, wait_seconds=WAIT_SECONDS) as enqueuer:
        answered = [await put(enqueuer, make_event()) for _ in range(5)]
        answered += await asyncio.gather(*(put(enqueuer, make_event()) for _ in range(50)))
        own_valkey.freeze()
        unknown = [make_event() for _ in range(3)]
        refused = await asyncio.gather(*(put(enqueuer, event) for event in unknown), return_exceptions=True)
        assert [type(error) for error in refused] == [QueueUnavailable] * 3
        own_valkey.kill()
        with pytest.raises(QueueUnavailable):
            await put(enqueuer, make_event())

        own_valkey.start()
        async with client(own_valkey.url) as redis:
            sent_before_the_end = await put(enqueuer, make_event())
            give_up_at = asyncio.get_running_loop().time() + PATIENCE_SECONDS
            while not {event.id for event in unknown} <= set(written := await queued_ids(redis)):
                assert asyncio.get_running_loop().time() < give_up_at, "the flush of unknown outcome never came"
                await asyncio.sleep(0.02)
            assert len(written) == len(set(written)), "twice in the queue"
            assert {*answered, sent_before_the_end} <= set(written)


async def test_a_redis_that_is_away_is_said_at_once_and_taken_up_when_it_is_back(own_valkey: OwnValkey) -> None:
    own_valkey.kill()
    async with enqueuing(own_valkey.url) as enqueuer:
        with pytest.raises(QueueUnavailable, match="not reachable"):
            await put(enqueuer, make_event())
        own_valkey.start()
        async with client(own_valkey.url) as redis:
            event_id = await put(enqueuer, make_event())
            assert list((await list_jobs(redis)).values()) == [[event_id]]


@dataclass
class LossyWire:
    """A wire to Redis that loses the answer of the first transaction: written, but nobody was told."""

    url: str
    said: bytearray = field(default_factory=bytearray)
    is_cut: bool = False


@asynccontextmanager
async def lossy_wire(valkey: OwnValkey) -> AsyncIterator[LossyWire]:
    path = Path(valkey.folder) / "wire.sock"
    wire = LossyWire(f"unix://{path}")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_unix_connection(valkey.folder / "v.sock")

        async def there() -> None:
            while data := await reader.read(65536):
                wire.said += data
                far_writer.write(data)

        async def back() -> None:
            while data := await far_reader.read(65536):
                if b"EXEC" in wire.said and not wire.is_cut:
                    wire.is_cut = True
                    break
                writer.write(data)

        ends = [asyncio.create_task(there()), asyncio.create_task(back())]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.cancel()
        await asyncio.gather(*ends, return_exceptions=True)
        for one in (writer, far_writer):
            one.close()
            await asyncio.gather(one.wait_closed(), return_exceptions=True)

    async with await asyncio.start_unix_server(serve, path):
        yield wire


async def test_a_flush_whose_answer_was_lost_is_sent_again_under_the_same_job_id(own_valkey: OwnValkey) -> None:
    async with client(own_valkey.url) as redis, lossy_wire(own_valkey) as wire:
        async with enqueuing(wire.url) as enqueuer:
            event_id = await put(enqueuer, make_event())
        assert wire.is_cut
        sent = re.findall(rb"arq:job:(job_\w+)", bytes(wire.said))
        assert len(sent) == 2
        assert len(set(sent)) == 1
        assert await list_jobs(redis) == {sent[0].decode(): [event_id]}
