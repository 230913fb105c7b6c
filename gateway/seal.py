"""Seal: secrets at rest, each bound to the source and name it was sealed for.

AES-256-GCM (cryptography) under a key derived by HKDF from SECRET_KEY; the source and the name are
the associated data, so that a sealed secret moved to another row does not open. Several keys may be
listed: the first seals, all of them open, so that a key can be replaced without a stop.
"""

import base64
import contextlib
import os
import secrets as random
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.config import Settings
from gateway.errors import BadSetting

_FORMAT = b"\x01"
_NONCE_BYTES = 12
KEY_CHARACTERS_MIN = 32


class Sealer:
    """Seals and opens. Raises BadSetting where no listed key opens what was sealed."""

    def __init__(self, keys: list[str]) -> None:
        if not keys:
            raise BadSetting("HOOKWRIGHT_SECRET_KEY is not set, and there is no secret.key in the data folder")
        for key in keys:
            if len(key) < KEY_CHARACTERS_MIN:
                raise BadSetting(f"HOOKWRIGHT_SECRET_KEY: a key has at least {KEY_CHARACTERS_MIN} characters")
        self._first = keys[0]
        self._ciphers = [AESGCM(_derive(key, "secret")) for key in keys]

    def derive_key(self, purpose: str) -> bytes:
        """Give a key for something else than sealing: 32 bytes of the first listed key, which tell nothing of it."""
        return _derive(self._first, purpose)

    def seal(self, text: str, source: str, name: str) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return _FORMAT + nonce + self._ciphers[0].encrypt(nonce, text.encode(), _bound_to(source, name))

    def unseal(self, sealed: bytes, source: str, name: str) -> str:
        nonce, text = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(nonce, text, _bound_to(source, name)).decode()
            except (InvalidTag, ValueError):  # another key, or damaged bytes
                continue
        raise BadSetting(
            f'secret "{name}" of source "{source}" does not open with HOOKWRIGHT_SECRET_KEY: '
            "list the key it was sealed with as well, or set the secret again"
        )


def open_sealer(settings: Settings) -> Sealer:
    """Take the keys from the setting, else from the file in the data folder."""
    listed = settings.secret_key.get_secret_value()
    if not listed and settings.secret_key_path.exists():
        listed = settings.secret_key_path.read_text(encoding="ascii")
    return Sealer([key.strip() for key in listed.split(",") if key.strip()])


def write_secret_key(path: Path) -> None:
    """Make a key of 32 random bytes, readable by this user alone; leave one that is there.

    Written beside and linked into place, so that a crash leaves a whole key or none.
    """
    if path.exists():
        return
    scratch = path.with_name(f"{path.name}.{os.getpid()}.new")
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
        file.write(base64.urlsafe_b64encode(random.token_bytes(32)).decode() + "\n")
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(FileExistsError):
        path.hardlink_to(scratch)
    scratch.unlink()


def _derive(key: str, purpose: str) -> bytes:
    info = f"hookwright {purpose}".encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(key.encode())


def _bound_to(source: str, name: str) -> bytes:
    return f"{source}\0{name}".encode()
