"""Payloads: real webhook bodies of third parties, as fixtures.

They are no part of the project: HOOKWRIGHT_TEST_PAYLOADS names the folder that has them and INDEX.jsonl.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from gateway.plugins import Fixture

FOLDER = os.environ.get("HOOKWRIGHT_TEST_PAYLOADS")

needs_payloads = pytest.mark.skipif(
    FOLDER is None or not Path(FOLDER, "INDEX.jsonl").exists(),
    reason="HOOKWRIGHT_TEST_PAYLOADS names no folder with an INDEX.jsonl of third-party payloads",
)

PROVIDERS = ("shopify", "stripe", "github", "segment", "woocommerce", "recharge")
TOPIC_HEADERS = {"shopify": "X-Shopify-Topic", "woocommerce": "X-WC-Webhook-Topic", "recharge": "X-Recharge-Topic"}

# Samples of one topic whose file is named after an example of the vendor's documentation, or of a library.
REAL_TOPICS = {
    "example.CustomersCreate": "customers/create",
    "example.CustomersDelete": "customers/delete",
    "example.CustomersEmailMarketingConsentUpdate": "customers_email_marketing_consent/update",
    "example.CustomersMarketingConsentUpdate": "customers_marketing_consent/update",
    "example.CustomersMerge": "customers/merge",
    "example.Order": "orders/updated",
    "example.CartsCreate": "carts/create",
    "example.CheckoutsCreate": "checkouts/create",
    "example.DraftOrdersCreate": "draft_orders/create",
    "example.Fulfillment": "fulfillments/create",
    "fulfillments/exemplar": "fulfillments/create",
    "customer/updated.v2021-01": "customer/updated",
    "product/updated.v2021-01": "product/updated",
}


def payloads_of(provider: str) -> list[Fixture]:
    """Read one provider's payloads; where a sample lost its topic's header, the index still knows it."""
    lines = Path(str(FOLDER), "INDEX.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if row["provider"] == provider]
    return [_payload(provider, row) for row in rows]


def _payload(provider: str, row: dict[str, Any]) -> Fixture:
    topic = REAL_TOPICS.get(row["topic"], row["topic"])
    headers = {"Content-Type": row["content_type"], **row["headers"]}
    if provider in TOPIC_HEADERS:
        headers.setdefault(TOPIC_HEADERS[provider], topic)
    return Fixture(topic, "POST", "", headers, Path(str(FOLDER), row["file"]).read_bytes())
