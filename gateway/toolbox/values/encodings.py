"""Encodings: base64, hexadecimal digests and HMACs.

Takes text (as UTF-8) or bytes; gives text or bytes. Decoding is strict: what is not base64 is a ValueError.
Never compares: that is what the signature checks and `constant_time_equals` are for.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Any

from gateway.toolbox.exact import exact_bytes, one_of

# md5 and sha1 only because senders still sign with them (PayFast, Segment, Intercom).
DIGESTS: dict[str, Any] = {
    "md5": hashlib.md5,
    "sha1": hashlib.sha1,
    "sha224": hashlib.sha224,
    "sha256": hashlib.sha256,
    "sha384": hashlib.sha384,
    "sha512": hashlib.sha512,
}


def encode_base64(data: str | bytes) -> str:
    """Encode as base64 (RFC 4648 section 4, padded). Example: `encode_base64("a:b")` gives "YTpi"."""
    return base64.b64encode(exact_bytes(data, "data")).decode()


def decode_base64(text: str | bytes) -> bytes:
    """Decode base64 (RFC 4648 section 4); ValueError for any other character or wrong padding."""
    return _decode(exact_bytes(text, "text"), None)


def encode_base64url(data: str | bytes) -> str:
    """Encode as base64url without padding (RFC 4648 section 5, as JWTs use it)."""
    return base64.urlsafe_b64encode(exact_bytes(data, "data")).rstrip(b"=").decode()


def decode_base64url(text: str | bytes) -> bytes:
    """Decode base64url (RFC 4648 section 5), padded or not; ValueError for any other character."""
    raw = exact_bytes(text, "text").rstrip(b"=")
    return _decode(raw + b"=" * (-len(raw) % 4), b"-_")


def hex_digest(data: str | bytes, digest: str = "sha256") -> str:
    """Hash data, give lower-case hexadecimal.

    `digest` is md5, sha1, sha224, sha256, sha384 or sha512. Example: `hex_digest(request.body)`.
    """
    return str(DIGESTS[one_of(digest, DIGESTS, "digest")](exact_bytes(data, "data")).hexdigest())


def hmac_hex(key: str | bytes, data: str | bytes, digest: str = "sha256") -> str:
    """HMAC (RFC 2104) as lower-case hexadecimal; ValueError for an empty key. To check one use `verify_hmac`."""
    return hmac_bytes(key, data, digest).hex()


def hmac_base64(key: str | bytes, data: str | bytes, digest: str = "sha256") -> str:
    """HMAC (RFC 2104) as base64; ValueError for an empty key.

    Example (Twitter's CRC): `Answer({"response_token": "sha256=" + hmac_base64(secret, request.query["crc_token"])})`.
    """
    return encode_base64(hmac_bytes(key, data, digest))


def hmac_bytes(key: str | bytes, data: str | bytes, digest: str) -> bytes:
    raw = exact_bytes(key, "key")
    if not raw:
        raise ValueError("the key is empty")
    return hmac.digest(raw, exact_bytes(data, "data"), one_of(digest, DIGESTS, "digest"))


def _decode(data: bytes, alternative: bytes | None) -> bytes:
    try:
        return base64.b64decode(data, altchars=alternative, validate=True)
    except binascii.Error as error:
        raise ValueError(f"not base64: {error}") from None
