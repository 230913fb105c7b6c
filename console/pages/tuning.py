"""Tuning: what may be chosen of a source: its settings, secrets, limits, and what of its requests is masked."""

from typing import Any

import orjson
from starlette.responses import Response

from console.access import Role
from console.section import Section
from console.visit import Visit
from gateway.errors import NotFound, OperatorError
from gateway.operations import limits, secrets
from gateway.operations.events import list_events
from gateway.operations.keeping import check_headers, redact_source, retain_source
from gateway.operations.plugins import read_form_settings
from gateway.operations.requests import show_request
from gateway.operations.settings import change_settings, show_settings
from gateway.operations.sources import show_source
from gateway.plugins import SettingField, load_plugin

section = Section("tuning", under="sources")


@section.get("/sources/{source}/settings", role=Role.VIEWER)
async def settings(visit: Visit) -> Response:
    name = visit.params["source"]
    return visit.show("tuning/settings.html", source=await show_source(visit.op, name), **await _settings(visit, name))


async def _settings(visit: Visit, name: str) -> dict[str, Any]:
    shown = await show_settings(visit.op, name)
    return {"chosen": shown, "document": orjson.dumps(shown["settings"], option=orjson.OPT_INDENT_2).decode()}


@section.post("/sources/{source}/settings", role=Role.INTEGRATOR, form="tuning:settings")
async def save_settings(visit: Visit) -> Response:
    name, form = visit.params["source"], visit.form
    fields = [SettingField.model_validate(field) for field in (await show_settings(visit.op, name))["fields"]]
    chosen = (
        read_form_settings(fields, form.values) if fields else _document(form.raw("settings", characters_max=20_000))
    )
    delivery = {key: form.text(key) or None for key in ("unique_by", "occurred_at", "occurred_at_zone")}
    title = form.text("title", needed="A title is what people see in lists.")
    form.settle()
    await change_settings(visit.op, name, title=title, settings=chosen, delivery=delivery)
    return visit.go(visit.url("tuning:settings", source=name), "Saved, and live in every gateway.")


def _document(text: str) -> dict[str, Any]:
    try:
        document = orjson.loads(text or "{}")
    except orjson.JSONDecodeError as error:
        raise OperatorError(f"the settings are not JSON: {error}") from None
    if not isinstance(document, dict):
        raise OperatorError('the settings are a JSON object, such as {"currency": "EUR"}')
    return document


@section.get("/sources/{source}/secrets", role=Role.INTEGRATOR)
async def secret_list(visit: Visit) -> Response:
    name = visit.params["source"]
    source = await show_source(visit.op, name)
    wanted = load_plugin(source["plugin"]).manifest.secrets if source["plugin"] else ()
    return visit.show(
        "tuning/secrets.html", source=source, kept=await secrets.list_secrets(visit.op, name), wanted=wanted
    )


@section.post("/sources/{source}/secrets", role=Role.INTEGRATOR, form="tuning:secret_list")
async def set_secret(visit: Visit) -> Response:
    name, form = visit.params["source"], visit.form
    secret = form.text("name", needed="Which secret?")
    value = form.raw("value", characters_max=secrets.VALUE_CHARACTERS_MAX)
    if not value:
        form.faults["value"] = "Empty: paste what the sender shows you."
    form.settle()
    if form.flag("is_rotation"):
        until = await secrets.rotate_secret(visit.op, name, secret, value)
        said = f"Rotated: what is signed with the old value is taken until {until}."
    else:
        await secrets.set_secret(visit.op, name, secret, value)
        said = f"{secret} is set, sealed, and never shown again."
    return visit.go(visit.url("tuning:secret_list", source=name), said)


@section.post("/sources/{source}/secrets/{name}/remove", role=Role.INTEGRATOR, form="tuning:secret_list")
async def remove_secret(visit: Visit) -> Response:
    name = visit.params["source"]
    await secrets.remove_secret(visit.op, name, visit.params["name"])
    return visit.go(visit.url("tuning:secret_list", source=name), "Removed.")


@section.get("/sources/{source}/limits", role=Role.VIEWER)
async def limit_list(visit: Visit) -> Response:
    name = visit.params["source"]
    source, table = await show_source(visit.op, name), await limits.list_limits(visit.op, name)
    return visit.show("tuning/limits.html", source=source, table=table, ranges=limits.RANGES)


@section.post("/sources/{source}/limits", role=Role.ADMIN, form="tuning:limit_list")
async def set_limits(visit: Visit) -> Response:
    name, typed = visit.params["source"], visit.form.values
    chosen: dict[str, Any] = {}
    for limit in limits.RANGES:
        if text := typed.get(limit, "").strip().replace(" ", ""):
            try:
                chosen[limit] = int(text) if text.isdigit() else float(text)
            except ValueError:
                visit.form.faults[limit] = f'a number, not "{text[:40]}"'
    visit.form.settle()
    unset = [limit for limit in limits.RANGES if limit not in chosen]
    await limits.set_limits(visit.op, name, chosen, unset=unset)
    return visit.go(visit.url("tuning:limit_list", source=name), "Saved, and live in every gateway.")


@section.get("/sources/{source}/redaction", role=Role.VIEWER)
async def redaction(visit: Visit) -> Response:
    name = visit.params["source"]
    source = await show_source(visit.op, name)
    rules = await redact_source(visit.op, name)
    return visit.show("tuning/redaction.html", source=source, rules=rules, sample=await _newest_request(visit, name))


async def _newest_request(visit: Visit, name: str) -> dict[str, Any] | None:
    """Give the newest request as people see it with the rules that hold."""
    for event in await list_events(visit.op, source=name, limit=1):
        try:
            return await show_request(visit.op, event["id"])
        except NotFound:
            return None
    return None


@section.post("/sources/{source}/redaction", role=Role.ADMIN, form="tuning:redaction")
async def save_redaction(visit: Visit) -> Response:
    name, form = visit.params["source"], visit.form
    headers = form.text("headers", characters_max=20_000).split()
    lines = form.text("paths", characters_max=20_000).splitlines()
    form.settle()
    with form.about("headers"):
        check_headers(headers)
    with form.about("paths"):
        paths = list(filter(None, map(str.strip, lines)))
        await redact_source(visit.op, name, headers=headers, paths=paths, is_cleared=True)
    return visit.go(visit.url("tuning:redaction", source=name), "Saved: this is how requests are shown from now on.")


@section.post("/sources/{source}/retention", role=Role.ADMIN, form="tuning:redaction")
async def save_retention(visit: Visit) -> Response:
    name, days = visit.params["source"], visit.form.text("days")
    if days and not (days.isascii() and days.isdigit()):
        visit.form.refuse("days", "a whole number of days, or empty")
    await retain_source(visit.op, name, int(days) if days else None)
    return visit.go(visit.url("tuning:redaction", source=name), "Saved.")
