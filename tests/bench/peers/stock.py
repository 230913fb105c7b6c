"""Stock: Starlette and arq as their documents show them: one `enqueue_job` a request, arq's own defaults, no script."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from arq import create_pool
from arq.connections import RedisSettings
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.bench.peers import UVICORN


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    app.state.redis = await create_pool(RedisSettings(unix_socket_path=sys.argv[2]))
    yield
    await app.state.redis.aclose()


async def take(request: Request) -> JSONResponse:
    job = await request.app.state.redis.enqueue_job("apply_order", await request.body())
    return JSONResponse({"id": job.job_id, "status": "queued"}, 202)


if __name__ == "__main__":
    app = Starlette(routes=[Route("/in/{source}", take, methods=["POST"])], lifespan=lifespan)
    uvicorn.run(app, port=int(sys.argv[1]), lifespan="on", **UVICORN)
