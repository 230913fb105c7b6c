"""Alerts: the secret that signs them, for the one who receives them."""

import base64

from gateway.operations.operator import Operator

ALERT_KEY = "alerts"


async def show_alert_secret(op: Operator) -> str:
    """Give the secret as Standard Webhooks write it: `whsec_` and base64. It changes with the first SECRET_KEY."""
    return f"whsec_{base64.b64encode(op.sealer.derive_key(ALERT_KEY)).decode()}"
