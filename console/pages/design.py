"""Design: every part that pages are made of, on one page. For those who build pages, and for looking at."""

from starlette.responses import Response

from console.access import Role
from console.section import Section
from console.visit import Visit
from gateway.event import Status

section = Section("design")


@section.get("/design", role=Role.ADMIN)
async def index(visit: Visit) -> Response:
    statuses = [*(status.value for status in Status), "rejected"]
    return visit.show("design/index.html", statuses=statuses)
