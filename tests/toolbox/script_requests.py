"""Requests as the gateway hands them to a script, and tokens as senders make them."""

import base64
import hmac
import json
from datetime import UTC, datetime
from typing import Any

from gateway.toolbox import Request

NOON = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)


def build_request(
    body: bytes | str = b"",
    headers: dict[str, str] | list[tuple[str, str]] | None = None,
    *,
    method: str = "POST",
    url: str = "https://hooks.example.com/in/shop",
    received_at: datetime = NOON,
) -> Request:
    pairs = list(headers.items()) if isinstance(headers, dict) else list(headers or [])
    content_type = next((value for name, value in pairs if name.lower() == "content-type"), "")
    head: dict[str, Any] = {
        "method": method,
        "path": "",
        "query": url.partition("?")[2],
        "url": url,
        "headers": [[name.lower(), value] for name, value in pairs],
        "client_ip": "203.0.113.7",
        "received_at": int(received_at.timestamp() * 1_000_000),
        "content_type": content_type,
    }
    return Request(head, body.encode() if isinstance(body, str) else body)


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def make_jwt(claims: dict[str, Any], secret: str, algorithm: str = "HS256", **head: Any) -> str:
    message = f"{part({'alg': algorithm, **head})}.{part(claims)}"
    raw = hmac.new(secret.encode(), message.encode(), f"sha{algorithm[2:]}").digest()
    return f"{message}.{base64.urlsafe_b64encode(raw).rstrip(b'=').decode()}"
