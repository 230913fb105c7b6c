"""Sources: who sends what, is it well, and its switches. New ones are made here, from a plugin or empty."""

import json
import re
from typing import Any

from starlette.responses import Response

from console.access import Role
from console.section import Section
from console.sparkline import sparkline
from console.visit import Visit
from gateway.errors import NotFound
from gateway.operations import sources
from gateway.operations.capturing import capture_state
from gateway.operations.curl import write_example
from gateway.operations.events import list_events
from gateway.operations.plugins import read_form_settings
from gateway.operations.readiness import list_quarantined
from gateway.operations.scripts import publish_version
from gateway.operations.stats import source_hours
from gateway.plugins import list_plugins, load_plugin

section = Section("sources", title="Sources", order=20, key="s")

SWITCH_MAX = 100  # as many as one reads; who has more types a part of the name


@section.get("/sources", role=Role.VIEWER)
async def index(visit: Visit) -> Response:
    wanted = visit.asked("q").lower()
    rows = [row for row in await _list(visit) if wanted in f"{row['name']} {row['title']} {row['plugin']}".lower()]
    hours = await source_hours(visit.op)
    for row in rows:
        row["hour"] = _hour(hours.get(row["name"]))
    quarantined = await list_quarantined(visit.op)
    return visit.show("sources/index.html", rows=rows, wanted=wanted, quarantined=quarantined)


async def _list(visit: Visit) -> list[dict[str, Any]]:
    rows = [row for row in await sources.list_sources(visit.op) if row["state"] != "removed"]
    return [row for row in rows if visit.sources is None or row["name"] in visit.sources]


def _hour(hour: dict[str, Any] | None) -> dict[str, Any]:
    """Sum up the last hour of a source, and draw it."""
    if hour is None:
        return {"requests": 0, "failures": 0, "last_at": None, "drawing": ""}
    return {
        "requests": sum(hour["requests"]),
        "failures": sum(hour["failures"]),
        "last_at": int(hour["last_request_at"] * 1_000_000),
        "drawing": sparkline(hour["requests"], hour["failures"]) if any(hour["requests"]) else "",
    }


@section.get("/sources/new", role=Role.ADMIN)
async def new(visit: Visit) -> Response:
    chosen = visit.asked("plugin") or visit.form.values.get("plugin", "")
    plugin = load_plugin(chosen) if chosen in list_plugins() else None
    plugins = [load_plugin(name) for name in list_plugins()]
    is_chosen = plugin is not None or chosen == "none"
    return visit.show("sources/new.html", plugins=plugins, plugin=plugin, is_chosen=is_chosen)


@section.post("/sources/new", role=Role.ADMIN, form="sources:new")
async def add(visit: Visit) -> Response:
    form = visit.form
    chosen, name = form.text("plugin"), form.text("name", needed="How shall it be called?")
    plugin = load_plugin(chosen) if chosen in list_plugins() else None
    fields = plugin.manifest.secrets if plugin else ()
    values = {field.name: form.raw(f"secret-{field.name}", characters_max=16_384) for field in fields}
    form.settle()
    with form.about("name"):
        await sources.add_source(
            visit.op,
            name,
            plugin=plugin.name if plugin else None,
            secrets={key: value for key, value in values.items() if value.strip()},
            settings=read_form_settings(plugin.manifest.settings, form.values) if plugin else None,
        )
    said = "It is live: give its URL to the sender." if plugin else "It captures what comes in, until it has a script."
    return visit.go(visit.url("sources:show", source=name), said)


@section.get("/sources/{source}", role=Role.VIEWER)
async def show(visit: Visit) -> Response:
    name = visit.params["source"]
    source = await sources.show_source(visit.op, name)
    if source["state"] == "removed":
        raise NotFound(f'source "{name}" is removed; its events stay in the list of events')
    hours = await source_hours(visit.op)
    return visit.show(
        "sources/show.html",
        source=source,
        hour=_hour(hours.get(name)),
        capture=await capture_state(visit.op, name),
        newest=await list_events(visit.op, source=name, limit=8),
        quarantined=(await list_quarantined(visit.op)).get(name),
        curl=_curl(source),
    )


def _curl(source: dict[str, Any]) -> str:
    """Write a line that posts to the source: unsigned, so that a script that checks signatures answers 401."""
    body = json.dumps({"hello": "world"})
    return f"curl -i '{source['url']}' -H 'content-type: application/json' -d '{body}'"


