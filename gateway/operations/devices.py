"""Devices: which browser has signed in to an account before. Nobody else can hold its sign-in shut by wrong tries.

Takes a person, gives a pass that their browser keeps; takes a pass, gives the device it is of. A pass opens nothing:
whoever shows it has to know the password all the same. It ends by itself after a year, and with everything that signs
a person out everywhere (a new password, too). Nothing is kept of it: it is sealed with a key derived from SECRET_KEY.
"""

import hmac
import secrets as random
from hashlib import sha256

from gateway import clock
from gateway.operations.operator import Operator
from gateway.store.users import find_user_by_email

LIFE_SECONDS = 365 * 24 * 3600
_KEY = "devices"
_NONCE_BYTES = 9


def make_pass(op: Operator, user_id: str) -> str:
    """Give a new pass for a browser that has just signed in: `time.nonce.seal`."""
    made = f"{clock.now()}.{random.token_urlsafe(_NONCE_BYTES)}"
    return f"{made}.{_seal(op, user_id, made)}"


async def find_device(op: Operator, email: str, shown: str) -> str | None:
    """Give the device (a hash) whose pass for this account was shown; None for one of another, or out of force."""
    made, _, seal = shown.rpartition(".")
    at = made.partition(".")[0]
    user = await op.read(lambda conn: find_user_by_email(conn, email.strip().lower())) if at else None
    if user is None or not hmac.compare_digest(_seal(op, user["id"], made).encode(), seal.encode()):
        return None
    if int(at) < max(user["devices_since"] or 0, clock.now() - LIFE_SECONDS * 1_000_000):
        return None
    return sha256(shown.encode()).hexdigest()


def _seal(op: Operator, user_id: str, made: str) -> str:
    return hmac.digest(op.sealer.derive_key(_KEY), f"{user_id}.{made}".encode(), "sha256").hex()
