"""Manifests, scripts and fixtures are of one piece."""

import ast
import hashlib
import hmac
import json
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway import plugins, toolbox
from gateway.errors import BadSetting, NotFound
from gateway.plugins import FOLDER, Fixture, Manifest, Plugin, list_plugins, load_plugin, personalise, sign
from gateway.sandbox.pool import Pool

from .runs import SECRET, actions_of, run

ALL = [load_plugin(name) for name in list_plugins()]
NOW = datetime(2026, 12, 1, tzinfo=UTC)


def read_names(text: str, holder: str) -> set[str]:
    """List the constants that a script uses as keys of `settings[...]` or `context.secrets[...]`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            owner = node.value
            spelled = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", None)
            if spelled == holder:
                names.add(str(node.slice.value))
    return names


def test_the_seven_ready_made_sources_are_there() -> None:
    assert list_plugins() == ["generic", "github", "recharge", "segment", "shopify", "stripe", "woocommerce"]


@pytest.mark.parametrize("plugin", ALL, ids=lambda plugin: plugin.name)
def test_a_script_reads_exactly_the_settings_and_secrets_of_its_manifest(plugin: Plugin) -> None:
    assert read_names(plugin.script, "settings") == set(plugin.manifest.default_settings)
    assert read_names(plugin.script, "secrets") == {secret.name for secret in plugin.manifest.secrets}


@pytest.mark.parametrize("plugin", ALL, ids=lambda plugin: plugin.name)
def test_a_signed_source_signs_with_the_secret_that_every_tool_knows(plugin: Plugin) -> None:
    names = [secret.name for secret in plugin.manifest.secrets]
    assert names == ([] if plugin.manifest.signing.kind == "api_key" else [plugins.SIGNING_SECRET])


@pytest.mark.parametrize("plugin", ALL, ids=lambda plugin: plugin.name)
def test_identity_settings_are_the_same_everywhere(plugin: Plugin) -> None:
    settings = plugin.manifest.default_settings
    assert settings["identifier_key"] == f"{plugin.name}_id"
    assert settings.get("identify_by_phone", False) is False


@pytest.mark.parametrize("plugin", ALL, ids=lambda plugin: plugin.name)
def test_every_fixture_says_what_is_expected(plugin: Plugin) -> None:
    assert all(fixture.expected is not None for fixture in plugin.fixtures)
    expected = {path.name.split(".")[0] for path in (FOLDER / plugin.name / "fixtures").glob("*.expected.json")}
    assert expected == {fixture.name for fixture in plugin.fixtures}


@pytest.mark.parametrize("plugin", ALL, ids=lambda plugin: plugin.name)
def test_there_is_something_to_do_and_something_to_ignore(plugin: Plugin) -> None:
    expected = [fixture.expected for fixture in plugin.fixtures]
    assert isinstance(plugin.find_fixture().expected, list)
    assert any(isinstance(each, dict) and each["kind"] == "ignored" for each in expected)


@pytest.mark.parametrize("plugin", ALL, ids=lambda plugin: plugin.name)
def test_a_guide_names_every_setting_and_how_to_get_the_secret(plugin: Plugin) -> None:
    for name in (*plugin.manifest.default_settings, *(secret.name for secret in plugin.manifest.secrets)):
        assert f"`{name}`" in plugin.guide, name


@pytest.mark.parametrize("plugin", ALL, ids=lambda plugin: plugin.name)
def test_a_script_is_short_and_fits_the_editor(plugin: Plugin) -> None:
    lines = plugin.script.splitlines()
    assert len(lines) <= 300
    assert max(len(line) for line in lines) <= 120


@pytest.mark.parametrize("plugin", ALL, ids=lambda plugin: plugin.name)
def test_people_in_fixtures_are_invented(plugin: Plugin) -> None:
    for fixture in plugin.fixtures:
        for word in fixture.body.decode().replace('"', " ").split():
            assert "@" not in word or word.lower().rstrip(",").endswith("@example.com"), word


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("plugin", ALL, ids=lambda plugin: plugin.name)
async def test_a_script_is_within_the_language_of_scripts(pool: Pool, plugin: Plugin) -> None:
    checked = await pool.check(plugin.script)
    assert checked.problems == ()
    assert checked.has_authenticate == (plugin.manifest.signing.kind != "api_key")
    assert checked.docstring


def test_the_default_fixture_of_shopify_is_a_real_order() -> None:
    fixture = load_plugin("shopify").find_fixture()
    assert 4_500 <= len(fixture.body) <= 5_500
    assert [action["action"] for action in fixture.expected] == ["upsertContact", "upsertOrder"]
    assert len(fixture.expected[1]["items"]) == 8


@pytest.mark.parametrize("plugin", ALL, ids=lambda plugin: plugin.name)
def test_every_serial_has_its_own_delivery_and_person_and_keeps_them(plugin: Plugin) -> None:
    fixture = plugin.find_fixture()
    made = [personalise(plugin, fixture, serial) for serial in ("1", "2", "2")]
    assert made[1] == made[2]
    assert len({fixture.body, made[0].body, made[1].body}) == 3
    assert sign(plugin, made[0], "s", NOW) != sign(plugin, made[1], "s", NOW)


def test_a_personal_order_keeps_its_form() -> None:
    plugin = load_plugin("shopify")
    own = personalise(plugin, plugin.find_fixture(), "1")
    body = json.loads(own.body)
    assert type(body["id"]) is int
    assert body["admin_graphql_api_id"] == f"gid://shopify/Order/{body['id']}"
    assert body["customer"]["admin_graphql_api_id"] == f"gid://shopify/Customer/{body['customer']['id']}"
    assert body["email"] == body["customer"]["email"] == body["contact_email"]
    assert body["email"].startswith("mira.sandoval+")
    assert body["email"].endswith("@example.com")
    assert own.headers["x-shopify-webhook-id"] != plugin.find_fixture().headers["x-shopify-webhook-id"]


@pytest.mark.parametrize("name", ["nobody-has-this", "../shopify", "", "shopify/"])
def test_an_unknown_plugin_is_not_found(name: str) -> None:
    with pytest.raises(NotFound, match="there are generic, github"):
        load_plugin(name)


def test_an_unknown_fixture_is_not_found_and_the_others_are_named() -> None:
    with pytest.raises(NotFound, match="star_created"):
        load_plugin("github").find_fixture("nope")


def test_a_broken_manifest_says_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "plugin.toml").write_text('title = "Mine"\nsurprise = 1\n')
    monkeypatch.setattr(plugins, "FOLDER", tmp_path)
    with pytest.raises(BadSetting, match="surprise"):
        load_plugin("mine")


def test_a_default_of_another_type_is_refused() -> None:
    manifest = tomllib.loads((FOLDER / "shopify" / "plugin.toml").read_text())
    manifest["settings"][1]["default"] = "no"
    with pytest.raises(ValueError, match="identify_by_phone is not of the type boolean"):
        Manifest.model_validate(manifest)


def test_a_body_that_is_no_json_is_signed_and_left_as_it_is() -> None:
    plugin = load_plugin("woocommerce")
    ping = plugin.find_fixture("ping")
    assert personalise(plugin, ping, "9").body == ping.body == b"webhook_id=7"


def test_words_in_braces_in_a_body_are_signed_as_they_stand() -> None:
    plugin = load_plugin("recharge")
    fixture = Fixture("braces", "POST", "", {}, b"{secret}{timestamp}{body}")
    signature = sign(plugin, fixture, "k", NOW)["X-Recharge-Hmac-Sha256"]
    assert signature == hashlib.sha256(b"k{secret}{timestamp}{body}").hexdigest()


def guide_example() -> str:
    """Give the first script of the author's guide."""
    guide = (FOLDER / "README.md").read_text(encoding="utf-8")
    return guide.split("```python\n")[1].split("```")[0]


