"""Every check against signatures made here, by the provider's rule written out once more."""

import base64
import hashlib
import hmac
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from script_requests import NOON, build_request

from gateway import toolbox

SECRET = "a shared secret"
BODY = '{"id": 7, "name": "Zoë"}'.encode()
URL = "https://hooks.example.com/in/shop"
SECONDS = str(int(NOON.timestamp()))
MILLISECONDS = f"{SECONDS}000"
ISO = "2024-05-01T12:00:00Z"


def hex_of(message: bytes, digest: str = "sha256") -> str:
    return hmac.new(SECRET.encode(), message, digest).hexdigest()


def base64_of(message: bytes, digest: str = "sha256") -> str:
    return base64.b64encode(hmac.new(SECRET.encode(), message, digest).digest()).decode()


def plain(timestamp: str, before: str, after: str = "") -> bytes:
    return f"{before}{timestamp}{after}".encode() + BODY


SIGNED = {
    "verify_github": {"X-Hub-Signature-256": f"sha256={hex_of(BODY)}"},
    "verify_meta": {"X-Hub-Signature-256": f"sha256={hex_of(BODY)}"},
    "verify_shopify": {"X-Shopify-Hmac-Sha256": base64_of(BODY)},
    "verify_woocommerce": {"X-WC-Webhook-Signature": base64_of(BODY)},
    "verify_recharge": {"X-Recharge-Hmac-Sha256": hashlib.sha256(SECRET.encode() + BODY).hexdigest()},
    "verify_segment": {"X-Signature": hex_of(BODY, "sha1")},
    "verify_line": {"X-Line-Signature": base64_of(BODY)},
    "verify_intercom": {"X-Hub-Signature": f"sha1={hex_of(BODY, 'sha1')}"},
    "verify_typeform": {"Typeform-Signature": f"sha256={base64_of(BODY)}"},
    "verify_square": {"X-Square-HmacSha256-Signature": base64_of(URL.encode() + BODY)},
    "verify_stripe": {"Stripe-Signature": f"t={SECONDS},v1={hex_of(plain(SECONDS, '', '.'))},v0=00"},
    "verify_calendly": {"Calendly-Webhook-Signature": f"t={SECONDS},v1={hex_of(plain(SECONDS, '', '.'))}"},
    "verify_paddle": {"Paddle-Signature": f"ts={SECONDS};h1=00;h1={hex_of(plain(SECONDS, '', ':'))}"},
    "verify_recurly": {"Recurly-Signature": f"{MILLISECONDS},00,{hex_of(plain(MILLISECONDS, '', '.'))}"},
    "verify_slack": {
        "X-Slack-Request-Timestamp": SECONDS,
        "X-Slack-Signature": f"v0={hex_of(plain(SECONDS, 'v0:', ':'))}",
    },
    "verify_zendesk": {
        "X-Zendesk-Webhook-Signature-Timestamp": ISO,
        "X-Zendesk-Webhook-Signature": base64_of(plain(ISO, "")),
    },
    "verify_hubspot": {
        "X-HubSpot-Request-Timestamp": MILLISECONDS,
        "X-HubSpot-Signature-v3": base64_of(b"POST" + URL.encode() + BODY + MILLISECONDS.encode()),
    },
    "verify_box": {
        "Box-Delivery-Timestamp": ISO,
        "Box-Signature-Secondary": base64_of(BODY + ISO.encode()),
    },
}
TIMED = ["stripe", "calendly", "paddle", "recurly", "slack", "zendesk", "hubspot", "box"]


def check(name: str, *, secret: Any = SECRET, body: bytes = BODY, seconds: int = 0) -> bool:
    request = build_request(body, SIGNED[name], url=URL, received_at=NOON + timedelta(seconds=seconds))
    return bool(getattr(toolbox, name)(request, secret))


@pytest.mark.parametrize("name", SIGNED)
def test_a_genuine_request_is_accepted(name: str) -> None:
    assert check(name) is True


@pytest.mark.parametrize("name", SIGNED)
def test_another_body_is_refused(name: str) -> None:
    assert check(name, body=BODY + b" ") is False


@pytest.mark.parametrize("name", SIGNED)
def test_another_secret_is_refused(name: str) -> None:
    assert check(name, secret="another secret") is False


@pytest.mark.parametrize("name", SIGNED)
def test_a_list_of_secrets_takes_the_old_one_and_the_new_one(name: str) -> None:
    assert check(name, secret=["another secret", SECRET]) is True


