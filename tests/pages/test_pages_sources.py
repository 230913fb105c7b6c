"""Sources on their pages: made, looked at, switched, tuned; what comes in before there is a script."""

import shlex
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from running import OPEN_SCRIPT, WORD, Running
from staffed import EVIL, last_write, page, post, staff, write
from visitors import House

from gateway.operations.curl import KEY_PLACE
from gateway.operations.scripts import push_script
from gateway.operations.sources import add_source, show_source
from gateway.plugins import list_plugins, load_plugin
from gateway.queue.keys import QUARANTINES
from gateway.queue.quarantines import tell_quarantine
from gateway.store.registry import read_publications

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(running: Running) -> AsyncIterator[House]:
    yield await staff(running, "sources", "src-ours", "src-theirs")


async def test_the_list_shows_what_its_reader_may_see_and_finds_by_name(house: House) -> None:
    everything, ours = await house.signed_in("viewer"), await house.signed_in("ours")
    text = await page(everything, "/sources")
    assert 'href="/sources/src-ours"' in text
    assert 'href="/sources/src-theirs"' in text
    assert "New source" not in text, "only an admin makes one"
    text = await page(ours, "/sources")
    assert 'href="/sources/src-ours"' in text
    assert "src-theirs" not in text
    assert 'href="/sources/src-ours"' not in await page(everything, "/sources?q=theirs")
    assert "No source goes by" in await page(everything, "/sources?q=nonsense")


async def test_a_source_shows_where_to_post_and_what_came_in(running: Running, house: House) -> None:
    event_id = await post(running, "src-ours", email="sources@example.com", visits=1)
    failed = await post(running, "src-ours", email="sources@example.com")
    viewer = await house.signed_in("viewer")
    text = await page(viewer, "/sources/src-ours")
    assert f"{running.settings.effective_public_url}/in/src-ours" in text
    assert f'href="/events/{event_id}"' in text
    assert "KeyError: visits" in text
    newest = text.partition('id="newest_events"')[2]
    assert newest.index(failed) < newest.index(event_id), "newest first, whatever became of them"
    for button in ("Pause", "Disable", "Remove"):
        assert f">{button}</button>" not in text, "not for a viewer"
    assert (await (await house.signed_in("ours")).get("/sources/src-theirs")).status_code == 403


async def as_a_shell_runs_it(running: Running, command: str) -> dict[str, Any]:
    """Post what a command of curl posts: `curl -g -X METHOD URL -H … --data-binary BODY`."""
    _, _, _, method, url, *rest = shlex.split(command.replace(" \\\n", " "))
    options = list(zip(rest[::2], rest[1::2], strict=True))
    headers = [tuple(value.split(": ", 1)) for option, value in options if option == "-H"]
    body = next(value for option, value in options if option == "--data-binary")
    return dict((await running.http.request(method, url, headers=headers, content=body.encode())).json())


@pytest.mark.parametrize("plugin", list_plugins())
async def test_a_signed_command_is_made_that_the_script_takes(running: Running, house: House, plugin: str) -> None:
    name = f"src-curl-{plugin}"
    manifest = load_plugin(plugin).manifest
    secrets = {field.name: "whsec_c2VjcmV0LW9mLXRoZS1zaG9w" for field in manifest.secrets if field.is_required}
    await add_source(running.op, name, plugin=plugin, secrets=secrets)
    admin = await house.signed_in("admin")
    assert f'href="/sources/{name}/curl"' in await page(admin, f"/sources/{name}")
    shown = await page(admin, f"/sources/{name}/curl")
    assert "c2VjcmV0LW9mLXRoZS1zaG9w" not in shown
    command = shown.partition('<hw-copy value="')[2].partition('" label="the signed command"')[0]
    if manifest.signing.kind == "api_key":
        command = command.replace(KEY_PLACE, (await running.make_key("sender", name))["x-api-key"])
    answer = await as_a_shell_runs_it(running, command)
    assert answer["status"] == "queued", answer
    assert (await running.event(answer["id"]))["status"] == "applied"


async def test_only_who_could_sign_anyway_is_given_a_signed_command(running: Running, house: House) -> None:
    await add_source(running.op, "src-curl", plugin="shopify", secrets={"signing_secret": "secret-of-the-shop"})
    viewer, ours = await house.signed_in("viewer"), await house.signed_in("ours")
    assert "make a signed one" not in await page(viewer, "/sources/src-curl")
    assert (await viewer.get("/sources/src-curl/curl")).status_code == 403
    assert (await ours.get("/sources/src-curl/curl")).status_code == 403
    assert "without a plugin" in await page(ours, "/sources/src-ours/curl", 409)


