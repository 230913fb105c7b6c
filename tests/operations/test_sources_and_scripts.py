"""What people do with sources and scripts, and what is refused with a way out."""

from typing import Any

import orjson
import pytest
from running import OPEN_SCRIPT, WORD, Running

from gateway.errors import Conflict, NotFound, OperatorError, ScriptRefused
from gateway.operations import demo, scripts, secrets, sources
from gateway.plugins import list_plugins, load_plugin

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("name", ["a", "a-b", "0", "shop-2", "x" * 64])
async def test_a_slug_names_a_source(running: Running, name: str) -> None:
    added = await sources.add_source(running.op, name)
    assert (added["name"], added["state"], added["live_version"]) == (name, "live", None)
    assert added["url"] == f"http://127.0.0.1:{running.settings.gateway_port}/in/{name}"
    assert (await running.http.post(f"/in/{name}", content=b"{}")).status_code == 200


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a b", "a/b", "a.b", "ü", "x" * 65, "api", "a\n", "../etc"])
async def test_anything_else_does_not(running: Running, name: str) -> None:
    with pytest.raises(OperatorError, match="cannot name a source"):
        await sources.add_source(running.op, name)


async def test_a_name_is_taken_once_and_never_again_after_removal(running: Running) -> None:
    await running.add_source("once")
    with pytest.raises(Conflict, match="exists"):
        await sources.add_source(running.op, "once")
    await sources.remove_source(running.op, "once")
    assert (await running.http.post("/in/once", content=b"{}", headers=WORD)).status_code == 404
    with pytest.raises(Conflict, match="never used twice"):
        await sources.add_source(running.op, "once")
    with pytest.raises(NotFound):
        await sources.show_source(running.op, "once")
    assert "once" not in [source["name"] for source in await sources.list_sources(running.op)]


@pytest.mark.parametrize("plugin", list_plugins())
async def test_a_source_of_a_plugin_is_live_at_once_with_the_plugins_settings(running: Running, plugin: str) -> None:
    added = await sources.add_source(running.op, f"of-{plugin}", plugin=plugin)
    manifest = load_plugin(plugin).manifest
    assert added["live_version"]["number"] == 1
    assert added["settings"] == manifest.default_settings
    assert added["missing_secrets"] == [secret.name for secret in manifest.secrets if secret.is_required]
    for secret in added["missing_secrets"]:
        await secrets.set_secret(running.op, f"of-{plugin}", secret, "a-long-enough-value")
    assert (await sources.show_source(running.op, f"of-{plugin}"))["missing_secrets"] == []


async def test_settings_of_a_plugin_are_chosen_by_name_and_unknown_ones_are_refused(running: Running) -> None:
    chosen = await sources.add_source(running.op, "crm", plugin="generic", settings={"identifier_key": "crm_id"})
    assert chosen["settings"]["identifier_key"] == "crm_id"
    assert chosen["settings"]["email_path"] == "email"
    key = await running.make_key("sender", "crm")
    posted = await running.http.post("/in/crm", json={"id": 7, "email": "crm@example.com"}, headers=key)
    await running.event(posted.json()["id"])
    assert (await running.contact("crm_id", "7")).status_code == 200
    with pytest.raises(OperatorError, match=r"no setting colour; it has: .*email_path"):
        await sources.add_source(running.op, "crm-2", plugin="generic", settings={"colour": "red"})
    with pytest.raises(NotFound):
        await sources.show_source(running.op, "crm-2")


async def test_an_unknown_plugin_is_named_with_those_there_are(running: Running) -> None:
    with pytest.raises(NotFound, match="shopify"):
        await sources.add_source(running.op, "of-nothing", plugin="nothing")


async def test_demo_sources_are_added_once_each_with_a_secret_of_its_own(running: Running) -> None:
    added = await demo.add_demo_sources(running.op)
    assert [source["name"] for source in added] == [f"demo-{plugin}" for plugin in list_plugins()]
    assert all(source["missing_secrets"] == [] for source in added)
    assert await demo.add_demo_sources(running.op) == []
    values = [
        await secrets.unseal_secret(running.op, source["name"], name) for source in added for name in source["secrets"]
    ]
    assert len(values) == len(set(values)) > 1


@pytest.mark.parametrize("act", ["pause", "resume", "disable", "enable", "remove"])
async def test_nothing_can_be_done_to_a_source_that_is_not_there(running: Running, act: str) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        await getattr(sources, f"{act}_source")(running.op, "nowhere")


async def test_versions_are_counted_and_an_older_one_can_be_published_again(running: Running) -> None:
    await running.add_source("rolled")
    second = OPEN_SCRIPT.replace('request.json["visits"]', "2")
    assert (await scripts.push_script(running.op, "rolled", second, is_published=True))["number"] == 2
    back = await scripts.publish_version(running.op, "rolled", "1")
    assert (back["number"], back["is_live"]) == (1, True)
    listed = await scripts.list_versions(running.op, "rolled")
    assert {version["number"]: version["is_live"] for version in listed} == {1: True, 2: False}
    posted = await running.http.post("/in/rolled", json={"email": "rolled@example.com", "visits": 41}, headers=WORD)
    assert (await running.event(posted.json()["id"]))["version_id"] == back["id"]
    with pytest.raises(NotFound):
        await scripts.publish_version(running.op, "rolled", "3")


async def test_a_version_of_another_source_cannot_be_published(running: Running) -> None:
    await running.add_source("mine-not-theirs")
    await running.add_source("theirs")
    (theirs,) = await scripts.list_versions(running.op, "theirs")
    with pytest.raises(NotFound):
        await scripts.publish_version(running.op, "mine-not-theirs", theirs["id"])


async def test_a_text_that_is_pushed_and_not_published_does_not_run(running: Running) -> None:
    await running.add_source("draft")
    pushed = await scripts.push_script(running.op, "draft", OPEN_SCRIPT.replace('["visits"]', '["nothing"]'))
    assert pushed["is_live"] is False
    posted = await running.http.post("/in/draft", json={"email": "draft@example.com", "visits": 1}, headers=WORD)
    assert (await running.event(posted.json()["id"]))["status"] == "applied"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("def transform(request, context):\n    import os\n", 2),
        ("def transform(:\n", 1),
        ("x = open('/etc/passwd')", 1),
    ],
)
async def test_a_refused_script_names_its_lines(running: Running, text: str, line: int) -> None:
    checked = await scripts.check_script(running.settings, text)
    assert [problem.line for problem in checked.problems][:1] == [line]
    if not any(source["name"] == "refusing" for source in await sources.list_sources(running.op)):
        await running.add_source("refusing")
    with pytest.raises(ScriptRefused) as refused:
        await scripts.push_script(running.op, "refusing", text)
    assert refused.value.problems[0].line == line
    assert len(await scripts.list_versions(running.op, "refusing")) == 1


async def test_a_removed_source_leaves_its_events_readable(running: Running) -> None:
    await running.add_source("leaving")
    body: dict[str, Any] = {"email": "leaving@example.com", "visits": 1}
    event_id = (await running.http.post("/in/leaving", content=orjson.dumps(body), headers=WORD)).json()["id"]
    await running.event(event_id)
    await sources.remove_source(running.op, "leaving")
    assert (await running.event(event_id))["source"] == "leaving"
    assert (await running.contact("email", "leaving@example.com")).status_code == 200
