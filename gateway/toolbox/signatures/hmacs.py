"""HMACs: the signature that most senders use, in its general forms.

Takes a request and the shared secret, gives True or False. A bad or missing signature is False; a wrong use (an empty
secret, an unknown digest) is a ValueError, so that no mistake opens a door. Comparison is constant-time, the clock
is `request.received_at`.
"""

import hmac
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from gateway.toolbox.exact import exact, exact_bytes, exact_text, one_of
from gateway.toolbox.request import Request
from gateway.toolbox.values.encodings import (
    DIGESTS,
    decode_base64,
    encode_base64,
    encode_base64url,
    hmac_bytes,
)
from gateway.toolbox.values.times import parse_time

Secret = str | list[str]

_SECRETS_MAX = 10
_SECRET_CHARACTERS_MAX = 10_000
_ENCODINGS = frozenset({"hex", "base64", "base64url"})
_KEY_ENCODINGS = frozenset({"utf-8", "base64", "hex"})
_UNITS = {"seconds": timedelta(seconds=1), "milliseconds": timedelta(milliseconds=1)}
_PLACEHOLDER = re.compile(r"\{([a-z]*)\}")
_PLACEHOLDERS = frozenset({"timestamp", "body", "method", "url", "path"})


def verify_hmac(
    request: Request,
    *,
    header: str,
    secret: Secret,
    digest: str = "sha256",
    encoding: str = "hex",
    prefix: str = "",
    payload: bytes | str | None = None,
    key_encoding: str = "utf-8",
) -> bool:
    """Is the header an HMAC (RFC 2104) of the body?

    `digest`: md5, sha1, sha224, sha256, sha384, sha512. `encoding` of the signature: hex (any case), base64,
    base64url. `prefix`: what stands before it ("sha256="). `payload`: what is signed in place of the body.
    `key_encoding`: utf-8, or base64 or hex where the secret is written so. `secret` may be a list while it is
    rotated. ValueError for an empty secret or a wrong option. Example: `verify_hmac(request, header="X-Signature",
    secret=context.secrets["signing_secret"])`.
    """
    keys = read_keys(secret, key_encoding)
    message = request.body if payload is None else exact_bytes(payload, "payload")
    sent = request.headers.get(header)
    return sent is not None and is_signed(keys, message, [sent], digest, encoding, prefix)


def verify_timestamped_hmac(
    request: Request,
    *,
    secret: Secret,
    header: str,
    timestamp_header: str | None = None,
    timestamp_key: str = "t",
    signature_key: str = "v1",
    separator: str = ",",
    template: str = "{timestamp}.{body}",
    timestamp_unit: str = "seconds",
    tolerance_seconds: int | None = 300,
    digest: str = "sha256",
    encoding: str = "hex",
    prefix: str = "",
    key_encoding: str = "utf-8",
) -> bool:
    """Is there an HMAC over the body and a timestamp that is not old?

    Either the header holds both (`t=1700000000,v1=5257…`: `timestamp_key`, `signature_key`, `separator`; several
    signatures may stand there), or the timestamp has a header of its own (`timestamp_header`). `template` is what
    is signed, of {timestamp} {body} {method} {url} {path}. `timestamp_unit`: seconds, milliseconds or iso.
    `tolerance_seconds`: how far from `request.received_at`, None = any. The other options as in `verify_hmac`.
    Example: `verify_timestamped_hmac(request, secret=s, header="X-Sig", timestamp_header="X-Time",
    template="{timestamp}:{body}")`.
    """
    keys = read_keys(secret, key_encoding)
    sent = request.headers.get(header)
    if sent is None:
        return False
    if timestamp_header is None:
        elements = split_elements(sent, separator)
        timestamps, signatures = elements.get(timestamp_key, []), elements.get(signature_key, [])
    else:
        timestamps, signatures = request.headers.get_all(timestamp_header), [sent]
    if len(timestamps) != 1 or not is_fresh(request, timestamps[0], timestamp_unit, tolerance_seconds):
        return False
    message = fill_template(template, request, timestamps[0])
    return is_signed(keys, message, signatures, digest, encoding, prefix)


def constant_time_equals(a: str | bytes, b: str | bytes) -> bool:
    """Compare two texts (as UTF-8) or bytes in a time that does not tell where they differ."""
    return hmac.compare_digest(_comparable(a, "a"), _comparable(b, "b"))


def equals_any(sent: str | bytes, expected: list[bytes]) -> bool:
    """Is it one of them? All are compared, so that the time does not tell which."""
    matches = [constant_time_equals(_comparable(sent, "sent"), good) for good in expected]
    return any(matches)


