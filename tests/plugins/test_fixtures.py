"""Every fixture, signed as its sender signs, through its plugin's script in a real sandbox child."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.actions import read_instant
from gateway.plugins import Fixture, Plugin, list_plugins, load_plugin, personalise, sign
from gateway.sandbox.pool import Pool

from .runs import RECEIVED_AT, SECRET, actions_of, expectation_of, run

pytestmark = pytest.mark.asyncio(loop_scope="session")

PLUGINS = [load_plugin(name) for name in list_plugins()]
SIGNED = [plugin for plugin in PLUGINS if plugin.manifest.signing.kind != "api_key"]
CASES = [pytest.param(plugin, each, id=f"{plugin.name}-{each.name}") for plugin in PLUGINS for each in plugin.fixtures]
# The one handshake is unsigned by nature: it is answered before any signature is looked at, and does nothing.
GUARDED = [case for case in CASES if case.values[0] in SIGNED and case.id != "woocommerce-ping"]


@pytest.mark.parametrize(("plugin", "fixture"), CASES)
async def test_a_fixture_becomes_what_its_plugin_expects(pool: Pool, plugin: Plugin, fixture: Fixture) -> None:
    outcome = await run(pool, plugin, fixture)
    assert expectation_of(outcome) == fixture.expected


@pytest.mark.parametrize(("plugin", "fixture"), GUARDED)
async def test_another_secret_does_not_open_the_door(pool: Pool, plugin: Plugin, fixture: Fixture) -> None:
    outcome = await run(pool, plugin, fixture, sign(plugin, fixture, f"{SECRET}x", RECEIVED_AT))
    assert (outcome.kind, outcome.status, outcome.is_authenticated) == ("rejected", 401, False)


@pytest.mark.parametrize(("plugin", "fixture"), GUARDED)
async def test_one_more_byte_does_not_open_the_door(pool: Pool, plugin: Plugin, fixture: Fixture) -> None:
    headers = sign(plugin, fixture, SECRET, RECEIVED_AT)
    outcome = await run(pool, plugin, replace(fixture, body=fixture.body + b" "), headers)
    assert (outcome.kind, outcome.is_authenticated) == ("rejected", False)


@pytest.mark.parametrize("plugin", SIGNED, ids=lambda plugin: plugin.name)
async def test_no_signature_does_not_open_the_door(pool: Pool, plugin: Plugin) -> None:
    fixture = plugin.find_fixture()
    outcome = await run(pool, plugin, fixture, dict(fixture.headers))
    assert (outcome.kind, outcome.is_authenticated) == ("rejected", False)


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda plugin: plugin.name)
async def test_a_fixture_with_a_person_of_its_own_passes_as_well(pool: Pool, plugin: Plugin) -> None:
    original, own = plugin.find_fixture(), personalise(plugin, plugin.find_fixture(), "7")
    first, second = await run(pool, plugin, original), await run(pool, plugin, own)
    assert second.kind == "actions"
    assert first.unique_key is None or first.unique_key != second.unique_key
    names = [actions_of(outcome)[0] for outcome in (first, second)]
    assert len({str(action.get("contact", action)["identifiers"]) for action in names}) == 2


async def test_the_unsigned_handshake_is_answered_and_nothing_else(pool: Pool) -> None:
    plugin = load_plugin("woocommerce")
    ping = plugin.find_fixture("ping")
    outcome = await run(pool, plugin, ping, dict(ping.headers))
    assert (outcome.kind, outcome.is_authenticated, outcome.actions) == ("answered", False, b"[]")
    longer = replace(ping, body=ping.body + b"&" + b"x" * 50)
    assert (await run(pool, plugin, longer, dict(ping.headers))).kind == "rejected"


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda plugin: plugin.name)
async def test_the_manifest_finds_the_time_that_the_script_names(pool: Pool, plugin: Plugin) -> None:
    outcome = await run(pool, plugin, plugin.find_fixture())
    assert outcome.occurred_at is not None
    by_manifest = datetime.fromtimestamp(outcome.occurred_at / 1_000_000, UTC)
    assert {read_instant(action["occurredAt"]) for action in actions_of(outcome)} == {by_manifest}


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("shopify", "5e1c0a7e-4b1d-4f0e-9c7a-000000000001"),
        ("stripe", "evt_1QInvented0001"),
        ("github", "72d3162e-cc78-11ef-81ab-000000000001"),
        ("segment", "ajs-next-invented-0002"),
        ("woocommerce", "d2c5ff9e0001"),
        ("generic", "signup-0001"),
        ("recharge", None),
    ],
)
async def test_the_manifest_finds_what_identifies_a_delivery(pool: Pool, name: str, key: str | None) -> None:
    plugin = load_plugin(name)
    assert (await run(pool, plugin, plugin.find_fixture())).unique_key == key
