"""Public keys: signatures that are checked with a key which is no secret (ed25519, ECDSA, RSA).

Takes a key as PEM (public key or certificate), base64 of its DER form, or raw ed25519 bytes in hex or base64; gives
True or False. A key that cannot be read is a ValueError. Never sees a private key.
"""

import binascii
from functools import lru_cache

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate

from gateway.toolbox.exact import exact_text
from gateway.toolbox.request import Request
from gateway.toolbox.signatures.hmacs import fill_template, is_fresh
from gateway.toolbox.values.encodings import decode_base64, decode_base64url

PublicKey = Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey

_KEY_CHARACTERS_MAX = 20_000
_RSA_BITS = range(1024, 8193)  # below it is broken, above it is a way to burn CPU
HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha1": hashes.SHA1(),  # noqa: S303 (Amazon SNS signs its version 1 with it)
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


def verify_ed25519(
    request: Request,
    *,
    public_key: str,
    header: str,
    timestamp_header: str | None = None,
    template: str | None = None,
    encoding: str = "hex",
    timestamp_unit: str = "seconds",
    tolerance_seconds: int | None = 300,
) -> bool:
    """Is the header an ed25519 signature (RFC 8032) of the body?

    `public_key`: 32 bytes in hex or base64, or PEM. With `timestamp_header` what is signed is `template`, default
    "{timestamp}{body}" (Discord's form), and the time must be within `tolerance_seconds` (None = any) of
    `request.received_at`. `encoding` of the signature: hex, base64 or base64url. Example: `verify_ed25519(request,
    public_key=key, header="X-Signature-Ed25519", timestamp_header="X-Signature-Timestamp")`.
    """
    key = load_public_key(public_key)
    signature = decode_signature(request.headers.get(header), encoding)
    message = request.body
    if timestamp_header is not None:
        timestamps = request.headers.get_all(timestamp_header)
        if len(timestamps) != 1 or not is_fresh(request, timestamps[0], timestamp_unit, tolerance_seconds):
            return False
        message = fill_template(template or "{timestamp}{body}", request, timestamps[0])
    elif template is not None:
        message = fill_template(template, request, "")
    return signature is not None and is_ed25519(key, signature, message)


def is_ed25519(key: PublicKey, signature: bytes, message: bytes) -> bool:
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("the public key is not an ed25519 key")
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def is_ecdsa(key: PublicKey, signature: bytes, message: bytes, digest: str, *, is_raw: bool = False) -> bool:
    """`is_raw`: the signature is r and s side by side (as in a JWT), not DER."""
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ValueError("the public key is not an ECDSA key")
    if is_raw:
        size = (key.key_size + 7) // 8
        if len(signature) != 2 * size:
            return False
        signature = encode_dss_signature(int.from_bytes(signature[:size]), int.from_bytes(signature[size:]))
    try:
        key.verify(signature, message, ec.ECDSA(HASHES[digest]))
    except InvalidSignature:
        return False
    return True


def is_rsa(key: PublicKey, signature: bytes, message: bytes, digest: str, *, is_pss: bool = False) -> bool:
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError("the public key is not an RSA key")
    algorithm = HASHES[digest]
    scheme = padding.PSS(padding.MGF1(algorithm), algorithm.digest_size) if is_pss else padding.PKCS1v15()
    try:
        key.verify(signature, message, scheme, algorithm)
    except InvalidSignature:
        return False
    return True


def load_public_key(text: str) -> PublicKey:
    return _load(exact_text(text, "the public key", _KEY_CHARACTERS_MAX).strip())


@lru_cache(maxsize=32)
def _load(text: str) -> PublicKey:
    if not text:
        raise ValueError("the public key is empty")
    try:
        key = _parse(text)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("the public key cannot be read") from None
    if isinstance(key, rsa.RSAPublicKey) and key.key_size not in _RSA_BITS:
        raise ValueError(f"an RSA key of {key.key_size} bits is refused")
    if not isinstance(key, Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
        raise ValueError("the public key must be ed25519, ECDSA or RSA")
    return key


def _parse(text: str) -> object:
    if text.startswith("-----BEGIN CERTIFICATE-----"):
        return load_pem_x509_certificate(text.encode()).public_key()
    if text.startswith("-----"):
        return load_pem_public_key(text.encode())
    raw = bytes.fromhex(text) if len(text) == 64 else decode_base64("".join(text.split()))
    return Ed25519PublicKey.from_public_bytes(raw) if len(raw) == 32 else load_der_public_key(raw)


def decode_signature(sent: str | None, encoding: str) -> bytes | None:
    decoders = {"hex": bytes.fromhex, "base64": decode_base64, "base64url": decode_base64url}
    if encoding not in decoders:
        raise ValueError(f"encoding must be one of {', '.join(sorted(decoders))}")
    try:
        return None if sent is None else decoders[encoding](sent.strip())
    except (ValueError, binascii.Error):
        return None
