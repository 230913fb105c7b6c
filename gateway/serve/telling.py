"""Telling: what every program gives of itself beside its work: figures, presence, alerts, a private port.

Takes the program's counters, its sandbox and what it says of its room; runs while the program runs.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from gateway.logs import log
from gateway.metrics import Metrics
from gateway.operations.alerts import ALERT_KEY
from gateway.operations.operator import Operator
from gateway.operations.readiness import readiness
from gateway.operations.stats import metrics_page
from gateway.sandbox.pool import Pool
from gateway.sandbox.proof import SandboxReport, missing_layers
from gateway.serve.alerts import Alerts
from gateway.serve.private import private_port
from gateway.serve.report import Report


@dataclass(frozen=True, slots=True)
class Address:
    """Where a program's private side listens, and the setting that chose it."""

    host: str
    port: int
    setting: str


def _never_full() -> None:
    return None


def say_layers(report: SandboxReport) -> None:
    """Say at start what scripts run behind, and loudly what they do not."""
    log.info("sandbox", **report)
    for missing in missing_layers(report):
        layer, _, why = missing.partition(" is ")
        log.warning("sandbox_layer_missing", layer=layer, why=why)


@asynccontextmanager
async def telling(
    op: Operator,
    role: str,
    metrics: Metrics,
    pool: Pool,
    private: Address,
    full: Callable[[], str | None] = _never_full,
) -> AsyncIterator[None]:
    """Tell while the program runs."""

    def describe() -> dict[str, Any]:
        return {
            "sandbox": pool.report,
            "pool": asdict(pool.stats()),
            "quarantined": sorted(pool.quarantined),
            "full": full(),
        }

    alerts = Alerts(op.settings.alert_url, op.sealer.derive_key(ALERT_KEY), op.redis, metrics, pool, full)
    async with AsyncExitStack() as stack:
        for part in (Report(op.redis, role, metrics, describe), alerts):
            await part.start()
            stack.push_async_callback(part.close)
        page = partial(metrics_page, op, metrics.series, lambda: [asdict(pool.stats())])
        ready = partial(readiness, op)
        await stack.enter_async_context(
            private_port(private.host, private.port, private.setting, metrics=page, readiness=ready)
        )
        yield
