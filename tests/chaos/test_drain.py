"""Drain: a program that is asked to stop finishes what it has begun, sends nobody away unheard, and goes by itself."""

import asyncio
import random
import signal
from pathlib import Path

import httpx
from chaos_machine import SOURCE, Machine, machine, until
from chaos_senders import Delivery, Senders, headers, post
from chaos_truth import check
from running import PATIENCE_SECONDS


class Halved:
    """A request whose body is half sent."""

    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery

    async def begin(self, running: Machine) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", running.settings.gateway_port)
        fields = {"host": "gateway", "content-length": str(len(self.delivery.body)), **headers(self.delivery)}
        lines = [f"POST /in/{SOURCE} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
        self._writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + self.delivery.body[:10])
        await self._writer.drain()

    async def finish(self) -> None:
        self._writer.write(self.delivery.body[10:])
        await self._writer.drain()

    async def answer(self) -> str:
        """Read until the gateway closes the connection; gives all that it said, and notes it."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            said = (await self._reader.read()).decode()
        self._writer.close()
        if said.startswith("HTTP/1.1 202"):
            self.delivery.heard.append((202, said.partition("x-request-id: ")[2][:30]))
        return said


async def test_a_gateway_that_stops_answers_what_is_at_work_and_sends_the_rest_away(tmp_path: Path) -> None:
    async with machine(tmp_path) as running, httpx.AsyncClient() as http:
        senders = Senders(running.url, random.Random(1))
        slow, endless = (Halved(senders.make(number)) for number in range(2))
        for request in (slow, endless):
            await request.begin(running)
        # Both are at work by now: the gateway reads what came first, first.
        assert await post(http, running.url, senders.make(2)) == 202
        await asyncio.sleep(0.2)
        running.signal("gateway", signal.SIGTERM)
        await until(lambda: is_sent_away(http, running), "the gateway takes nothing new")
        await slow.finish()
        answered = await slow.answer()
        assert answered.startswith("HTTP/1.1 202"), answered
        assert "connection: close" in answered
        assert await is_sent_away(http, running), "it is not ready any more, as long as it stops"
        sent_away = await endless.answer()
        assert sent_away.startswith("HTTP/1.1 503"), sent_away
        assert "retry-after" in sent_away
        assert "connection: close" in sent_away
        await until(lambda: "gateway ended with exit code 0" in running.said, "the gateway went by itself")
        await until(running.is_drained, "the queue is empty")
        check(running.op.store, [slow.delivery], [endless.delivery], tmp_path)


async def is_sent_away(http: httpx.AsyncClient, running: Machine) -> bool:
    """Tell whether somebody who comes now is refused, or hears that the gateway is not ready."""
    try:
        answer = await http.get(f"{running.url}/readyz", headers={"connection": "close"})
    except httpx.TransportError:
        return True
    return answer.status_code == 503


async def test_a_gateway_that_is_asked_twice_waits_for_nobody(tmp_path: Path) -> None:
    async with machine(tmp_path) as running, httpx.AsyncClient() as http:
        endless = Halved(Senders(running.url, random.Random(1)).make(0))
        await endless.begin(running)
        assert await post(http, running.url, Senders(running.url, random.Random(2)).make(1)) == 202
        running.signal("gateway", signal.SIGTERM)
        await until(lambda: is_sent_away(http, running), "the gateway takes nothing new")
        running.signal("gateway", signal.SIGTERM)
        assert await endless.answer() == ""
        await until(lambda: "gateway ended with exit code 1" in running.said, "the gateway went at once")
        assert "asked twice" in running.said


async def test_a_worker_that_stops_with_work_at_hand_loses_none_and_does_none_twice(tmp_path: Path) -> None:
    async with machine(tmp_path) as running, httpx.AsyncClient() as http:
        senders = Senders(running.url, random.Random(3))
        senders.deliveries = [senders.make(number) for number in range(30)]
        with running.locked_database():
            for delivery in senders.deliveries:
                assert await post(http, running.url, delivery) == 202
            running.signal("worker", signal.SIGTERM)
            # Longer than it waits for a batch: what it cannot finish it hands back.
            await asyncio.sleep(4)
        await until(lambda: "worker ended with exit code" in running.said, "the worker went by itself")
        await until(running.is_drained, "the queue is empty")
        check(running.op.store, senders.deliveries, [], tmp_path)


async def test_up_stops_under_load_kills_nobody_and_goes_on_where_it_was(tmp_path: Path) -> None:
    async with machine(tmp_path) as running:
        senders = Senders(running.url, random.Random(4))
        sending = asyncio.create_task(senders.run(4))
        await until(lambda: len(senders.deliveries) > 100, "there is load")
        assert await running.end() == 0
        assert "killed" not in running.said
        await running.start()
        await until(lambda: len(senders.deliveries) > 200, "there is load again")
        senders.is_over = True
        await sending
        await until(running.is_drained, "the queue is empty")
        check(running.op.store, senders.deliveries, senders.forged, tmp_path)
