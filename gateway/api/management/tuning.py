"""Tuning: what may be chosen of a source: settings, limits, what is masked, how long requests are kept."""

from typing import Any

from gateway.api.management import answers, bodies
from gateway.api.management.call import MAY_BUILD, MAY_RULE, Call, Group
from gateway.errors import OperatorError
from gateway.operations import limits, settings
from gateway.operations.keeping import redact_source, retain_source

group = Group("tuning", "Settings, limits, redaction and retention of a source.")

_DELIVERY = ("unique_by", "occurred_at", "occurred_at_zone")


@group.takes("GET", "/api/sources/{source}/settings", answer=answers.Settings)
async def show_settings(call: Call) -> Any:
    """Show title, settings with the fields that the plugin declares, and how a delivery is known."""
    return await settings.show_settings(call.op, call.source)


@group.takes(
    "PATCH",
    "/api/sources/{source}/settings",
    roles=MAY_BUILD,
    body=bodies.ChangeSettings,
    answer=answers.Settings,
    errors=[OperatorError],
)
async def change_settings(call: Call) -> Any:
    """Change what is given, leave the rest; live in every gateway when this returns."""
    given: bodies.ChangeSettings = call.body
    delivery = {name: getattr(given, name) for name in _DELIVERY if name in given.model_fields_set}
    return await settings.change_settings(
        call.op, call.source, title=given.title, settings=given.settings, delivery=delivery
    )


@group.takes("GET", "/api/sources/{source}/limits", answer=answers.Limits)
async def list_limits(call: Call) -> Any:
    """List every limit: its value, what is usual, whether it is the source's own."""
    return {"limits": await limits.list_limits(call.op, call.source)}


@group.takes(
    "PATCH",
    "/api/sources/{source}/limits",
    roles=MAY_RULE,
    body=bodies.ChangeLimits,
    answer=answers.Limits,
    errors=[OperatorError],
)
async def change_limits(call: Call) -> Any:
    """Give the source limits of its own; null takes one back."""
    given: bodies.ChangeLimits = call.body
    own = {name: value for name, value in given.limits.items() if value is not None}
    return {"limits": await limits.set_limits(call.op, call.source, own, unset=set(given.limits) - set(own))}


@group.takes("GET", "/api/sources/{source}/redaction", answer=answers.Redaction)
async def show_redaction(call: Call) -> Any:
    """Show what of the source's requests is never shown, beside credentials."""
    return await redact_source(call.op, call.source)


@group.takes(
    "PUT",
    "/api/sources/{source}/redaction",
    roles=MAY_RULE,
    body=bodies.SetRedaction,
    answer=answers.Redaction,
    errors=[OperatorError],
)
async def set_redaction(call: Call) -> Any:
    """Set what is never shown, in place of the rules before."""
    given: bodies.SetRedaction = call.body
    return await redact_source(call.op, call.source, headers=given.headers, paths=given.paths, is_cleared=True)


@group.takes(
    "PUT",
    "/api/sources/{source}/retention",
    roles=MAY_RULE,
    body=bodies.SetRetention,
    errors=[OperatorError],
)
async def set_retention(call: Call) -> Any:
    """Set how many days raw requests are kept."""
    await retain_source(call.op, call.source, call.body.days)
