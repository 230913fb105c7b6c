"""Signed times: providers that sign the body together with a time, so that a recorded request grows stale.

Takes a request and the provider's secret, gives True or False, by the rules of `verify_timestamped_hmac`. The clock
is `request.received_at`; `tolerance_seconds` counts in both directions.
"""

import json

from gateway.toolbox.exact import exact_text
from gateway.toolbox.request import Request
from gateway.toolbox.signatures.hmacs import (
    Secret,
    fill_template,
    is_fresh,
    is_signed,
    list_secrets,
    read_keys,
    verify_timestamped_hmac,
)
from gateway.toolbox.signatures.public_keys import decode_signature, is_ecdsa, is_ed25519, load_public_key

# What HubSpot decodes in the URL before it signs (its guide's table); everything else stays encoded.
_HUBSPOT_DECODED = {
    "%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$", "%27": "'", "%28": "(", "%29": ")",
    "%2A": "*", "%2C": ",", "%3B": ";",
}  # fmt: skip


def verify_standard_webhooks(request: Request, secret: Secret, tolerance_seconds: int = 300) -> bool:
    """Standard Webhooks 1.0 (Svix, Resend, OpenAI, Clerk, BigCommerce …), in three headers.

    They are webhook-id, webhook-timestamp and webhook-signature. `secret` is "whsec_" + base64 (the prefix may be
    missing) for v1 signatures (HMAC-SHA256), or the public key "whpk_" + base64 for v1a (ed25519); a list while it
    is rotated. The older svix-… headers count too. Rule: standardwebhooks.com, specification. Example:
    `verify_standard_webhooks(request, context.secrets["signing_secret"])`.
    """
    secrets = list_secrets(secret)
    public_keys = [load_public_key(text[5:]) for text in secrets if text.startswith("whpk_")]
    shared = [text.removeprefix("whsec_") for text in secrets if not text.startswith("whpk_")]
    keys = read_keys(shared, "base64") if shared or not public_keys else []
    brand = "webhook" if "webhook-signature" in request.headers else "svix"
    message_id, timestamp, signatures = (request.headers.get(f"{brand}-{part}") for part in _STANDARD_PARTS)
    if message_id is None or timestamp is None or signatures is None:
        return False
    if not is_fresh(request, timestamp, "seconds", tolerance_seconds):
        return False
    message = f"{message_id}.{timestamp}.".encode() + request.body
    sent = [(version, text) for version, _, text in (part.partition(",") for part in signatures.split())]
    if is_signed(keys, message, [text for version, text in sent if version == "v1"], "sha256", "base64"):
        return True
    ed25519 = [decode_signature(text, "base64") for version, text in sent if version == "v1a"]
    return any(is_ed25519(key, text, message) for key in public_keys for text in ed25519 if text is not None)


_STANDARD_PARTS = ("id", "timestamp", "signature")


def verify_stripe(request: Request, secret: Secret, tolerance_seconds: int = 300) -> bool:
    """Stripe: `t=…,v1=…` in Stripe-Signature, HMAC-SHA256 of "{timestamp}.{body}" in hex.

    The secret is the endpoint's ("whsec_…", taken as it stands). Rule: docs.stripe.com, "Verify webhook signatures
    manually". Example: `verify_stripe(request, context.secrets["signing_secret"])`.
    """
    return verify_timestamped_hmac(
        request, secret=secret, header="Stripe-Signature", tolerance_seconds=tolerance_seconds
    )


def verify_slack(request: Request, secret: Secret, tolerance_seconds: int = 300) -> bool:
    """Slack: "v0=" + HMAC-SHA256 of "v0:{timestamp}:{body}" in hex, in X-Slack-Signature.

    Rule: api.slack.com, "Verifying requests from Slack". Example: `verify_slack(request,
    context.secrets["signing_secret"])`.
    """
    return verify_timestamped_hmac(
        request,
        secret=secret,
        header="X-Slack-Signature",
        timestamp_header="X-Slack-Request-Timestamp",
        template="v0:{timestamp}:{body}",
        prefix="v0=",
        tolerance_seconds=tolerance_seconds,
    )


def verify_paddle(request: Request, secret: Secret, tolerance_seconds: int = 300) -> bool:
    """Paddle Billing: `ts=…;h1=…` in Paddle-Signature, HMAC-SHA256 of "{timestamp}:{body}" in hex.

    Several h1 stand there while the secret is rotated. Rule: developer.paddle.com, "Verify webhook signatures".
    """
    return verify_timestamped_hmac(
        request,
        secret=secret,
        header="Paddle-Signature",
        timestamp_key="ts",
        signature_key="h1",
        separator=";",
        template="{timestamp}:{body}",
        tolerance_seconds=tolerance_seconds,
    )


