"""Settings of a source: its title, what its script reads as `context.settings`, and how a delivery is known.

Takes values, gives them as they hold then; live in every gateway when that returns. A plugin's manifest says which
settings there are and of which type; a source without a plugin has what its author puts there.
"""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from gateway import clock
from gateway.errors import OperatorError
from gateway.operations.operator import Operator
from gateway.operations.zones import read_zone
from gateway.plugins import SettingField, load_plugin
from gateway.store.audit import write_audit
from gateway.store.engine import Connection
from gateway.store.sources import load_source, update_source

TITLE_CHARACTERS_MAX = 80
DOCUMENT_BYTES_MAX = 16 * 1024
_PLACE = re.compile(r"(header|query|form|json):\S{1,200}")
_DELIVERY = ("unique_by", "occurred_at", "occurred_at_zone")


async def show_settings(op: Operator, name: str) -> dict[str, Any]:
    """Give `{title, settings, fields, unique_by, occurred_at, occurred_at_zone}`; `fields` as the manifest declares.

    Raises NotFound.
    """
    row = await op.read(lambda conn: load_source(conn, name))
    return {
        "title": row["title"],
        "settings": orjson.loads(row["settings"]),
        "fields": [field.model_dump() for field in _fields(row)],
        **{key: row[key] for key in _DELIVERY},
    }


async def change_settings(
    op: Operator,
    name: str,
    *,
    title: str | None = None,
    settings: Mapping[str, Any] | None = None,
    delivery: Mapping[str, str | None] | None = None,
) -> dict[str, Any]:
    """Change what is given, leave the rest. Raises NotFound, OperatorError (an unknown setting, a wrong type or place).

    `delivery` holds unique_by, occurred_at (places: `header:x-id`, `json:event.id|json:id`) and occurred_at_zone.
    """
    news = _checked_delivery(delivery or {})
    if title is not None:
        news["title"] = _checked_title(title)

    def work(conn: Connection) -> None:
        row = load_source(conn, name)
        if settings is not None:
            news["settings"] = _checked_settings(row, settings)
        changed = {key: value for key, value in news.items() if row[key] != value}
        if not changed:
            return
        at = clock.now()
        update_source(conn, name, at, **changed)
        before = {key: row[key] for key in changed}
        write_audit(
            conn, at=at, actor=op.actor, operation="source.settings", subject=name, before=before, after=changed
        )

    await op.publish(work)
    return await show_settings(op, name)


def _checked_title(title: str) -> str:
    title = title.strip()
    if not 0 < len(title) <= TITLE_CHARACTERS_MAX or not title.isprintable():
        raise OperatorError(f"a title has 1 to {TITLE_CHARACTERS_MAX} characters, all of them to be seen")
    return title


def _checked_delivery(delivery: Mapping[str, str | None]) -> dict[str, Any]:
    for key, value in delivery.items():
        if key not in _DELIVERY:
            raise OperatorError(f'there is no "{key}": {", ".join(_DELIVERY)}')
        if value and key == "occurred_at_zone":
            read_zone(value)
        elif value:
            _check_places(key, value)
    return {key: value or None for key, value in delivery.items()}


def _check_places(key: str, places: str) -> None:
    for place in places.split("|"):
        if not _PLACE.fullmatch(place.strip()):
            raise OperatorError(
                f'{key}: "{place[:80]}" names no place; such as header:x-webhook-id or json:event.id, '
                "several with | between them"
            )


def _checked_settings(row: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    known = {field.name: field for field in _fields(row)}
    before = orjson.loads(row["settings"])
    if row["plugin"] is None:
        after = dict(settings)
    else:
        for name, value in settings.items():
            _check_type(known, name, value)
        after = {**before, **settings}
    try:
        document = orjson.dumps(after, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        raise OperatorError("the settings are nested too deep to be read by a script") from None
    if len(document) > DOCUMENT_BYTES_MAX:
        raise OperatorError(f"the settings of a source are at most {DOCUMENT_BYTES_MAX // 1024} KiB of JSON")
    return document.decode() if after != before else str(row["settings"])


def _check_type(known: Mapping[str, SettingField], name: str, value: Any) -> None:
    if name not in known:
        raise OperatorError(f'the plugin has no setting "{name}"; it has: {", ".join(known) or "none"}')
    field = known[name]
    try:
        SettingField.model_validate(field.model_dump() | {"default": value})
    except ValueError:
        raise OperatorError(f"{name} is a {field.type}, not {value!r}") from None


def _fields(row: Mapping[str, Any]) -> tuple[SettingField, ...]:
    return load_plugin(row["plugin"]).manifest.settings if row["plugin"] else ()
