"""Signatures: is this request really from the one it says it is from?

    hmacs          the general forms            tokens         passwords, bearer tokens, JWTs
    public_keys    ed25519, ECDSA, RSA          signed_bodies  providers that sign the body
    signed_times   … the body and a time        signed_fields  … the URL, or fields by their own rules

Every check gives True or False for whatever a sender sent, and raises ValueError only for a wrong use. One `secret`
may be a list while it is rotated. Comparison is constant-time; the clock is `request.received_at`.
"""

from gateway.toolbox.signatures.hmacs import constant_time_equals, verify_hmac, verify_timestamped_hmac
from gateway.toolbox.signatures.public_keys import verify_ed25519
from gateway.toolbox.signatures.signed_bodies import (
    verify_github,
    verify_intercom,
    verify_line,
    verify_meta,
    verify_recharge,
    verify_segment,
    verify_shopify,
    verify_typeform,
    verify_woocommerce,
)
from gateway.toolbox.signatures.signed_fields import (
    verify_adyen_item,
    verify_mailgun,
    verify_messagebird,
    verify_sns,
    verify_square,
    verify_twilio,
)
from gateway.toolbox.signatures.signed_times import (
    verify_box,
    verify_calendly,
    verify_hubspot,
    verify_paddle,
    verify_recurly,
    verify_sendgrid,
    verify_slack,
    verify_standard_webhooks,
    verify_stripe,
    verify_zendesk,
)
from gateway.toolbox.signatures.tokens import verify_basic, verify_bearer, verify_jwt, verify_token

__all__ = [
    "constant_time_equals",
    "verify_adyen_item",
    "verify_basic",
    "verify_bearer",
    "verify_box",
    "verify_calendly",
    "verify_ed25519",
    "verify_github",
    "verify_hmac",
    "verify_hubspot",
    "verify_intercom",
    "verify_jwt",
    "verify_line",
    "verify_mailgun",
    "verify_messagebird",
    "verify_meta",
    "verify_paddle",
    "verify_recharge",
    "verify_recurly",
    "verify_segment",
    "verify_sendgrid",
    "verify_shopify",
    "verify_slack",
    "verify_sns",
    "verify_square",
    "verify_standard_webhooks",
    "verify_stripe",
    "verify_timestamped_hmac",
    "verify_token",
    "verify_twilio",
    "verify_typeform",
    "verify_woocommerce",
    "verify_zendesk",
]
