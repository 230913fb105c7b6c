"""Docs: the API of both sides, to read and to try: Swagger UI over /openapi.json, served by ourselves."""

from starlette.responses import Response

from console.access import Role
from console.section import Section
from console.visit import Visit

section = Section("docs", title="API", order=95, key="d")


@section.get("/docs", role=Role.VIEWER)
async def index(visit: Visit) -> Response:
    if "hx-request" in visit.request.headers:  # its script belongs to a window of its own
        return Response(headers={"HX-Redirect": visit.url("docs:index"), "Vary": "HX-Request"})
    return visit.show("docs/index.html")
