"""Load: many connections that post as fast as they are answered. wrk where it is on the PATH, else a client of our own.

Takes requests and a port, gives what came of it; the same for every server, so that the ratios hold.
"""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

import orjson

from tests.bench.figures import Row
from tests.bench.orders import Template

CONNECTIONS = 32


@dataclass(frozen=True, slots=True)
class Load:
    count: int
    seconds: float
    p50_ms: float
    p99_ms: float
    refused: int  # answered, but not 2xx
    broken: int  # not answered

    @property
    def per_second(self) -> float:
        return self.count / self.seconds

    def note(self, row: Row, cpu_seconds: float) -> None:
        """Note a round on its row, with the CPU that the server has used for it."""
        row.rates.append(self.per_second)
        row.p50s_ms.append(self.p50_ms)
        row.p99s_ms.append(self.p99_ms)
        row.cpu_us.append(cpu_seconds / self.count * 1e6)


def client_name() -> str:
    return "wrk" if shutil.which("wrk") else "asyncio"


def post(port: int, requests: Sequence[Template], seconds: float) -> Load:
    """Post for a while. Raises RuntimeError where anything was refused or broken: such a figure says nothing."""
    with NamedTemporaryFile(suffix=".requests") as file:
        file.writelines(piece for request in requests for piece in _framed(request))
        file.flush()
        answer = subprocess.run(_command(port, Path(file.name), seconds), capture_output=True, check=True, text=True)
    load = Load(**orjson.loads(answer.stdout.strip().splitlines()[-1]))
    if load.refused or load.broken:
        raise RuntimeError(f"{load.refused} requests were refused and {load.broken} broken of {load.count}")
    return load


def _framed(request: Template) -> tuple[bytes, ...]:
    return (" ".join(str(len(piece)) for piece in request.pieces).encode() + b"\n", *request.pieces)


def _command(port: int, requests: Path, seconds: float) -> list[str]:
    if wrk := shutil.which("wrk"):
        script = str(Path(__file__).parent / "wrk.lua")
        whole = max(1, round(seconds))
        return [
            *(wrk, "--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{whole}s", "--timeout", "10s"),
            *("--script", script, f"http://127.0.0.1:{port}", "--", str(requests)),
        ]
    return [sys.executable, "-m", "tests.bench.client", str(port), str(CONNECTIONS), str(seconds), str(requests)]
