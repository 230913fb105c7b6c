"""The rules that hold for all plugins: identity, consent, time, and never ending in waiting."""

from typing import Any

import pytest

from gateway.plugins import Fixture, Plugin, list_plugins, load_plugin
from gateway.sandbox.pool import Pool

from .runs import actions_of, run

pytestmark = pytest.mark.asyncio(loop_scope="session")

PLUGINS = [load_plugin(name) for name in list_plugins()]
ACTING = [
    pytest.param(plugin, each, id=f"{plugin.name}-{each.name}")
    for plugin in PLUGINS
    for each in plugin.fixtures
    if isinstance(each.expected, list)
]
BY_PHONE = [("shopify", "customers_update"), ("stripe", "customer_updated"), ("woocommerce", "customer_updated")]
BY_PHONE += [("segment", "identify"), ("recharge", "address_updated"), ("recharge", "customer_updated")]
BY_PHONE += [("generic", "nobody")]


def contacts_of(action: dict[str, Any]) -> list[dict[str, Any]]:
    named = action.get("contact", action.get("contacts", action))["identifiers"]
    return named if isinstance(named, list) else [named]


@pytest.mark.parametrize(("plugin", "fixture"), ACTING)
async def test_people_are_named_by_the_sender_s_number_and_e_mail_only(
    pool: Pool, plugin: Plugin, fixture: Fixture
) -> None:
    allowed = {f"{plugin.name}_id", "email", "segment_anonymous_id"}
    for action in actions_of(await run(pool, plugin, fixture)):
        for identifiers in contacts_of(action):
            assert set(identifiers) <= allowed
            assert all(identifiers.values())


@pytest.mark.parametrize(("plugin", "fixture"), ACTING)
async def test_every_action_says_when_it_happened(pool: Pool, plugin: Plugin, fixture: Fixture) -> None:
    assert all("occurredAt" in action for action in actions_of(await run(pool, plugin, fixture)))


@pytest.mark.parametrize(("plugin", "fixture"), ACTING)
async def test_nothing_can_end_in_waiting(pool: Pool, plugin: Plugin, fixture: Fixture) -> None:
    """Activities bring their contact, and two identifiers that belong to two contacts may join them."""
    for action in actions_of(await run(pool, plugin, fixture)):
        contact = action.get("contact", action)
        if action["action"] == "createContactactivities":
            assert contact["canBeCreated"] is True
        if action["action"] in ("upsertContact", "createContactactivities") and len(contact["identifiers"]) > 1:
            assert contact["mergeOptions"] == {"mergeAllowed": True}
        assert action.get("isAllowedToCreateLists", True) is True


@pytest.mark.parametrize(("name", "event"), BY_PHONE)
async def test_a_phone_identifies_only_where_the_source_is_set_so(pool: Pool, name: str, event: str) -> None:
    plugin = load_plugin(name)
    fixture = plugin.find_fixture(event)
    by_default = await run(pool, plugin, fixture)
    on_request = await run(pool, plugin, fixture, identify_by_phone=True)
    assert not any("phone" in each for action in actions_of(by_default) for each in contacts_of(action))
    assert all(each["phone"].startswith("+44") for action in actions_of(on_request) for each in contacts_of(action))


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda plugin: plugin.name)
async def test_the_number_goes_under_the_key_that_the_source_is_set_to(pool: Pool, plugin: Plugin) -> None:
    actions = actions_of(await run(pool, plugin, plugin.find_fixture(), identifier_key="second_shop_id"))
    for action in actions:
        assert all("second_shop_id" in each and f"{plugin.name}_id" not in each for each in contacts_of(action))


async def test_only_an_explicit_act_undoes_an_unsubscribe(pool: Pool) -> None:
    plugin = load_plugin("shopify")
    profile = actions_of(await run(pool, plugin, plugin.find_fixture("customers_update")))
    said = [action for action in profile if "channels.email.subscribeStatus" in action["attributes"]]
    assert [action.get("forceSubscribe", False) for action in said] == [False]
    act = actions_of(await run(pool, plugin, plugin.find_fixture("customers_email_marketing_consent_update")))
    assert [action.get("forceSubscribe", False) for action in act] == [True]


async def test_an_anonymous_visitor_is_kept_or_not_as_the_source_is_set(pool: Pool) -> None:
    plugin = load_plugin("segment")
    fixture = plugin.find_fixture("product_added_anonymous")
    assert (await run(pool, plugin, fixture)).kind == "actions"
    assert (await run(pool, plugin, fixture, keep_anonymous=False)).kind == "ignored"


async def test_identify_ties_the_device_to_the_person_or_not_as_the_source_is_set(pool: Pool) -> None:
    plugin = load_plugin("segment")
    fixture = plugin.find_fixture("identify")
    tied = actions_of(await run(pool, plugin, fixture))
    untied = actions_of(await run(pool, plugin, fixture, link_anonymous=False))
    assert "segment_anonymous_id" in tied[0]["identifiers"]
    assert "segment_anonymous_id" not in untied[0]["identifiers"]