def test_the_guide_names_only_what_the_toolbox_has() -> None:
    guide = (FOLDER / "README.md").read_text(encoding="utf-8").split("## The toolbox")[1].split("\n## ")[0]
    named = {word for word in guide.split("`")[1::2] if word.isidentifier()}
    assert len(named) > 50
    assert named <= set(toolbox.__all__)


@pytest.mark.asyncio(loop_scope="session")
async def test_the_example_of_the_guide_works(pool: Pool) -> None:
    plugin = replace(load_plugin("shopify"), script=guide_example())
    sale = {
        "kind": "sale",
        "sold_at": "2026-10-12 10:15:30",
        "customer": 7,
        "email": "jo@example.com",
        "first_name": "Jo",
    }
    book = {"isbn": "9780000000002", "title": "Tea", "count": 2, "price": "12.50"}
    body = json.dumps({**sale, "number": 88, "total": "25.00", "books": [book]}).encode()
    signature = hmac.digest(SECRET.encode(), body, "sha256").hex()
    headers = {"content-type": "application/json", "x-bookshop-signature": signature}
    actions = actions_of(await run(pool, plugin, Fixture("sale", "POST", "", headers, body), headers))
    assert [action["occurredAt"] for action in actions] == ["2026-10-12T08:15:30Z"] * 2
    assert actions[1]["items"] == [
        {"productID": "9780000000002", "sku": "9780000000002", "name": "Tea", "itemPrice": "12.50", "qty": 2}
    ]
