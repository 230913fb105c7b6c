"""Access: who is calling, and may they? API keys by x-api-key, Bearer, or Basic with the key as user name.

Takes header pairs as they came in; gives the key in force. Never logs or stores a key: `mask_own_keys`
cuts ours from what is kept, and leaves a sender's own credentials alone, which its script checks.
"""

import base64
import binascii
import re
from collections.abc import Iterable

from gateway.errors import Forbidden, NotGenuine
from gateway.registry import Key, Registry

# Our keys are told from other people's by their beginning.
KEY_PREFIX = "hwk_"
MASK = "[hookwright api key]"
# The console's: a browser sends them to every port of a host, so also to a gateway beside the console.
_OWN_COOKIE = re.compile(r"((?:__Host-)?hookwright_\w+)=[^;]*")

# What each role may do; DESIGN says: viewer never posts, sender reads only the status of its own events.
MAY_POST = frozenset({"sender", "admin"})
MAY_READ = frozenset({"viewer", "integrator", "admin"})
MAY_READ_RAW = frozenset({"integrator", "admin"})  # a request with nothing masked
MAY_READ_STATUS = MAY_READ | {"sender"}

Headers = Iterable[tuple[bytes, bytes]]


def find_presented_key(headers: Headers) -> str | None:
    """Give the API key that a request presents, None where it presents none."""
    for name, value in headers:
        if name == b"x-api-key":
            return value.decode("latin-1").strip()
        if name == b"authorization":
            key = _credential(value)
            if key is not None:
                return key
    return None


def require_key(registry: Registry, headers: Headers, roles: frozenset[str], source: str | None = None) -> Key:
    """Give the caller's key. Raises NotGenuine (none, or not in force) or Forbidden (role or source)."""
    presented = find_presented_key(headers)
    key = require_role(presented, registry.find_key(presented) if presented else None, roles)
    if source is not None and not key.reaches(source):
        raise Forbidden(f'this key does not reach source "{source}"')
    return key


def require_role(presented: str | None, key: Key | None, roles: frozenset[str]) -> Key:
    """Give the key that a text was found to be. Raises NotGenuine (none, or not in force) or Forbidden (role)."""
    if presented is None:
        raise NotGenuine(
            "an API key is needed: x-api-key: <key>, Authorization: Bearer <key>, or Basic with it as user name"
        )
    if key is None:
        raise NotGenuine("this API key is unknown or revoked")
    if key.role not in roles:
        raise Forbidden(f"a key of role {key.role} may not do this; it takes {' or '.join(sorted(roles))}")
    return key


def mask_own_keys(name: str, value: str) -> str:
    """Give a header's value as it may be kept."""
    if name == "x-api-key":
        return MASK if value.strip().startswith(KEY_PREFIX) else value
    if name == "authorization":
        return MASK if (_credential(value.encode("latin-1")) or "").startswith(KEY_PREFIX) else value
    if name == "cookie":
        return _OWN_COOKIE.sub(r"\1=", value)
    return value


def _credential(authorization: bytes) -> str | None:
    scheme, _, rest = authorization.decode("latin-1").partition(" ")
    match scheme.lower():
        case "bearer":
            return rest.strip()
        case "basic":
            try:
                return base64.b64decode(rest, validate=True).decode("latin-1").partition(":")[0]
            except binascii.Error:
                return None
    return None
