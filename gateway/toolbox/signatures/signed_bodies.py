"""Signed bodies: providers that sign the body and nothing else.

Takes a request and the provider's secret, gives True or False, by the rules of `verify_hmac`. None of them signs a
time, so only the delivery's own id keeps a recorded request from being taken twice.
"""

import hashlib

from gateway.toolbox.request import Request
from gateway.toolbox.signatures.hmacs import Secret, equals_any, read_keys, verify_hmac


def verify_github(request: Request, secret: Secret, allow_sha1: bool = False) -> bool:
    """GitHub: HMAC-SHA256 of the body as "sha256=" + hex in X-Hub-Signature-256.

    `allow_sha1=True` also takes X-Hub-Signature (SHA-1) where the newer header is absent, for old GitHub
    Enterprise. Rule: docs.github.com, "Validating webhook deliveries". Example: `verify_github(request,
    context.secrets["signing_secret"])`.
    """
    if allow_sha1 is True and "x-hub-signature-256" not in request.headers:
        return verify_hmac(request, header="X-Hub-Signature", secret=secret, digest="sha1", prefix="sha1=")
    return verify_hmac(request, header="X-Hub-Signature-256", secret=secret, prefix="sha256=")


def verify_meta(request: Request, app_secret: Secret) -> bool:
    """Meta (Facebook, Instagram, WhatsApp): HMAC-SHA256 of the body as "sha256=" + hex in X-Hub-Signature-256.

    Rule: developers.facebook.com, "Validating payloads".
    """
    return verify_hmac(request, header="X-Hub-Signature-256", secret=app_secret, prefix="sha256=")


def verify_shopify(request: Request, secret: Secret) -> bool:
    """Shopify: HMAC-SHA256 of the body in base64, in X-Shopify-Hmac-Sha256.

    The secret is the app's client secret, or for webhooks made in the admin the one shown there. Rule: shopify.dev,
    "Verify webhooks". Example: `verify_shopify(request, context.secrets["signing_secret"])`.
    """
    return verify_hmac(request, header="X-Shopify-Hmac-Sha256", secret=secret, encoding="base64")


def verify_woocommerce(request: Request, secret: Secret) -> bool:
    """WooCommerce: HMAC-SHA256 of the body in base64, in X-WC-Webhook-Signature.

    The ping that WooCommerce sends on saving (`webhook_id=…`) is signed like any other. Rule: the plugin's class
    WC_Webhook.
    """
    return verify_hmac(request, header="X-WC-Webhook-Signature", secret=secret, encoding="base64")


def verify_recharge(request: Request, secret: Secret) -> bool:
    """Recharge: SHA-256 of client secret + body in hex, in X-Recharge-Hmac-Sha256; in spite of its name no HMAC.

    The secret is the API client secret of the token. Rule: docs.getrecharge.com, "Webhooks: validation".
    """
    sent = request.headers.get("X-Recharge-Hmac-Sha256")
    good = [hashlib.sha256(key + request.body).hexdigest().encode() for key in read_keys(secret)]
    return sent is not None and equals_any(sent.strip().lower(), good)


def verify_segment(request: Request, secret: Secret) -> bool:
    """Segment: HMAC-SHA1 of the body in hex, in X-Signature, signed with the destination's shared secret.

    Rule: segment.com/docs, "Webhooks destination: authentication".
    """
    return verify_hmac(request, header="X-Signature", secret=secret, digest="sha1")


def verify_line(request: Request, channel_secret: Secret) -> bool:
    """LINE: HMAC-SHA256 of the body in base64, in X-Line-Signature.

    Rule: developers.line.biz, "Verify webhook signature".
    """
    return verify_hmac(request, header="X-Line-Signature", secret=channel_secret, encoding="base64")


def verify_intercom(request: Request, client_secret: Secret) -> bool:
    """Intercom: HMAC-SHA1 of the body as "sha1=" + hex, in X-Hub-Signature.

    Rule: developers.intercom.com, "Signed notifications".
    """
    return verify_hmac(request, header="X-Hub-Signature", secret=client_secret, digest="sha1", prefix="sha1=")


def verify_typeform(request: Request, secret: Secret) -> bool:
    """Typeform: HMAC-SHA256 of the body as "sha256=" + base64, in Typeform-Signature.

    Rule: typeform.com, "Secure your webhooks".
    """
    return verify_hmac(request, header="Typeform-Signature", secret=secret, encoding="base64", prefix="sha256=")
