"""Health: is this process alive, and how is everything that Hookwright stands on? In full: this is the private side."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.operations.operator import Operator
from gateway.operations.readiness import readiness


@dataclass(frozen=True, slots=True)
class Health:
    op: Operator

    async def healthz(self, request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(self, request: Request) -> Response:
        """Say of each part how it is; 503 where webhooks are not taken."""
        found = await readiness(self.op)
        return JSONResponse(found, 503 if found["status"] == "down" else 200)
