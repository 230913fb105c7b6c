"""Health: is the process alive, and can it take webhooks? Bare: strangers learn nothing of what is inside."""

from dataclasses import dataclass

from starlette.requests import Request

from gateway.ingest import respond
from gateway.ingest.pipeline import Pipeline
from gateway.ingest.respond import Answer
from gateway.operations.operator import Operator


@dataclass(frozen=True, slots=True)
class Health:
    op: Operator
    pipeline: Pipeline

    async def healthz(self, request: Request, request_id: str) -> Answer:
        return respond.document(200, {"status": "alive"}, request_id)

    async def readyz(self, request: Request, request_id: str) -> Answer:
        """Say ready where a request would be taken: the queue has room and sources are known."""
        is_ready = self.pipeline.room.full is None and self.pipeline.registry.generation >= 0
        return respond.document(200 if is_ready else 503, {"status": "ready" if is_ready else "not ready"}, request_id)
