"""Audit: who did what to what, when, with the values before and after."""

from starlette.responses import Response

from console.access import Role
from console.section import Section
from console.visit import Visit
from gateway.operations.audit import list_audit

section = Section("audit", title="Audit log", order=80, key="a")


@section.get("/audit", role=Role.ADMIN)
async def index(visit: Visit) -> Response:
    chosen = {name: visit.asked(name) for name in ("actor", "operation", "subject")}
    rows, older = await list_audit(visit.op, **chosen, before_id=visit.asked_number("before"))
    return visit.show("audit/index.html", rows=rows, older=older, chosen=chosen, is_first=not visit.asked("before"))
