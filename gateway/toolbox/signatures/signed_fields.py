"""Signed fields: providers that sign the URL, or chosen fields, by rules of their own.

Takes a request (for Adyen one item of it) and the provider's secret, gives True or False. A body that cannot be read
is False: it comes from a stranger. What the signature does not cover is said with each.
"""

import hashlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

from gateway.toolbox.bodies import media_type
from gateway.toolbox.exact import exact, exact_text
from gateway.toolbox.request import Request
from gateway.toolbox.signatures.hmacs import Secret, constant_time_equals, is_fresh, is_signed, read_keys
from gateway.toolbox.signatures.public_keys import decode_signature, is_rsa, load_public_key
from gateway.toolbox.signatures.tokens import verify_jwt

_PORTS = {"https": ":443", "http": ":80"}
_ADYEN_FIELDS = ("pspReference", "originalReference", "merchantAccountCode", "merchantReference")
_SNS_FIELDS = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
_SNS_DIGESTS = {"1": "sha1", "2": "sha256"}


def verify_twilio(request: Request, auth_token: Secret, url: str | None = None) -> bool:
    """Twilio: HMAC-SHA1 of the URL and the sorted form fields in base64, in X-Twilio-Signature.

    JSON bodies are covered through the query's bodySHA256; a body that neither covers is refused. `url` is the
    address as Twilio knows it, default `request.url`, tried with and without its port. Rule: twilio.com/docs,
    "Webhooks security". Example: `verify_twilio(request, context.secrets["auth_token"])`.
    """
    keys = read_keys(auth_token)
    address = request.url if url is None else exact_text(url, "url")
    fields = _twilio_fields(request, address)
    sent = request.headers.get("X-Twilio-Signature")
    if fields is None or sent is None:
        return False
    return any(is_signed(keys, (form + fields).encode(), [sent], "sha1", "base64") for form in _port_forms(address))


def verify_square(request: Request, secret: Secret, url: str | None = None) -> bool:
    """Square: HMAC-SHA256 of notification URL + body in base64, in X-Square-HmacSha256-Signature.

    `url` is the notification URL of the subscription, default `request.url`. Rule: developer.squareup.com,
    "Validate notifications".
    """
    keys = read_keys(secret)
    sent = request.headers.get("X-Square-HmacSha256-Signature")
    message = (request.url if url is None else exact_text(url, "url")).encode() + request.body
    return sent is not None and is_signed(keys, message, [sent], "sha256", "base64")


def verify_mailgun(request: Request, secret: Secret, tolerance_seconds: int | None = None) -> bool:
    """Mailgun: HMAC-SHA256 of timestamp + token in hex, in the body's `signature` (or, older, in form fields).

    The secret is the webhook signing key. It does not cover the event itself. Mailgun names no limit of age, so
    none is kept unless you give `tolerance_seconds`. Rule: documentation.mailgun.com, "Securing webhooks".
    """
    keys = read_keys(secret)
    signed = _mailgun_fields(request)
    if signed is None or not is_fresh(request, signed[0], "seconds", tolerance_seconds):
        return False
    timestamp, token, signature = signed
    return is_signed(keys, (timestamp + token).encode("utf-8", "replace"), [signature], "sha256", "hex")


def verify_adyen_item(item: dict[str, Any], hmac_key: Secret) -> bool:
    """Adyen: is one NotificationRequestItem signed, in its additionalData.hmacSignature?

    HMAC-SHA256 in base64 over eight fields (references, merchant account, amount, event code, success), key in hex:
    what else is in the item is not covered. Rule: docs.adyen.com, "Verify HMAC signatures". Example:
    `all([verify_adyen_item(i["NotificationRequestItem"], key) for i in request.json["notificationItems"]])`.
    """
    keys = read_keys(hmac_key, "hex")
    extra = exact(item, dict, "item").get("additionalData")
    sent = extra.get("hmacSignature") if type(extra) is dict else None
    if type(sent) is not str:
        return False
    amount = item.get("amount")
    amount = amount if type(amount) is dict else {}
    values = [item.get(name) for name in _ADYEN_FIELDS]
    values += [amount.get("value"), amount.get("currency"), item.get("eventCode"), item.get("success")]
    message = ":".join(_adyen_text(value) for value in values)
    return is_signed(keys, message.encode("utf-8", "replace"), [sent], "sha256", "base64")