@section.get("/sources/{source}/curl", role=Role.INTEGRATOR)
async def curl(visit: Visit) -> Response:
    """Show a command that the source's script finds genuine: only to who could make one anyway."""
    source = await sources.show_source(visit.op, visit.params["source"])
    return visit.show("sources/curl.html", source=source, example=await write_example(visit.op, source["name"]))


@section.post("/sources/{source}/pause", role=Role.INTEGRATOR, form="sources:show")
async def pause(visit: Visit) -> Response:
    await sources.pause_source(visit.op, visit.params["source"])
    return _back(visit, "Paused: what comes in is accepted and held.")


@section.post("/sources/{source}/resume", role=Role.INTEGRATOR, form="sources:show")
async def resume(visit: Visit) -> Response:
    taken = await sources.resume_source(visit.op, visit.params["source"])
    return _back(visit, f"Live again; {taken} held events are taken up." if taken else "Live again.")


@section.post("/sources/{source}/disable", role=Role.ADMIN, form="sources:show")
async def disable(visit: Visit) -> Response:
    await sources.disable_source(visit.op, visit.params["source"])
    return _back(visit, "Disabled: senders hear 410 from now on.")


@section.post("/sources/{source}/enable", role=Role.ADMIN, form="sources:show")
async def enable(visit: Visit) -> Response:
    await sources.enable_source(visit.op, visit.params["source"])
    return _back(visit, "Enabled: it takes requests again.")


@section.post("/sources/{source}/lift", role=Role.INTEGRATOR, form="sources:show")
async def lift(visit: Visit) -> Response:
    """Publish the live version again: its children are new, and the quarantine has ended."""
    name = visit.params["source"]
    source = await sources.show_source(visit.op, name)
    await publish_version(visit.op, name, source["live_version_id"])
    return _back(visit, "The quarantine is lifted: the script runs again.")


@section.post("/sources/{source}/remove", role=Role.ADMIN, form="sources:show")
async def remove(visit: Visit) -> Response:
    await sources.remove_source(visit.op, visit.params["source"])
    return visit.go(visit.url("sources:index"), "Removed. Its events stay; its name is never used again.")


@section.get("/sources/{source}/guide", role=Role.VIEWER)
async def guide(visit: Visit) -> Response:
    source = await sources.show_source(visit.op, visit.params["source"])
    if source["plugin"] is None:
        raise NotFound("a source of your own has no guide; the script's first lines say what it does")
    return visit.show("sources/guide.html", source=source, plugin=load_plugin(source["plugin"]))


@section.get("/sources/{source}/switch", role=Role.VIEWER)
async def switch(visit: Visit) -> Response:
    """Show the way from a page of this source (`to`, a route) to the same page of another one."""
    every, here, wanted = await _list(visit), visit.params["source"], visit.asked("q")
    if here not in {row["name"] for row in every}:
        raise NotFound(f'there is no source "{here}"')
    rows = [row for row in every if wanted.lower() in f"{row['name']} {row['title']}".lower()]
    return visit.show(
        "sources/switch.html",
        here=here,
        to=visit.asked("to"),
        wanted=wanted,
        entries=[{**row, "url": _same_page(visit, row)} for row in rows[:SWITCH_MAX]],
        left_out=max(0, len(rows) - SWITCH_MAX),
    )


def _same_page(visit: Visit, row: dict[str, Any]) -> str:
    """Give the address of the page `to` of a source; of its overview where it has no such page."""
    route = visit.site.routes.get(visit.asked("to"))
    is_page = route is not None and route.method == "GET" and re.findall("{.*?}", route.path) == ["{source}"]
    if route is None or not is_page or not visit.may(route.name) or (route.handler is guide and not row["plugin"]):
        return visit.url("sources:show", source=row["name"])
    return visit.url(route.name, source=row["name"])


@section.finder(role=Role.VIEWER)
async def find(visit: Visit, text: str) -> str | None:
    names = {row["name"] for row in await _list(visit)}
    return visit.url("sources:show", source=text) if text in names else None


def _back(visit: Visit, said: str) -> Response:
    return visit.go(visit.url("sources:show", source=visit.params["source"]), said)
