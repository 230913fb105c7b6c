"""Preload: everything that the toolbox would otherwise load or compile on first use.

Takes nothing, gives nothing: run once in the fork server, so that its locked-down children, which can open no
file and import no module, have it all in shared memory. Never needed anywhere else.
"""

import codecs
from datetime import UTC, datetime

import phonenumbers
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from gateway.toolbox import (
    hmac_hex,
    match_text,
    normalize_email,
    normalize_phone,
    parse_csv,
    parse_json,
    parse_time,
    parse_url,
    parse_xml,
    replace_text,
    search_json,
    slugify,
)
from gateway.toolbox.charsets import CHARSETS
from gateway.toolbox.signatures.public_keys import HASHES, PublicKey, is_ecdsa, is_ed25519, is_rsa, load_public_key
from gateway.toolbox.values.encodings import DIGESTS
from gateway.toolbox.values.times import all_zones


def preload() -> None:
    """Load zones, phone regions, codecs and cryptography, and use each helper once."""
    all_zones()
    for name in CHARSETS.values():
        codecs.lookup(name)
    _preload_phones()
    _preload_cryptography()
    _use_values()


def _preload_phones() -> None:
    phonenumbers.PhoneMetadata.load_all()
    for region in phonenumbers.SUPPORTED_REGIONS:
        example = phonenumbers.example_number(region)
        if example is not None:
            national = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.NATIONAL)
            normalize_phone(national, region)


def _preload_cryptography() -> None:
    for digest in DIGESTS:
        hmac_hex("key", "data", digest)
    private_ed25519 = ed25519.Ed25519PrivateKey.generate()
    is_ed25519(_reload(private_ed25519.public_key()), private_ed25519.sign(b""), b"")
    private_ec = ec.generate_private_key(ec.SECP256R1())
    is_ecdsa(_reload(private_ec.public_key()), private_ec.sign(b"", ec.ECDSA(HASHES["sha256"])), b"", "sha256")
    private_rsa = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 (signs nothing)
    signature = private_rsa.sign(b"", padding.PKCS1v15(), HASHES["sha256"])
    is_rsa(_reload(private_rsa.public_key()), signature, b"", "sha256")


def _reload(key: PublicKey) -> PublicKey:
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return load_public_key(pem.decode())


def _use_values() -> None:
    for value in ("2024-01-01T00:00:00Z", "Mon, 01 Jan 2024 00:00:00 +0000", "1704067200", 1704067200):
        parse_time(value)
    parse_time("01.01.2024 10:00 PM", zone="UTC", format="%d.%m.%Y %I:%M %p")
    datetime(2024, 1, 1, tzinfo=UTC).strftime("%A %B")
    match_text("(a)", "a")
    replace_text("(a)", r"\1", "a")
    normalize_email("a@example.com")
    parse_csv("a,b\n1,2")
    parse_json("[12345678901234567890]")
    parse_url("https://example.com/?a=1")
    parse_xml("<a b='1'>c</a>")
    search_json("a[?b > `1`].c | [0]", {"a": [{"b": 2, "c": 3}]})
    slugify("Crème")
