"""Senders: what posts to a machine as the world does: signed, again where no answer came, twice, and forged.

Notes for each delivery what its sender heard; `chaos_truth` holds that against the database.
"""

import asyncio
import hashlib
import hmac
import random
from dataclasses import dataclass, field

import httpx
import orjson
from chaos_machine import SECRET, SOURCE

PEOPLE = 25
ANSWER_SECONDS = 15.0
TRIES_MAX = 40


@dataclass
class Delivery:
    """One thing that a sender tells, and what it heard: (status, id of the event) of each post, 0 for no answer."""

    key: str
    body: bytes
    signature: str
    heard: list[tuple[int, str]] = field(default_factory=list)

    @property
    def accepted_ids(self) -> list[str]:
        return [event_id for status, event_id in self.heard if status == 202]


@dataclass
class Senders:
    """So many senders that post until told to stop; every choice comes from the seed."""

    url: str
    chance: random.Random
    pause_seconds: float = 0.02
    deliveries: list[Delivery] = field(default_factory=list)
    forged: list[Delivery] = field(default_factory=list)
    is_over: bool = False

    async def run(self, senders: int) -> None:
        async with httpx.AsyncClient(timeout=ANSWER_SECONDS) as http:
            await asyncio.gather(*(self._send(http) for _ in range(senders)))

    async def _send(self, http: httpx.AsyncClient) -> None:
        while not self.is_over:
            await asyncio.sleep(self.pause_seconds)
            if self.chance.random() < 0.03:
                self.forged.append(forged := self.make(len(self.forged), is_genuine=False))
                await post(http, self.url, forged)
                continue
            self.deliveries.append(delivery := self.make(len(self.deliveries)))
            await self._deliver(http, delivery, is_patient=self.chance.random() < 0.9)

    async def _deliver(self, http: httpx.AsyncClient, delivery: Delivery, *, is_patient: bool) -> None:
        """Post until it is accepted, as senders do; some give up, and some tell twice what was accepted."""
        for _ in range(TRIES_MAX if is_patient else 1):
            if await post(http, self.url, delivery) == 202:
                break
            await asyncio.sleep(self.chance.uniform(0.1, 0.5))
        while self.chance.random() < 0.1:
            await post(http, self.url, delivery)

    def make(self, number: int, *, is_genuine: bool = True) -> Delivery:
        person = self.chance.randrange(PEOPLE)
        told = {
            "number": number,
            "email": email(person) if is_genuine else f"forged{number}@example.com",
            "order": str(self.chance.randrange(PEOPLE * 4)),
            "mood": self.chance.choice(["open", "paid", "sent"]),
            "at": f"2026-01-01T{self.chance.randrange(24):02}:00:00Z",
        }
        body = orjson.dumps(told)
        secret = SECRET if is_genuine else "guessed"
        return Delivery(f"{'d' if is_genuine else 'f'}-{number}", body, sign(body, secret))


def email(person: int) -> str:
    return f"person{person}@example.com"


def sign(body: bytes, secret: str) -> str:
    return hmac.digest(secret.encode(), body, hashlib.sha256).hex()


def headers(delivery: Delivery) -> dict[str, str]:
    return {
        "content-type": "application/json",
        "x-github-delivery": delivery.key,
        "x-signature": delivery.signature,
    }


async def post(http: httpx.AsyncClient, url: str, delivery: Delivery) -> int:
    """Post once and note what was heard; gives the status, 0 where no answer came."""
    try:
        answer = await http.post(f"{url}/in/{SOURCE}", content=delivery.body, headers=headers(delivery))
    except httpx.HTTPError:
        delivery.heard.append((0, ""))
        return 0
    delivery.heard.append((answer.status_code, answer.headers.get("x-request-id", "")))
    return answer.status_code
