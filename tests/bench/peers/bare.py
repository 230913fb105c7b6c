"""Bare: Starlette and uvicorn, a handler that reads the body and says 202. The ceiling of this machine."""

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.bench.peers import UVICORN


async def take(request: Request) -> JSONResponse:
    await request.body()
    return JSONResponse({"id": "evt_01HZZZZZZZZZZZZZZZZZZZZZZZ", "status": "queued"}, 202)


if __name__ == "__main__":
    app = Starlette(routes=[Route("/in/{source}", take, methods=["POST"])])
    uvicorn.run(app, port=int(sys.argv[1]), lifespan="off", **UVICORN)
