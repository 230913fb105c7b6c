"""What is deployed fits the product: every name, every file, no secret in sight, nothing that floats."""

import re
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from shutil import copy
from threading import Thread

import pytest
from running import run_valkey

import gateway
from gateway.config import PREFIX, Settings
from gateway.queue.connect import open_redis, read_durability
from gateway.serve.loop import STOP_SECONDS

ROOT = Path(gateway.__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
DEPLOYED = ("Dockerfile", "docker-compose.yml", "deploy/Caddyfile", "deploy/secrets.sh", "deploy/ready.py")

# What a version looks like: a floating tag (latest, 18, 9-alpine) is another program tomorrow.
_PINNED = re.compile(r"^[\w./-]+:\d+\.\d+(?:\.\d+)?(?:-[\w.-]+)?$")


def blocks(section: str) -> dict[str, str]:
    """Give the entries of a section of the compose file, each with its text."""
    whole = re.search(rf"^{section}:\n((?:[ #].*\n|\n)+)", COMPOSE, re.MULTILINE)
    assert whole, section
    found = re.split(r"^  ([\w-]+):", whole[1], flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2], strict=True))


SERVICES = blocks("services")
OURS = [name for name, text in SERVICES.items() if "<<: *hookwright" in text]


def settings_of(text: str) -> set[str]:
    return set(re.findall(rf"\b({PREFIX}[A-Z_]+)\b", text))


@pytest.mark.parametrize("path", DEPLOYED)
def test_every_setting_that_is_deployed_is_one(path: str) -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    deployed = {name.removesuffix("_FILE") for name in settings_of((ROOT / path).read_text(encoding="utf-8"))}
    assert deployed <= known


def test_all_programs_are_deployed_and_share_their_settings() -> None:
    commands = {re.search(r"^    command: (\S+)$", SERVICES[name], re.MULTILINE)[1] for name in OURS}
    assert commands == {"gateway", "worker", "console", "migrate"}
    for name in OURS:
        own = re.search(r"^    environment:\n      (.*)$", SERVICES[name], re.MULTILINE)
        assert own is None or own[1] == "<<: *environment", name


def test_every_image_is_pinned_by_its_version() -> None:
    images = re.findall(r"^(?: +image: |ARG \w+_IMAGE=)(\S+)", COMPOSE + DOCKERFILE, re.MULTILINE)
    assert len(images) >= 5
    assert [image for image in images if not _PINNED.match(image)] == []
    stages = set(re.findall(r"^FROM \S+ AS (\w+)", DOCKERFILE, re.MULTILINE))
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) <= stages | {"${PYTHON_IMAGE}"}


def test_the_image_has_the_version_of_the_product_and_its_oldest_python() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"image: hookwright:{project['version']}\n" in COMPOSE
    assert f"python:{project['requires-python'].removeprefix('>=')}." in DOCKERFILE


def test_no_secret_has_a_value_or_a_default() -> None:
    """They come from files, which are made at random; and no variable for them can be set, or forgotten."""
    lines = [line for path in DEPLOYED[:2] for line in (ROOT / path).read_text(encoding="utf-8").splitlines()]
    named = [line.strip() for line in lines if re.search(r"^ *\w*(PASSWORD|SECRET|DATABASE_URL|REDIS_URL)\w*:", line)]
    assert len(named) >= 4
    assert [line for line in named if not re.fullmatch(r"\w+_FILE: /run/secrets/\w+", line)] == []
    assert not re.search(r"\$\{\w*(PASSWORD|SECRET|_KEY|TOKEN)", COMPOSE)
    assert not re.search(r"(requirepass|-a) (?!\"\$\$\(cat /run/secrets/)", COMPOSE)


def test_every_secret_that_is_named_is_made(tmp_path: Path) -> None:
    (tmp_path / "deploy").mkdir()
    script = copy(ROOT / "deploy/secrets.sh", tmp_path / "deploy/secrets.sh")
    subprocess.run(["sh", script], check=True, capture_output=True)
    folder = tmp_path / "deploy/secrets"
    made = {path.name: path.read_text(encoding="ascii").strip() for path in folder.iterdir()}
    assert set(made) == set(blocks("secrets")) == set(re.findall(r"/run/secrets/(\w+)", COMPOSE))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert made["postgres_password"] in made["database_url"]
    assert made["valkey_password"] in made["redis_url"]
    assert len({made["secret_key"], made["postgres_password"], made["valkey_password"]}) == 3
    assert all(len(made[name]) == 64 for name in ("secret_key", "postgres_password", "valkey_password"))
    subprocess.run(["sh", script], check=True, capture_output=True)
    assert {path.name: path.read_text(encoding="ascii").strip() for path in folder.iterdir()} == made, "never anew"