async def test_a_new_source_from_a_plugin_is_live_and_its_secret_is_never_shown(running: Running, house: House) -> None:
    admin = await house.signed_in("admin")
    assert "Shopify" in await page(admin, "/sources/new")
    form = await page(admin, "/sources/new?plugin=shopify")
    assert "Settings → Notifications → Webhooks" in form, "where its secret is found"
    fields = {"plugin": "shopify", "secret-signing_secret": "very-secret-value", "setting-list_prefix": "shop"}
    said = await write(admin, "/sources/new", 422, name="Not a slug", **fields)
    assert 'value="Not a slug"' in said
    assert "very-secret-value" not in said
    assert await write(admin, "/sources/new", name="src-shop", **fields) == "/sources/src-shop"
    made = await show_source(house.op, "src-shop")
    assert (made["state"], made["missing_secrets"]) == ("live", [])
    for path in ("", "/secrets", "/settings", "/versions"):
        assert "very-secret-value" not in await page(admin, f"/sources/src-shop{path}")
    assert "Settings → Notifications" in await page(admin, "/sources/src-shop/guide")
    assert 'value="shop"' in await page(admin, "/sources/src-shop/settings")
    taken = await write(admin, "/sources/new", 422, name="src-shop", **fields)
    assert 'aria-invalid="true"' in taken
    assert (await last_write(house, "source.add"))["actor"] == "user:sources-admin@example.com"


async def test_what_comes_in_before_a_script_is_captured_and_processed_later(running: Running, house: House) -> None:
    admin = await house.signed_in("admin")
    await write(admin, "/sources/new", plugin="none", name="src-empty")
    assert "No script yet" in await page(admin, "/sources/src-empty")
    answer = await running.http.post("/in/src-empty", json={"email": EVIL, "visits": 3}, headers=WORD)
    assert answer.status_code == 200
    shown = await admin.get("/sources/src-empty/captured")
    assert EVIL not in shown.text
    sample = shown.text.partition("sample%3A")[2].partition('"')[0]
    where = await write(admin, f"/sources/src-empty/captured/sample/{sample}/fixture", name="first of all")
    assert "first of all" in await page(admin, where)
    assert "Give the fixture a name" in await write(
        admin, f"/sources/src-empty/captured/sample/{sample}/fixture", 422, name=" "
    )
    await push_script(
        house.op, "src-empty", OPEN_SCRIPT.replace('context.secrets["word"]', "'sesame-open'"), is_published=True
    )
    await write(admin, f"/sources/src-empty/captured/{sample}/process")
    assert "It is an event now" in await page(admin, "/sources/src-empty/captured")
    assert sample not in await page(admin, "/sources/src-empty/captured")
    await write(admin, "/sources/src-empty/capture")
    assert "Stop capturing" in await page(admin, "/sources/src-empty/captured")
    await write(admin, "/sources/src-empty/capture/stop")
    assert "Stop capturing" not in await page(admin, "/sources/src-empty/captured")


async def test_what_was_rejected_is_shown_with_its_reason(running: Running, house: House) -> None:
    await running.http.post("/in/src-ours", json={"email": EVIL}, headers={"x-word": "wrong"})
    shown = await (await house.signed_in("viewer")).get("/sources/src-ours/captured?kind=rejected")
    assert "authenticate" in shown.text
    assert EVIL not in shown.text
    assert "Keep as fixture" not in shown.text


async def test_a_source_is_paused_resumed_disabled_and_removed(running: Running, house: House) -> None:
    await running.add_source("src-switched")
    admin = await house.signed_in("admin")
    base = "/sources/src-switched"
    await write(admin, f"{base}/pause")
    event_id = (
        await running.http.post("/in/src-switched", json={"email": "h@example.com", "visits": 1}, headers=WORD)
    ).json()["id"]
    await running.event(event_id, "held")
    assert "src-switched" in await page(admin, "/queue"), "what is held is on the queue's page"
    await write(admin, f"{base}/resume")
    assert "1 held events are taken up" in await page(admin, base)
    await running.event(event_id, "applied")
    await write(admin, f"{base}/disable")
    assert (await running.http.post("/in/src-switched", json={}, headers=WORD)).status_code == 410
    await write(admin, f"{base}/enable")
    assert await write(admin, f"{base}/remove") == "/sources"
    assert (await admin.get(base)).status_code == 404
    for operation in ("pause", "resume", "disable", "remove"):
        assert (await last_write(house, f"source.{operation}"))["subject"] == "src-switched"


async def test_a_quarantine_says_when_and_how_and_a_person_ends_it_by_publishing(house: House) -> None:
    live = await house.op.read(read_publications)
    caught = {
        "source": "src-ours",
        "version_id": "ver_1",
        "published_at": live["src-ours"],
        "at": 1_704_164_645_000_000,
        "reason": "forbidden system call",
    }
    await tell_quarantine(house.op.redis, "src-ours", caught)
    await tell_quarantine(house.op.redis, "src-theirs", {**caught, "source": "src-theirs", "published_at": 1})
    ours, viewer = await house.signed_in("ours"), await house.signed_in("viewer")
    text = await page(ours, "/sources/src-ours")
    assert "forbidden system call" in text
    assert "2024-01-02" in text
    assert "Let it run again" in text
    assert "Let it run again" not in await page(viewer, "/sources/src-ours")
    assert "Quarantined" not in await page(viewer, "/sources/src-theirs"), "another publication of it was caught"
    assert (await page(viewer, "/sources")).count(">quarantined<") == 1
    await write(ours, "/sources/src-ours/lift")
    assert (await last_write(house, "script.publish"))["subject"] == "src-ours"
    assert "Quarantined" not in await page(ours, "/sources/src-ours")
    await house.op.redis.delete(QUARANTINES)


