"""Keeping: how long the raw requests of a source are kept, and what of them is never shown."""

import re
from collections.abc import Sequence
from typing import Any

from gateway import clock
from gateway.errors import OperatorError
from gateway.operations.operator import Operator
from gateway.operations.paths import read_path
from gateway.operations.redaction import Rules, read_rules, write_rules
from gateway.store.audit import write_audit
from gateway.store.engine import Connection
from gateway.store.sources import load_source, update_source

RULES_MAX = 100
DAYS_MAX = 36_500
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")


async def redact_source(
    op: Operator, name: str, *, headers: Sequence[str] = (), paths: Sequence[str] = (), is_cleared: bool = False
) -> dict[str, Any]:
    """Add rules to those of a source, after clearing them if asked; gives `{headers, paths}` as they are then.

    With nothing to add and nothing to clear it only tells. Raises NotFound, OperatorError.
    """
    check_headers(headers)

    def work(conn: Connection) -> Rules:
        before = read_rules(load_source(conn, name)["redaction"])
        for path in paths:
            if path not in before.paths:  # what was taken once goes on hiding what it hid
                read_path(path)
        after = _joined(Rules() if is_cleared else before, headers, paths)
        if after != before:
            at = clock.now()
            update_source(conn, name, at, redaction=write_rules(after))
            told = {"before": _shown(before), "after": _shown(after)}
            write_audit(conn, at=at, actor=op.actor, operation="source.redact", subject=name, **told)
        return after

    return _shown(await op.write(work))


def check_headers(names: Sequence[str]) -> None:
    """Raises OperatorError for what no header is called."""
    for name in names:
        if not _HEADER.fullmatch(name):
            raise OperatorError(f'"{name[:80]}" is no name of a header')


def _joined(rules: Rules, headers: Sequence[str], paths: Sequence[str]) -> Rules:
    joined = Rules(
        tuple(dict.fromkeys([*rules.headers, *map(str.lower, headers)])), tuple(dict.fromkeys([*rules.paths, *paths]))
    )
    if len(joined.headers) + len(joined.paths) > RULES_MAX:
        raise OperatorError(f"a source has at most {RULES_MAX} rules")
    return joined


def _shown(rules: Rules) -> dict[str, Any]:
    return {"headers": list(rules.headers), "paths": list(rules.paths)}


async def retain_source(op: Operator, name: str, days: int | None) -> None:
    """Keep raw requests of a source that many days; None: as the setting says. Raises NotFound, OperatorError."""
    if days is not None and not 1 <= days <= DAYS_MAX:
        raise OperatorError(f"raw requests are kept 1 to {DAYS_MAX} days")

    def work(conn: Connection) -> None:
        before, at = load_source(conn, name)["retention_days"], clock.now()
        update_source(conn, name, at, retention_days=days)
        write_audit(conn, at=at, actor=op.actor, operation="source.retain", subject=name, before=before, after=days)

    await op.write(work)
