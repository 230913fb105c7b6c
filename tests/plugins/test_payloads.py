"""Third-party payloads, signed, through the scripts: none fails, and the important ones become what they should.

The payloads are no part of the project: HOOKWRIGHT_TEST_PAYLOADS names the folder that has them and INDEX.jsonl.
"""

from collections import Counter

import pytest
from payloads import PROVIDERS, needs_payloads, payloads_of

from gateway.actions import parse_actions
from gateway.plugins import load_plugin
from gateway.sandbox.pool import Pool

from .runs import actions_of, run_all

pytestmark = [pytest.mark.asyncio(loop_scope="session"), needs_payloads]

# (provider, topic) → what its samples become, in the order of the index.
UPSERT, ORDER, CART = "upsertContact", "upsertOrder", "addProductsToCart"
ACTIVITY, RECORDS = "createContactactivities", "upsertSupplementRecords"
EXPECTED: dict[tuple[str, str], list[list[str]]] = {
    ("shopify", "orders/create"): [[UPSERT, ORDER], []],
    ("shopify", "orders/cancelled"): [[UPSERT, ORDER]] * 4,
    ("shopify", "orders/updated"): [[UPSERT, ORDER]],
    ("shopify", "checkouts/create"): [[UPSERT, CART]] * 4,
    ("shopify", "checkouts/update"): [[UPSERT, CART]] * 2,
    ("shopify", "carts/create"): [[]],
    ("shopify", "customers/create"): [[UPSERT, UPSERT]],
    ("shopify", "customers/update"): [[UPSERT, UPSERT]] * 3,
    ("shopify", "customers/delete"): [[]] * 4,
    ("shopify", "customers/redact"): [[]],
    ("shopify", "customers_email_marketing_consent/update"): [[]] * 4,
    ("shopify", "customer.tags_added"): [["addContactsToList"] * 2] * 3,
    ("shopify", "customer.joined_segment"): [["addContactsToList"]],
    ("shopify", "draft_orders/create"): [[UPSERT, RECORDS]] * 4,
    ("shopify", "fulfillments/create"): [[ACTIVITY]] * 5 + [[]],
    ("shopify", "subscription_contracts/pause"): [[RECORDS]] * 2,
    ("shopify", "products/create"): [[]] * 2,
    ("stripe", "customer.created"): [[UPSERT]] * 5,
    ("stripe", "customer.subscription.deleted"): [[RECORDS, ACTIVITY]] * 3,
    ("stripe", "customer.subscription.updated"): [[RECORDS]] * 7,
    ("stripe", "invoice.paid"): [[UPSERT, RECORDS, ACTIVITY]],
    ("stripe", "invoice.created"): [[UPSERT, RECORDS]] * 2,
    ("stripe", "charge.dispute.created"): [[]] * 2,
    ("stripe", "payout.paid"): [[]],
    ("github", "star.created"): [[ACTIVITY]],
    ("github", "sponsorship.created"): [[UPSERT, RECORDS, ACTIVITY]],
    ("github", "marketplace_purchase.purchased"): [[UPSERT, RECORDS, ACTIVITY]],
    ("github", "issue_comment.created"): [[ACTIVITY]],
    ("github", "watch.started"): [[]],
    ("github", "registry_package.published"): [[]],
    ("segment", "identify"): [[UPSERT]] * 4,
    ("segment", "alias"): [[UPSERT]] * 3,
    ("segment", "group"): [["addContactsToList", RECORDS], [], ["addContactsToList", RECORDS]],
    ("segment", "track.Account Removed User"): [[ACTIVITY, "removeContactsFromList"]],
    ("segment", "track.Audience Entered"): [[ACTIVITY, "addContactsToList"]] * 2,
    ("segment", "track.Order Completed"): [[]],
    ("woocommerce", "order.created"): [[UPSERT, ORDER]] * 4,
    ("woocommerce", "order.updated"): [[UPSERT, ORDER]] * 3,
    ("woocommerce", "customer.updated"): [[UPSERT]] * 3,
    ("woocommerce", "product.updated"): [[]] * 4,
    ("recharge", "customer/created"): [[UPSERT]],
    ("recharge", "customer/updated"): [[UPSERT]],
    ("recharge", "address/created"): [[UPSERT]] * 2,
    ("recharge", "subscription/created"): [[UPSERT, RECORDS, ACTIVITY]] * 2,
    ("recharge", "subscription/cancelled"): [[UPSERT, RECORDS, ACTIVITY]],
    ("recharge", "onetime/updated"): [[RECORDS]],
    ("recharge", "product/updated"): [[]],
}


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_no_payload_fails_and_the_important_ones_become_what_they_should(pool: Pool, provider: str) -> None:
    plugin = load_plugin(provider)
    payloads = payloads_of(provider)
    assert payloads
    became: dict[tuple[str, str], list[list[str]]] = {}
    for payload, outcome in zip(payloads, await run_all(pool, plugin, payloads), strict=True):
        assert outcome.kind in ("actions", "ignored"), (payload.name, outcome.reason, outcome.trace)
        parse_actions(outcome.actions)
        names = [action["action"] for action in actions_of(outcome)]
        became.setdefault((provider, payload.name), []).append(names)
        assert outcome.kind == "actions" or outcome.reason
    for key, expected in EXPECTED.items():
        if key[0] == provider:
            assert became[key] == expected, key


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_no_payload_could_end_in_waiting(pool: Pool, provider: str) -> None:
    payloads = payloads_of(provider)
    kinds: Counter[str] = Counter()
    for outcome in await run_all(pool, load_plugin(provider), payloads):
        for action in actions_of(outcome):
            kinds[action["action"]] += 1
            contact = action.get("contact", action)
            if action["action"] == "createContactactivities":
                assert contact["canBeCreated"] is True
            if action["action"] == "upsertContact" and len(contact["identifiers"]) > 1:
                assert contact["mergeOptions"] == {"mergeAllowed": True}
    assert kinds
