"""The whole product as `up` starts it, for journeys and pictures: real processes, a data folder of its own."""

import base64
import copy
import hashlib
import hmac
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from running import free_port

from gateway.plugins import load_plugin

PROGRAM = (sys.executable, "-P", "-m", "gateway.cli")
PATIENCE_SECONDS = 120.0  # a guard against hanging: a machine with much else to do takes its time
_LINK = re.compile(r"http\S+/welcome/\S+")
ORDER = load_plugin("shopify").find_fixture("orders_create")


@dataclass
class Product:
    console_url: str
    gateway_url: str
    link: str  # how its first admin comes in
    environment: dict[str, str]

    def run(self, *line: str) -> str:
        """Run a command line against it; gives what it said."""
        done = subprocess.run([*PROGRAM, *line], env=self.environment, capture_output=True, text=True, check=True)
        return done.stdout

    def post_order(self, source: str, secret: str, email: str, total: str = "228.25", **changes: Any) -> str:
        """Post a Shopify order, signed as Shopify does; gives the event's id."""
        order = copy.deepcopy(json.loads(ORDER.body))
        customer = int(hashlib.sha256(email.encode()).hexdigest()[:10], 16)
        order |= {"id": uuid4().int % 10**12, "email": email, "contact_email": email, "total_price": total}
        order["customer"] |= {"id": customer, "email": email}
        body = json.dumps(order | changes).encode()
        digest = hmac.digest(secret.encode(), body, "sha256")
        headers = {
            **dict(ORDER.headers),
            "x-shopify-webhook-id": str(uuid4()),
            "x-shopify-hmac-sha256": base64.b64encode(digest).decode(),
        }
        answer = httpx.post(f"{self.gateway_url}/in/{source}", content=body, headers=headers, trust_env=False)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])


@contextmanager
def run_product(folder: Path, *options: str) -> Iterator[Product]:
    """Run `hookwright up` on a new data folder until the block ends."""
    ports = {"GATEWAY_PORT": free_port(), "CONSOLE_PORT": free_port()}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HOOKWRIGHT_")}
    ours = {"DATA_DIR": folder / "data", **ports}
    environment |= {f"HOOKWRIGHT_{name}": str(value) for name, value in ours.items()}
    log = folder / "up.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*PROGRAM, "up", *options], env=environment, stdout=file, stderr=file, stdin=subprocess.DEVNULL
        )
    try:
        link = _await_ready(process, log)
        urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        yield Product(urls["CONSOLE_PORT"], urls["GATEWAY_PORT"], link, environment)
    finally:
        process.terminate()
        assert process.wait(PATIENCE_SECONDS) == 0, log.read_text()


def _await_ready(process: subprocess.Popen[bytes], log: Path) -> str:
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while "Stop with" not in (said := log.read_text()):
        assert process.poll() is None, said
        assert time.monotonic() < give_up_at, said
        time.sleep(0.05)
    found = _LINK.search(said)
    assert found, said
    return found[0]