def read_keys(secret: Secret, key_encoding: str = "utf-8") -> list[bytes]:
    """The raw keys of one secret or of several; ValueError for none, or one that is empty or not in its encoding."""
    one_of(key_encoding, _KEY_ENCODINGS, "key_encoding")
    secrets = list_secrets(secret)
    if not 1 <= len(secrets) <= _SECRETS_MAX:
        raise ValueError(f"give 1 to {_SECRETS_MAX} secrets")
    return [_read_key(text, key_encoding) for text in secrets]


def list_secrets(secret: Secret) -> list[str]:
    secrets = secret if type(secret) is list else [secret]
    return [exact_text(text, "secret", _SECRET_CHARACTERS_MAX) for text in secrets]


def is_signed(
    keys: list[bytes], message: bytes, sent: Iterable[str], digest: str, encoding: str, prefix: str = ""
) -> bool:
    """Is one of the sent texts the HMAC of the message under one of the keys?"""
    one_of(digest, DIGESTS, "digest")
    one_of(encoding, _ENCODINGS, "encoding")
    expected = [exact_text(prefix, "prefix", 100) + _encode(hmac_bytes(key, message, digest), encoding) for key in keys]
    matches = [constant_time_equals(_normal(text, encoding, prefix), good) for text in sent for good in expected]
    return any(matches)


def is_fresh(request: Request, timestamp: str, unit: str, tolerance_seconds: int | None) -> bool:
    """Is the text a time of that unit, at most so many seconds before or after the request came in?"""
    if unit != "iso":
        one_of(unit, _UNITS, "timestamp_unit")
    moment = _read_timestamp(timestamp, unit)
    if moment is None or tolerance_seconds is None:
        return moment is not None
    if exact(tolerance_seconds, int, "tolerance_seconds") < 1:
        raise ValueError("tolerance_seconds must be 1 or more, or None")
    return abs(request.received_at - moment) <= timedelta(seconds=tolerance_seconds)


def split_elements(header: str, separator: str) -> dict[str, list[str]]:
    """`t=1,v1=a,v1=b` as {"t": ["1"], "v1": ["a", "b"]}."""
    elements: dict[str, list[str]] = {}
    for element in header.split(separator):
        name, _, value = element.strip().partition("=")
        elements.setdefault(name, []).append(value)
    return elements


def fill_template(template: str, request: Request, timestamp: str) -> bytes:
    values = {
        "timestamp": timestamp.encode(),
        "body": request.body,
        "method": request.method.encode(),
        "url": request.url.encode(),
        "path": request.path.encode(),
    }
    pieces = _split_template(exact_text(template, "template", 1_000))
    return b"".join(values[text] if is_name else text.encode() for text, is_name in pieces)


@lru_cache(maxsize=32)
def _split_template(template: str) -> tuple[tuple[str, bool], ...]:
    pieces = [(text, index % 2 == 1) for index, text in enumerate(_PLACEHOLDER.split(template))]
    if unknown := [text for text, is_name in pieces if is_name and text not in _PLACEHOLDERS]:
        raise ValueError(f"the template has {{{unknown[0]}}}; it may have {', '.join(sorted(_PLACEHOLDERS))}")
    if ("body", True) not in pieces:
        raise ValueError("the template does not have {body}: then anybody could change what is sent")
    return tuple(pieces)


def _read_key(text: str, key_encoding: str) -> bytes:
    if not text.strip():
        raise ValueError("the secret is empty")
    if key_encoding == "utf-8":
        return exact_bytes(text, "secret")
    try:
        key = decode_base64(text) if key_encoding == "base64" else bytes.fromhex(text)
    except ValueError:
        raise ValueError(f"the secret is not {key_encoding}") from None
    if not key:
        raise ValueError("the secret is empty")
    return key


def _encode(signature: bytes, encoding: str) -> str:
    if encoding == "hex":
        return signature.hex()
    return encode_base64(signature) if encoding == "base64" else encode_base64url(signature)


def _normal(sent: str, encoding: str, prefix: str) -> str:
    text = sent.strip()
    if encoding == "hex":
        return text[: len(prefix)] + text[len(prefix) :].lower()
    return text.rstrip("=") if encoding == "base64url" else text


def _read_timestamp(timestamp: str, unit: str) -> datetime | None:
    try:
        if unit == "iso":
            return parse_time(timestamp)
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 16):
            return None
        return datetime(1970, 1, 1, tzinfo=UTC) + int(timestamp) * _UNITS[unit]
    except (ValueError, OverflowError):
        return None


def _comparable(value: str | bytes, name: str) -> bytes:
    # Headers may hold any character: what cannot be UTF-8 must compare as different, not raise.
    if type(value) is str:
        return value.encode("utf-8", "surrogatepass")
    return exact(value, bytes, name)