def verify_messagebird(request: Request, signing_key: Secret, url: str | None = None) -> bool:
    """MessageBird: a JWT (HS256, 384 or 512) in MessageBird-Signature-JWT with hashes of the URL and of the body.

    `url` is the address as MessageBird knows it, default `request.url`. Rule: developers.messagebird.com,
    "Verifying HTTP requests".
    """
    read_keys(signing_key)
    sent = request.headers.get("MessageBird-Signature-JWT")
    if sent is None:
        return False
    try:
        claims = verify_jwt(
            sent, signing_key, ["HS256", "HS384", "HS512"], issuer="MessageBird", at=request.received_at
        )
    except ValueError:
        return False
    address = request.url if url is None else exact_text(url, "url")
    has_hash = type(claims.get("payload_hash")) is str
    is_body = _is_sha256(claims.get("payload_hash"), request.body) if request.body else not has_hash
    return _is_sha256(claims.get("url_hash"), address.encode()) and is_body


def verify_sns(request: Request, certificate: str, topic_arn: str | None = None) -> bool:
    """Amazon SNS: RSA over the message's fields, versions 1 (SHA-1) and 2 (SHA-256).

    `certificate` is the PEM behind the message's SigningCertURL: nothing is fetched here, so it is kept as a
    setting and renewed when Amazon renews it. `topic_arn`, where given, must be the message's. Rule:
    docs.aws.amazon.com/sns, "Verifying the signatures of Amazon SNS messages".
    """
    key = load_public_key(certificate)
    try:
        message = request.json
    except ValueError:
        return False
    if type(message) is not dict or (topic_arn is not None and message.get("TopicArn") != topic_arn):
        return False
    text = _sns_text(message)
    digest = _SNS_DIGESTS.get(str(message.get("SignatureVersion")))
    sent = message.get("Signature")
    signature = decode_signature(sent, "base64") if type(sent) is str else None
    return bool(text and digest and signature) and is_rsa(key, signature or b"", text or b"", digest or "")


def _twilio_fields(request: Request, address: str) -> str | None:
    """What stands behind the URL in the signed text; None where the body is not covered."""
    if body_hash := parse_qs(urlsplit(address).query).get("bodySHA256"):
        return "" if _is_sha256(body_hash[0].lower(), request.body) else None
    if not request.body:
        return ""
    if media_type(request.content_type) != "application/x-www-form-urlencoded":
        return None
    try:
        form = request.form
    except ValueError:
        return None
    return "".join(name + value for name in sorted(form) for value in sorted(set(form.get_all(name))))


def _port_forms(address: str) -> Iterator[str]:
    """Twilio signs the URL with its port in some products and without it in others."""
    yield address
    scheme, separator, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    port = _PORTS.get(scheme, "")
    if port and host.endswith(port):
        yield scheme + separator + host.removesuffix(port) + slash + path
    elif port and ":" not in host:
        yield scheme + separator + host + port + slash + path


def _mailgun_fields(request: Request) -> tuple[str, str, str] | None:
    try:
        fields = request.form if "form" in media_type(request.content_type) else request.json
    except ValueError:
        return None
    if type(fields) is dict and type(fields.get("signature")) is dict:
        fields = fields["signature"]
    elif type(fields) is dict:
        return None
    if type(fields) is list or not hasattr(fields, "get"):
        return None
    found = tuple(fields.get(name) for name in ("timestamp", "token", "signature"))
    return found if all(type(value) is str for value in found) else None


def _adyen_text(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if type(value) is bool else str(value)


def _is_sha256(sent: object, data: bytes) -> bool:
    return type(sent) is str and constant_time_equals(sent, hashlib.sha256(data).hexdigest())


def _sns_text(message: dict[str, Any]) -> bytes | None:
    names = _SNS_FIELDS.get(str(message.get("Type")), ())
    values = [(name, message.get(name)) for name in names if name != "Subject" or message.get(name) is not None]
    if not values or any(type(value) is not str for _, value in values):
        return None
    return "".join(f"{name}\n{value}\n" for name, value in values).encode("utf-8", "replace")
