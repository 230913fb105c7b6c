"""Orders: what every server is sent. A Shopify order of 5 KB with 8 line items, each its own person and order.

Takes a number, gives a body, its signed headers, and whole HTTP requests for the clients. Nothing is
random: two runs send the same.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

SECRET = "bench-signing-secret"
SOURCE = "demo-shopify"
_TEMPLATE: dict[str, Any] = orjson.loads((Path(__file__).parent / "order.json").read_bytes())
_FIRST = 100_000_000
# In the place of a request where each sending of it gets a number of its own.
_MARK = b"{delivery}"


def order(number: int) -> bytes:
    """Write the order of this number: another person, another order, the same shape and size."""
    person, email = _FIRST + number, f"customer.{number:08}@example.com"
    return orjson.dumps(
        {
            **_TEMPLATE,
            "id": 10 * _FIRST + number,
            "email": email,
            "contact_email": email,
            "customer": {**_TEMPLATE["customer"], "id": person, "email": email},
        }
    )


def headers(body: bytes, delivery: str) -> dict[str, str]:
    """Sign a body as Shopify does."""
    signature = base64.b64encode(hmac.digest(SECRET.encode(), body, hashlib.sha256)).decode()
    return {
        "content-type": "application/json",
        "user-agent": "Shopify-Captain-Hook",
        "x-shopify-topic": "orders/create",
        "x-shopify-shop-domain": "bench.example.com",
        "x-shopify-api-version": "2026-01",
        "x-shopify-triggered-at": "2026-03-04T05:06:07.000000000Z",
        "x-shopify-webhook-id": delivery,
        "x-shopify-event-id": delivery,
        "x-shopify-hmac-sha256": signature,
    }


@dataclass(frozen=True, slots=True)
class Template:
    """A whole HTTP request in pieces: the number of its sending goes between them."""

    pieces: tuple[bytes, ...]

    def numbered(self, number: int) -> bytes:
        return (b"%d" % number).join(self.pieces)


def templates(path: str, count: int) -> list[Template]:
    """Give signed orders to post to a path."""
    bodies = (order(number) for number in range(count))
    return [_template(path, headers(body, _MARK.decode()), body) for body in bodies]


def contact_templates(path: str, api_key: str, count: int) -> list[Template]:
    """Give the contacts of the same orders, for the action API."""
    return [
        _template(path, {"content-type": "application/json", "x-api-key": api_key}, body) for body in _contacts(count)
    ]


def _contacts(count: int) -> Iterator[bytes]:
    for number in range(count):
        customer = orjson.loads(order(number))["customer"]
        yield orjson.dumps(
            {
                "identifiers": {"email": customer["email"], "shopify_id": str(customer["id"])},
                "attributes": {"first_name": customer["first_name"], "last_name": customer["last_name"]},
            }
        )


def _template(path: str, named: Mapping[str, str], body: bytes) -> Template:
    lines = [f"POST {path} HTTP/1.1", "host: 127.0.0.1", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in named.items()]
    head = "\r\n".join(lines).encode() + b"\r\n\r\n"
    return Template(tuple((head + body).split(_MARK)))
