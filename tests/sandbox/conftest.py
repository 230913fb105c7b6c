"""Real children: one fork server for the whole folder, a source of its own for every script."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import orjson
import pytest
import pytest_asyncio
from sandbox_children import play_script

from gateway.sandbox.outcome import Outcome
from gateway.sandbox.pool import Pool

Play = Callable[..., Awaitable[Outcome]]


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def pool() -> AsyncIterator[Pool]:
    pool = Pool()
    await pool.start()
    yield pool
    await pool.close()


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def unfenced_pool() -> AsyncIterator[Pool]:
    """Scripts run as plain Python: only the wall holds."""
    pool = Pool(is_fenced=False)
    await pool.start()
    yield pool
    await pool.close()


@pytest.fixture
def play(pool: Pool) -> Play:
    return lambda *arguments, **keywords: play_script(pool, *arguments, **keywords)


@pytest.fixture
def value_of(pool: Pool) -> Callable[..., Awaitable[Any]]:
    """Run `transform` with this body of code, which sets `result`; give the result as JSON."""

    async def run(code: str, top: str = "", **keywords: Any) -> Any:
        indented = "\n".join(f"    {line}" for line in code.strip().splitlines())
        text = f'{top}\ndef transform(request, context):\n{indented}\n    return [{{"result": result}}]\n'
        outcome = await play_script(pool, text, **keywords)
        assert outcome.kind == "actions", outcome
        return orjson.loads(outcome.actions)[0]["result"]

    return run