@pytest.mark.parametrize("name", SIGNED)
def test_a_request_without_headers_is_refused_and_raises_nothing(name: str) -> None:
    assert getattr(toolbox, name)(build_request(BODY), SECRET) is False


@pytest.mark.parametrize("name", SIGNED)
@pytest.mark.parametrize("junk", ["", "é", "\udc80", "=,;==", "sha256=", "t=,v1=", "9" * 400, "\x00"])
def test_a_header_of_junk_is_refused_and_raises_nothing(name: str, junk: str) -> None:
    request = build_request(BODY, dict.fromkeys(SIGNED[name], junk), url=URL)
    assert getattr(toolbox, name)(request, SECRET) is False


@pytest.mark.parametrize("name", SIGNED)
@pytest.mark.parametrize("empty", ["", "  ", [], [SECRET, ""]])
def test_an_empty_secret_is_an_error_even_for_a_genuine_request(name: str, empty: Any) -> None:
    with pytest.raises(ValueError, match="secret"):
        check(name, secret=empty)


@pytest.mark.parametrize("name", SIGNED)
def test_a_secret_that_is_no_text_is_an_error(name: str) -> None:
    class Sly(str):
        pass

    with pytest.raises(TypeError, match="secret must be str"):
        check(name, secret=Sly(SECRET))


@pytest.mark.parametrize("name", [f"verify_{provider}" for provider in TIMED])
def test_a_recorded_request_grows_stale_and_one_from_the_future_is_refused(name: str) -> None:
    limit = 600 if name == "verify_box" else 300
    assert check(name, seconds=limit) is True
    assert check(name, seconds=limit + 1) is False
    assert check(name, seconds=-limit - 1) is False


def test_github_takes_sha1_only_where_it_is_allowed_and_never_beside_a_wrong_sha256() -> None:
    sha1 = {"X-Hub-Signature": f"sha1={hex_of(BODY, 'sha1')}"}
    assert toolbox.verify_github(build_request(BODY, sha1), SECRET) is False
    assert toolbox.verify_github(build_request(BODY, sha1), SECRET, allow_sha1=True) is True
    both = build_request(BODY, {**sha1, "X-Hub-Signature-256": "sha256=00"})
    assert toolbox.verify_github(both, SECRET, allow_sha1=True) is False


def test_a_prefix_that_is_missing_is_refused() -> None:
    assert toolbox.verify_github(build_request(BODY, {"X-Hub-Signature-256": hex_of(BODY)}), SECRET) is False