async def test_settings_are_a_json_object_or_said_to_be_none(house: House) -> None:
    ours = await house.signed_in("ours")
    path = "/sources/src-ours/settings"
    for wrong in ("{", "[1]", "nonsense", '{"a":' * 400 + "1" + "}" * 400):
        said = await write(ours, path, 422, title="Ours", settings=wrong)
        assert "JSON" in said or "nested" in said
    await write(ours, path, title=EVIL, settings='{"currency": "EUR"}', unique_by="json:id")
    shown = await ours.get(path)
    assert EVIL not in shown.text
    assert "currency" in shown.text
    assert 'value="json:id"' in shown.text
    assert "names no place" in await write(ours, path, 422, title="Ours", settings="{}", unique_by="nowhere")


async def test_a_secret_is_set_rotated_and_removed_and_never_shown(house: House) -> None:
    ours = await house.signed_in("ours")
    path = "/sources/src-ours/secrets"
    assert "Empty: paste" in await write(ours, path, 422, name="second", value="")
    for value, fields in (("hush-hush-value", {}), ("hush-hush-newer", {"is_rotation": "yes"})):
        await write(ours, path, name="second", value=value, **fields)
        text = await page(ours, path)
        assert "second" in text
        assert "hush-hush" not in text
    assert "also taken until" in text
    await write(ours, f"{path}/second/remove")
    assert "second" not in (await page(ours, path)).partition("<table")[2].partition("</table")[0]
    assert (await (await house.signed_in("viewer")).get(path)).status_code == 403


async def test_limits_are_numbers_in_their_range_and_empty_means_as_usual(house: House) -> None:
    admin, path = await house.signed_in("admin"), "/sources/src-ours/limits"
    said = await write(admin, path, 422, body_bytes_max="many")
    assert 'a number, not "many"' in said
    assert 'value="many"' in said
    for wrong in ("-1", "nan", "inf", "1e400", "²"):
        assert "body_bytes_max" in await write(admin, path, 422, body_bytes_max=wrong)
    await write(admin, path, body_bytes_max="4096")
    assert 'value="4096"' in await page(admin, path)
    await write(admin, path)
    assert 'value="4096"' not in await page(admin, path)
    assert " disabled" in await page(await house.signed_in("viewer"), path)


async def test_what_is_masked_is_shown_as_it_will_be_seen(running: Running, house: House) -> None:
    await post(running, "src-theirs", email="mask@example.com", visits=1)
    admin, path = await house.signed_in("admin"), "/sources/src-theirs/redaction"
    assert "mask@example.com" in await page(admin, path)
    await write(admin, path, headers="x-shop\n", paths="email\n**.phone")
    text = await page(admin, path)
    assert "mask@example.com" not in text
    assert "**.phone" in text
    refused = await write(admin, path, 422, headers="x shop", paths="$..email")
    assert 'id="tuning-save_redaction-paths-fault">"$..email" is no path' in refused
    await write(admin, path, paths="$.email\n['first name']")
    text = await page(admin, path)
    assert "mask@example.com" not in text
    for wrong in ("soon", "²", "-1"):
        assert "whole number of days" in await write(admin, "/sources/src-theirs/retention", 422, days=wrong)
    await write(admin, "/sources/src-theirs/retention", days="9")
    assert (await show_source(house.op, "src-theirs"))["retention_days"] == 9


async def test_a_fixture_is_pasted_renamed_and_removed(house: House) -> None:
    ours, path = await house.signed_in("ours"), "/sources/src-ours/fixtures"
    said = await write(ours, path, 422, name="broken", headers="no colon here", body="{}")
    assert "line 1 of the headers" in said
    await write(ours, path, name="one / two?", headers="content-type: text/plain", body=EVIL)
    await write(ours, f"{path}/rename", name="one / two?", new_name="three")
    assert "three" in await page(ours, path)
    await write(ours, f"{path}/remove", name="three")
    assert "three" not in await page(ours, path)


async def test_the_search_box_leads_to_a_source_and_plugins_have_their_guides(house: House) -> None:
    viewer, ours = await house.signed_in("viewer"), await house.signed_in("ours")
    assert (await viewer.get("/search?q=src-theirs")).headers["location"] == "/sources/src-theirs"
    assert "Nothing goes by that" in await page(ours, "/search?q=src-theirs")
    assert 'href="/plugins/stripe"' in await page(viewer, "/plugins")
    assert "verify_stripe" in await page(viewer, "/plugins/stripe")
    assert (await viewer.get("/plugins/nothing")).status_code == 404
    assert (await viewer.get("/plugins/..%2F..%2Fetc")).status_code == 404