def test_no_secret_can_be_committed_or_built_into_an_image() -> None:
    assert "deploy/secrets/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in ignored if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert not [rule for rule in rules if rule.startswith(("!deploy/secrets", "!data", "!.", "!*"))]


def copied_files() -> list[str]:
    lines = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    return [path for line in lines for path in line.split()]


@pytest.mark.parametrize("path", copied_files())
def test_what_the_image_is_built_from_is_there_and_not_ignored(path: str) -> None:
    assert (ROOT / path).exists()
    assert f"!{path}" in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_gives_up_what_it_does_not_need(name: str) -> None:
    hardened = re.search(r"^x-hardened: &hardened\n((?:  .*\n)+)", COMPOSE, re.MULTILINE)
    ours = re.search(r"^x-hookwright: &hookwright\n((?:  .*\n)+)", COMPOSE, re.MULTILINE)
    assert hardened
    assert ours
    for line in ("init: true", "read_only: true", "cap_drop: [ALL]", 'security_opt: ["no-new-privileges:true"]'):
        assert f"  {line}" in hardened[1]
    assert "<<: *hardened" in ours[1]
    assert "<<: *hardened" in SERVICES[name] or name in OURS
    assert "privileged" not in SERVICES[name]
    assert "cap_add" not in SERVICES[name] or name == "proxy"


def test_the_data_is_not_reached_from_outside() -> None:
    assert {name for name, text in SERVICES.items() if "ports:" in text} == {"proxy", "console"}
    assert re.search(r'^      - "127\.0\.0\.1:', SERVICES["console"], re.MULTILINE)
    for name in ("valkey", "postgres", "worker", "migrate"):
        assert "networks: [back]" in SERVICES[name]
    assert re.search(r"^  back:\n    internal: true", COMPOSE, re.MULTILINE)


async def test_the_queue_that_is_deployed_keeps_what_a_202_promises(tmp_path: Path) -> None:
    """A Valkey that is started with the same options has nothing that the gateway would warn of."""
    plain = re.sub(r"\$\{\w+:-(\w+)\}", r"\1", SERVICES["valkey"])
    options = re.findall(r"(--(?:append|maxmemory)[\w-]*) (\w+)", plain)
    assert len(options) == 4
    with run_valkey(tmp_path, *(word for option in options for word in option)) as url:
        redis = open_redis(url)
        durability = await read_durability(redis)
        await redis.aclose()
        await redis.connection_pool.disconnect()
    assert durability.warnings == ()
    assert durability.maxmemory > 0


def test_only_the_network_of_the_proxy_is_believed_about_clients() -> None:
    subnet = re.search(r"subnet: (\S+) ", blocks("networks")["front"])
    assert subnet
    assert f"HOOKWRIGHT_TRUSTED_PROXIES: {subnet[1]} " in SERVICES["gateway"]


def test_no_program_is_killed_before_it_has_drained() -> None:
    grace = re.search(r"^  stop_grace_period: (\d+)s", COMPOSE, re.MULTILINE)
    assert grace
    assert int(grace[1]) > STOP_SECONDS


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/readyz" else 503)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """A test is quiet."""


@pytest.fixture
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), _Answers) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("place", "status", "why"), [("readyz", 0, ""), ("other", 1, "answers 503")])
def test_the_health_check_says_what_the_program_says(port: int, place: str, status: int, why: str) -> None:
    command = [sys.executable, "-I", str(ROOT / "deploy/ready.py"), f"{port}/{place}"]
    checked = subprocess.run(command, capture_output=True, text=True)
    assert (checked.returncode, why in checked.stderr) == (status, True)


def test_the_health_check_fails_where_nobody_listens() -> None:
    command = [sys.executable, "-I", str(ROOT / "deploy/ready.py"), "1/readyz"]
    checked = subprocess.run(command, capture_output=True, text=True)
    assert checked.returncode == 1
    assert "does not answer" in checked.stderr
