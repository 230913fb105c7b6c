"""Plugins, as forms want them: what a person typed becomes settings of the declared types."""

from collections.abc import Iterable, Mapping
from typing import Any

from gateway.errors import OperatorError
from gateway.plugins import SettingField


def read_form_settings(fields: Iterable[SettingField], typed: Mapping[str, str]) -> dict[str, Any]:
    """Read `setting-<name>` fields: a list has one entry a line, a box that is not ticked is false.

    Raises OperatorError that names the setting.
    """
    return {field.name: _read(field, typed.get(f"setting-{field.name}")) for field in fields}


def _read(field: SettingField, text: str | None) -> Any:
    match field.type:
        case "boolean":
            return text is not None
        case "list":
            return [line.strip() for line in (text or "").splitlines() if line.strip()]
        case "number":
            return _number(field.name, text or "")
    return (text or "").strip()


def _number(name: str, text: str) -> int | float:
    try:
        return int(text) if text.strip().lstrip("-").isdigit() else float(text)
    except ValueError:
        raise OperatorError(f'{name} is a number, not "{text[:40]}"') from None
