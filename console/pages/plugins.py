"""Plugins: the ready-made sources, each with its guide and its script."""

from starlette.responses import Response

from console.access import Role
from console.section import Section
from console.visit import Visit
from gateway.errors import NotFound
from gateway.plugins import list_plugins, load_plugin

section = Section("plugins", under="sources")


@section.get("/plugins", role=Role.VIEWER)
async def index(visit: Visit) -> Response:
    return visit.show("plugins/index.html", plugins=[load_plugin(name) for name in list_plugins()])


@section.get("/plugins/{plugin}", role=Role.VIEWER)
async def show(visit: Visit) -> Response:
    name = visit.params["plugin"]
    if name not in list_plugins():
        raise NotFound(f'there is no plugin "{name}"')
    return visit.show("plugins/show.html", plugin=load_plugin(name))