def verify_calendly(request: Request, secret: Secret, tolerance_seconds: int = 300) -> bool:
    """Calendly: `t=…,v1=…` in Calendly-Webhook-Signature, as Stripe does.

    Rule: developer.calendly.com, "Webhook signatures".
    """
    return verify_timestamped_hmac(
        request, secret=secret, header="Calendly-Webhook-Signature", tolerance_seconds=tolerance_seconds
    )


def verify_zendesk(request: Request, secret: Secret, tolerance_seconds: int | None = 300) -> bool:
    """Zendesk: HMAC-SHA256 of "{timestamp}{body}" in base64, in X-Zendesk-Webhook-Signature; the timestamp is ISO 8601.

    Rule: developer.zendesk.com, "Verifying webhook authenticity".
    """
    return verify_timestamped_hmac(
        request,
        secret=secret,
        header="X-Zendesk-Webhook-Signature",
        timestamp_header="X-Zendesk-Webhook-Signature-Timestamp",
        template="{timestamp}{body}",
        timestamp_unit="iso",
        encoding="base64",
        tolerance_seconds=tolerance_seconds,
    )


def verify_hubspot(
    request: Request, client_secret: Secret, url: str | None = None, tolerance_seconds: int = 300
) -> bool:
    """HubSpot, version 3: HMAC-SHA256 of "{method}{url}{body}{timestamp}" in base64, in X-HubSpot-Signature-v3.

    `url` is the address as HubSpot knows it, default `request.url`. Rule: developers.hubspot.com, "Validating
    requests".
    """
    keys = read_keys(client_secret)
    sent = request.headers.get("X-HubSpot-Signature-v3")
    timestamp = request.headers.get("X-HubSpot-Request-Timestamp")
    if sent is None or timestamp is None or not is_fresh(request, timestamp, "milliseconds", tolerance_seconds):
        return False
    address = request.url if url is None else exact_text(url, "url")
    for encoded, plain in _HUBSPOT_DECODED.items():
        address = address.replace(encoded, plain).replace(encoded.lower(), plain)
    message = request.method.encode() + address.encode() + request.body + timestamp.encode()
    return is_signed(keys, message, [sent], "sha256", "base64")


def verify_recurly(request: Request, secret: Secret, tolerance_seconds: int = 300) -> bool:
    """Recurly: `milliseconds,signature[,signature]` in Recurly-Signature, HMAC-SHA256 of "{timestamp}.{body}" in hex.

    Rule: docs.recurly.com, "Webhook signature verification".
    """
    keys = read_keys(secret)
    timestamp, *signatures = request.headers.get("Recurly-Signature", "").split(",")
    if not is_fresh(request, timestamp, "milliseconds", tolerance_seconds):
        return False
    return is_signed(keys, fill_template("{timestamp}.{body}", request, timestamp), signatures, "sha256", "hex")


def verify_sendgrid(request: Request, public_key: str, tolerance_seconds: int | None = None) -> bool:
    """SendGrid's Event Webhook: ECDSA P-256 over timestamp + body, in X-Twilio-Email-Event-Webhook-Signature.

    `public_key` is the verification key of the settings page (base64). SendGrid names no limit of age, so none is
    kept unless you give `tolerance_seconds`. Rule: docs.sendgrid.com, "Event Webhook security features".
    """
    key = load_public_key(public_key)
    signature = decode_signature(request.headers.get("X-Twilio-Email-Event-Webhook-Signature"), "base64")
    timestamp = request.headers.get("X-Twilio-Email-Event-Webhook-Timestamp")
    if signature is None or timestamp is None or not is_fresh(request, timestamp, "seconds", tolerance_seconds):
        return False
    return is_ecdsa(key, signature, timestamp.encode() + request.body, "sha256")


def verify_box(request: Request, secret: Secret, tolerance_seconds: int | None = 600) -> bool:
    """Box, version 1: HMAC-SHA256 of body + delivery timestamp in base64, in Box-Signature-Primary or -Secondary.

    `secret` is the primary key, or a list of both. Box signs the body with characters outside ASCII as \\uXXXX, so
    that form counts too. Rule: developer.box.com, "Verify webhook signatures" (ten minutes).
    """
    keys = read_keys(secret)
    sent = [request.headers.get(name) for name in ("Box-Signature-Primary", "Box-Signature-Secondary")]
    timestamp = request.headers.get("Box-Delivery-Timestamp")
    if timestamp is None or not is_fresh(request, timestamp, "iso", tolerance_seconds):
        return False
    signatures = [text for text in sent if text is not None]
    bodies = {request.body, _escape_body(request.body)}
    return any(is_signed(keys, body + timestamp.encode(), signatures, "sha256", "base64") for body in bodies)


def _escape_body(body: bytes) -> bytes:
    # A backslash is left alone: to double it would let a signed text end earlier than its sender meant.
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return body
    return "".join(letter if " " <= letter <= "~" else json.dumps(letter)[1:-1] for letter in text).encode()
