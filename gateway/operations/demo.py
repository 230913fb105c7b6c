"""Demo: a source `demo-<plugin>` for every plugin, each with a random signing secret of its own."""

import secrets as random
from typing import Any

from gateway.operations.operator import Operator
from gateway.operations.sources import add_source
from gateway.plugins import list_plugins, load_plugin
from gateway.store.sources import find_source

PREFIX = "demo-"


async def add_demo_sources(op: Operator) -> list[dict[str, Any]]:
    """Add the demo sources that are not there yet; gives those that were added."""
    added = []
    for plugin in map(load_plugin, list_plugins()):
        name = PREFIX + plugin.name
        if await op.read(lambda conn, name=name: find_source(conn, name)) is None:  # type: ignore[misc]
            secrets = {
                secret.name: random.token_urlsafe(24) for secret in plugin.manifest.secrets if secret.is_required
            }
            added.append(await add_source(op, name, plugin=plugin.name, secrets=secrets))
    return added
