"""A real browser before the real console: Chromium, where the machine has one. CI has to."""

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest
from browsing import NAMES, QUIET, come_in, watched
from playwright.sync_api import Browser, Page, sync_playwright
from running import PATIENCE_SECONDS, free_port, prepare

from gateway.config import Settings
from gateway.operations.operator import open_operator
from gateway.operations.users import create_first_link


@dataclass
class Console:
    """The console's process; `link` is how its first admin comes in."""

    url: str
    settings: Settings
    link: str


@pytest.fixture(scope="session")
def chromium() -> str:
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI has to test in a browser, and none of {', '.join(NAMES)} is installed")
        pytest.skip("NOT TESTED in a browser: install Chromium")
    return found


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """Start the browser for a module: longer, and Playwright's loop would be in the way of other tests' own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def console(valkey_url: str) -> Iterator[Console]:
    """Run the console's own process on a data folder of its own."""
    with TemporaryDirectory(prefix="hw-") as folder:
        settings = prepare(Path(folder), valkey_url, console_port=free_port())
        names = {"DATA_DIR": folder, "REDIS_URL": valkey_url, "CONSOLE_PORT": settings.console_port}
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HOOKWRIGHT_")}
        environment |= {f"HOOKWRIGHT_{name}": str(value) for name, value in names.items()}
        command = [sys.executable, "-P", "-m", "gateway.cli", "console"]
        log = Path(folder) / "console.log"
        with log.open("wb") as file:
            process = subprocess.Popen(command, env=environment, stdout=file, stderr=file, stdin=subprocess.DEVNULL)
        try:
            url = settings.effective_console_url
            _await(f"{url}/healthz", process, log)
            yield Console(url, settings, f"{url}/welcome/{_first_link(settings)}")
        finally:
            process.terminate()
            assert process.wait(PATIENCE_SECONDS) == 0, log.read_text()


def _await(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        assert process.poll() is None, log.read_text()
        try:
            httpx.get(url)
            return
        except httpx.TransportError:
            assert time.monotonic() < give_up_at, log.read_text()
            time.sleep(0.05)


def _first_link(settings: Settings) -> str | None:
    async def make() -> str | None:
        async with open_operator(settings, actor="test") as op:
            return await create_first_link(op)

    with ThreadPoolExecutor(1) as thread:  # Playwright's loop runs in this one
        return thread.submit(asyncio.run, make()).result()


@pytest.fixture(scope="module")
def admin_state(browser: Browser, console: Console) -> dict:
    return come_in(browser, console.link)


@pytest.fixture
def admin(browser: Browser, console: Console, admin_state: dict) -> Iterator[Page]:
    """Give a page of a signed-in admin; whatever the browser complains of fails the test."""
    context = browser.new_context(base_url=console.url, storage_state=admin_state, **QUIET)
    page = watched(context)
    yield page
    context.close()
    assert page.complaints == []
