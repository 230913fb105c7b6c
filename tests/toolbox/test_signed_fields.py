"""Providers that sign a URL or chosen fields: what is covered, and that what is not covered is refused."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from script_requests import NOON, build_request, make_jwt

from gateway import toolbox
from gateway.toolbox import dump_json

TOKEN = "twilio token"
URL = "https://hooks.example.com/in/sms?a=1"
FORM_TYPE = "application/x-www-form-urlencoded"


def twilio_sign(text: str) -> str:
    return base64.b64encode(hmac.new(TOKEN.encode(), text.encode(), "sha1").digest()).decode()


def twilio(body: str, signed: str, content_type: str = FORM_TYPE, url: str = URL) -> bool:
    headers = {"X-Twilio-Signature": twilio_sign(signed), "Content-Type": content_type}
    return toolbox.verify_twilio(build_request(body, headers, url=url), TOKEN)


def test_twilio_signs_the_url_and_the_sorted_form() -> None:
    assert twilio("B=2&A=1&C=", URL + "A1B2C") is True
    assert twilio("B=2&A=2&C=", URL + "A1B2C") is False


def test_twilio_signs_with_or_without_the_port() -> None:
    with_port = URL.replace("example.com", "example.com:443")
    assert twilio("A=1", with_port + "A1") is True
    assert twilio("A=1", URL + "A1", url=with_port) is True
    assert twilio("A=1", URL.replace("example.com", "example.com:8443") + "A1") is False


@pytest.mark.parametrize("content_type", ["application/json", "", "multipart/form-data; boundary=x"])
def test_twilio_refuses_a_body_that_the_signature_does_not_cover(content_type: str) -> None:
    assert twilio('{"stolen": true}', URL, content_type) is False


def test_twilio_covers_json_by_its_hash_in_the_query() -> None:
    body = '{"a": 1}'
    url = f"{URL}&bodySHA256={hashlib.sha256(body.encode()).hexdigest()}"
    assert twilio(body, url, "application/json", url) is True
    assert twilio(body + " ", url, "application/json", url) is False


def mailgun(**fields: str) -> bytes:
    return dump_json({"signature": fields, "event-data": {"event": "opened"}}).encode()


def test_mailgun_signature_is_read_from_json_or_from_a_form() -> None:
    seconds = str(int(NOON.timestamp()))
    signature = hmac.new(b"key", f"{seconds}tok".encode(), "sha256").hexdigest()
    assert toolbox.verify_mailgun(build_request(mailgun(timestamp=seconds, token="tok", signature=signature)), "key")
    form = f"timestamp={seconds}&token=tok&signature={signature}"
    assert toolbox.verify_mailgun(build_request(form, {"Content-Type": FORM_TYPE}), "key") is True
    assert (
        toolbox.verify_mailgun(build_request(mailgun(timestamp=seconds, token="x", signature=signature)), "key")
        is False
    )
    late = build_request(
        mailgun(timestamp=seconds, token="tok", signature=signature), received_at=NOON + timedelta(hours=1)
    )
    assert toolbox.verify_mailgun(late, "key", tolerance_seconds=60) is False


@pytest.mark.parametrize("body", ["", "[]", "7", "{", '{"signature": 1}', '{"signature": {"token": 1}}'])
def test_mailgun_bodies_of_strangers_are_refused_and_raise_nothing(body: str) -> None:
    assert toolbox.verify_mailgun(build_request(body), "key") is False
    assert toolbox.verify_mailgun(build_request(body, {"Content-Type": "multipart/form-data"}), "key") is False


def adyen_item(**changes: Any) -> dict[str, Any]:
    item = {
        "pspReference": "8", "merchantAccountCode": "Shop", "merchantReference": "order:1", "eventCode": "REFUND",
        "amount": {"value": 1999, "currency": "EUR"}, "success": "true",
    }  # fmt: skip
    message = b"8::Shop:order:1:1999:EUR:REFUND:true"
    signature = base64.b64encode(hmac.new(bytes.fromhex("ab" * 32), message, "sha256").digest()).decode()
    return {**item, "additionalData": {"hmacSignature": signature}, **changes}


def test_an_adyen_item_is_checked_by_its_eight_fields() -> None:
    assert toolbox.verify_adyen_item(adyen_item(), "AB" * 32) is True
    assert toolbox.verify_adyen_item(adyen_item(success=True), "ab" * 32) is True
    assert toolbox.verify_adyen_item(adyen_item(success="false"), "ab" * 32) is False
    assert toolbox.verify_adyen_item(adyen_item(amount="free"), "ab" * 32) is False
    assert toolbox.verify_adyen_item(adyen_item(additionalData=None), "ab" * 32) is False
    with pytest.raises(ValueError, match="not hex"):
        toolbox.verify_adyen_item(adyen_item(), "not hex")


def sns_keys() -> tuple[rsa.RSAPrivateKey, str]:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.example")])
    builder = x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number())
    start = datetime(2024, 1, 1, tzinfo=UTC)
    signed = builder.not_valid_before(start).not_valid_after(start + timedelta(days=365)).sign(private, hashes.SHA256())
    return private, signed.public_bytes(serialization.Encoding.PEM).decode()


def test_an_sns_message_is_checked_in_both_versions() -> None:
    private, certificate = sns_keys()
    fields = {"Message": "hi", "MessageId": "m", "Timestamp": "t", "TopicArn": "arn:1", "Type": "Notification"}
    text = "".join(f"{name}\n{value}\n" for name, value in fields.items()).encode()
    for version, algorithm in (("1", hashes.SHA1()), ("2", hashes.SHA256())):
        signature = base64.b64encode(private.sign(text, padding.PKCS1v15(), algorithm)).decode()
        message = {**fields, "SignatureVersion": version, "Signature": signature}
        request = build_request(dump_json(message))
        assert toolbox.verify_sns(request, certificate) is True
        assert toolbox.verify_sns(request, certificate, topic_arn="arn:1") is True
        assert toolbox.verify_sns(request, certificate, topic_arn="arn:2") is False
        assert toolbox.verify_sns(build_request(dump_json({**message, "Subject": "new"})), certificate) is False
        assert toolbox.verify_sns(build_request(dump_json({**message, "SignatureVersion": "3"})), certificate) is False
    assert toolbox.verify_sns(build_request("no JSON"), certificate) is False


def test_messagebird_covers_the_url_and_the_body() -> None:
    def sent(body: str, **claims: Any) -> bool:
        url_hash = hashlib.sha256(URL.encode()).hexdigest()
        token = make_jwt({"iss": "MessageBird", "url_hash": url_hash, **claims}, TOKEN)
        request = build_request(body, {"MessageBird-Signature-JWT": token}, url=URL)
        return toolbox.verify_messagebird(request, TOKEN)

    body_hash = hashlib.sha256(b"hello").hexdigest()
    assert sent("") is True
    assert sent("hello", payload_hash=body_hash) is True
    assert sent("hello") is False
    assert sent("", payload_hash=body_hash) is False
    assert sent("", iss="Somebody") is False
    assert sent("", url_hash="00") is False