@pytest.mark.parametrize("digest", ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("encoding", ["hex", "base64", "base64url"])
def test_verify_hmac_knows_every_digest_in_every_encoding(digest: str, encoding: str) -> None:
    raw = hmac.new(SECRET.encode(), BODY, digest).digest()
    sent = {
        "hex": raw.hex().upper(),
        "base64": base64.b64encode(raw).decode(),
        "base64url": base64.urlsafe_b64encode(raw).decode(),
    }[encoding]
    request = build_request(BODY, {"X-Sig": sent})
    assert toolbox.verify_hmac(request, header="x-sig", secret=SECRET, digest=digest, encoding=encoding) is True


@pytest.mark.parametrize(("key_encoding", "text"), [("hex", SECRET.encode().hex()), ("base64", "YSBzaGFyZWQgc2VjcmV0")])
def test_verify_hmac_decodes_the_secret(key_encoding: str, text: str) -> None:
    request = build_request(BODY, {"X-Sig": hex_of(BODY)})
    assert toolbox.verify_hmac(request, header="X-Sig", secret=text, key_encoding=key_encoding) is True
    with pytest.raises(ValueError, match=f"secret is not {key_encoding}"):
        toolbox.verify_hmac(request, header="X-Sig", secret="?!", key_encoding=key_encoding)


def test_verify_hmac_can_sign_something_else_than_the_body() -> None:
    request = build_request(b"", {"X-Sig": hex_of(b"POST|x")})
    assert toolbox.verify_hmac(request, header="X-Sig", secret=SECRET, payload="POST|x") is True


@pytest.mark.parametrize("wrong", [{"digest": "crc32"}, {"encoding": "rot13"}, {"key_encoding": "utf-7"}])
def test_a_wrong_option_is_an_error_and_no_verdict(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="must be one of"):
        toolbox.verify_hmac(build_request(BODY, {"X-Sig": "00"}), header="X-Sig", secret=SECRET, **wrong)


def test_a_template_without_the_body_is_an_error() -> None:
    request = build_request(BODY, {"X-Sig": "00", "X-Time": SECONDS})
    with pytest.raises(ValueError, match=r"does not have \{body\}"):
        toolbox.verify_timestamped_hmac(
            request, secret=SECRET, header="X-Sig", timestamp_header="X-Time", template="{timestamp}"
        )
    with pytest.raises(ValueError, match=r"\{secret\}"):
        toolbox.verify_timestamped_hmac(
            request, secret=SECRET, header="X-Sig", timestamp_header="X-Time", template="{secret}{body}"
        )


def test_a_timestamp_that_is_sent_twice_is_refused() -> None:
    pairs = [("X-Slack-Request-Timestamp", SECONDS), *SIGNED["verify_slack"].items()]
    assert toolbox.verify_slack(build_request(BODY, pairs), SECRET) is False


def standard(secret: str, signature: str, *, brand: str = "webhook", seconds: int = 0) -> bool:
    headers = {f"{brand}-id": "msg_1", f"{brand}-timestamp": SECONDS, f"{brand}-signature": signature}
    request = build_request(BODY, headers, received_at=NOON + timedelta(seconds=seconds))
    return toolbox.verify_standard_webhooks(request, secret)


@pytest.mark.parametrize("brand", ["webhook", "svix"])
def test_standard_webhooks_are_checked_under_both_names_of_their_headers(brand: str) -> None:
    raw = b"0123456789abcdef01234567"
    message = f"msg_1.{SECONDS}.".encode() + BODY
    good = base64.b64encode(hmac.new(raw, message, "sha256").digest()).decode()
    secret = f"whsec_{base64.b64encode(raw).decode()}"
    assert standard(secret, f"v1,AAAA v1,{good}", brand=brand) is True
    assert standard(secret.removeprefix("whsec_"), f"v1,{good}", brand=brand) is True
    assert standard(secret, f"v2,{good}", brand=brand) is False
    assert standard(secret, f"v1,{good}", brand=brand, seconds=301) is False


def test_standard_webhooks_with_a_public_key_are_checked_with_ed25519_only() -> None:
    private = ed25519.Ed25519PrivateKey.generate()
    raw = private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    signature = base64.b64encode(private.sign(f"msg_1.{SECONDS}.".encode() + BODY)).decode()
    public = f"whpk_{base64.b64encode(raw).decode()}"
    assert standard(public, f"v1a,{signature}") is True
    assert standard(public, f"v1,{signature}") is False
    forged = base64.b64encode(hmac.new(raw, f"msg_1.{SECONDS}.".encode() + BODY, "sha256").digest()).decode()
    assert standard(public, f"v1,{forged}") is False, "the public key is no shared secret"


def test_discord_form_of_ed25519_is_checked() -> None:
    private = ed25519.Ed25519PrivateKey.generate()
    key = private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw).hex()
    headers = {
        "X-Signature-Ed25519": private.sign(SECONDS.encode() + BODY).hex(),
        "X-Signature-Timestamp": SECONDS,
    }
    options: dict[str, Any] = {
        "public_key": key,
        "header": "X-Signature-Ed25519",
        "timestamp_header": "X-Signature-Timestamp",
    }
    assert toolbox.verify_ed25519(build_request(BODY, headers), **options) is True
    assert toolbox.verify_ed25519(build_request(b"{}", headers), **options) is False
    assert toolbox.verify_ed25519(build_request(BODY, {**headers, "X-Signature-Ed25519": "zz"}), **options) is False


def test_sendgrid_signature_is_checked_and_its_age_where_asked() -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    der = private.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    key = base64.b64encode(der).decode()
    signature = base64.b64encode(private.sign(SECONDS.encode() + BODY, ec.ECDSA(hashes.SHA256()))).decode()
    headers = {
        "X-Twilio-Email-Event-Webhook-Signature": signature,
        "X-Twilio-Email-Event-Webhook-Timestamp": SECONDS,
    }
    late = NOON + timedelta(days=1)
    assert toolbox.verify_sendgrid(build_request(BODY, headers), key) is True
    assert toolbox.verify_sendgrid(build_request(BODY, headers, received_at=late), key) is True
    assert toolbox.verify_sendgrid(build_request(BODY, headers, received_at=late), key, 300) is False
    assert toolbox.verify_sendgrid(build_request(b"[]", headers), key) is False
    with pytest.raises(ValueError, match="public key cannot be read"):
        toolbox.verify_sendgrid(build_request(BODY, headers), "nonsense")


def test_constant_time_equals_compares_text_and_bytes() -> None:
    assert toolbox.constant_time_equals("é", "é".encode()) is True
    assert toolbox.constant_time_equals("a", "b") is False
    with pytest.raises(TypeError):
        toolbox.constant_time_equals("a", None)
