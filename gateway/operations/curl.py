"""Curl: a request as a command for a POSIX shell.

Takes a request's head and body, or a source whose plugin says how its sender signs; gives the command. Never shows a
secret: what is made with it is a signature of the one body in the command.
"""

import base64
import secrets as random
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from gateway.errors import Conflict
from gateway.operations.operator import Operator
from gateway.operations.secrets import unseal_secret
from gateway.operations.trial_requests import write_head
from gateway.plugins import SIGNING_SECRET, load_plugin, personalise, sign
from gateway.store.sources import load_source

# Of the connection, not of the message: curl writes its own.
_HOP_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "connection", "content-encoding", "expect"})

# Linux takes no argument over 128 KiB.
_ARGUMENT_BYTES_MAX = 100_000

KEY_PLACE = "YOUR-API-KEY"


@dataclass(frozen=True, slots=True)
class Example:
    """A signed example of what a source's sender posts; its delivery, order and person are its own."""

    command: str
    is_timed: bool  # the signature names the moment: the script takes it for some minutes
    needs_key: bool  # KEY_PLACE stands where an API key of the source has to


async def write_example(op: Operator, source: str) -> Example:
    """Write the usual example of a source's plugin, signed now with the source's own secret.

    Raises NotFound where the secret is not set, Conflict for a source that was made without a plugin.
    """
    name = (await op.read(lambda conn: load_source(conn, source)))["plugin"]
    if name is None:
        raise Conflict(f'source "{source}" was made without a plugin: nothing says how its sender signs')
    plugin = load_plugin(name)
    signing = plugin.manifest.signing
    needs_key = signing.kind == "api_key"
    secret = KEY_PLACE if needs_key else await unseal_secret(op, source, SIGNING_SECRET)
    fixture = personalise(plugin, plugin.find_fixture(), random.token_hex(4))
    headers = sign(plugin, fixture, secret, datetime.now(UTC))
    head = orjson.loads(write_head(op, source, fixture, headers.items()))
    is_timed = "{timestamp}" in signing.template + signing.header_template
    return Example(write_command(head, fixture.body), is_timed, needs_key)


def write_command(head: dict[str, Any], body: bytes) -> str:
    """Write a request as one command. Any byte is quoted: the command does what it shows."""
    # Without -g curl would read brackets and braces of the address as patterns.
    parts = [f"curl -g -X {shlex.quote(head['method'])} {shlex.quote(head['url'])}"]
    for name, value in head["headers"]:
        if name.lower() not in _HOP_HEADERS:
            # With a value curl takes `name: value`, without one only `name;`.
            parts.append(f"-H {shlex.quote(f'{name}: {value}' if value else f'{name};')}")
    text = _plain_text(body)
    if text is not None:
        return " \\\n  ".join([*parts, f"--data-binary {shlex.quote(text)}"] if body else parts)
    command = " \\\n  ".join([*parts, "--data-binary @-"])
    return f"base64 -d <<'BODY' | {command}\n{base64.encodebytes(body).decode()}BODY"


def _plain_text(body: bytes) -> str | None:
    """Give a body as text where a shell and a terminal leave it as it is, and curl does not take it for a file."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    is_safe = all(character.isprintable() or character == "\n" for character in text)
    return text if is_safe and not text.startswith("@") and len(body) <= _ARGUMENT_BYTES_MAX else None
