"""Settings: every `HOOKWRIGHT_…` name, read once at the top of each program and passed down.

An unknown name stops the program: a setting with a slip in it must not be silently without effect.
Secrets may come from files (`HOOKWRIGHT_SECRET_KEY_FILE`). What Kubernetes injects for a service
called hookwright-gateway (`HOOKWRIGHT_GATEWAY_PORT=tcp://…`) is skipped with a log line.
"""

import os
import re
import tempfile
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cached_property
from hashlib import sha256
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from gateway.errors import BadSetting
from gateway.logs import log

PREFIX = "HOOKWRIGHT_"
MIB = 1024 * 1024
SOCKET_PATH_MAX = 100  # the kernel's limit is 107 bytes with the closing zero; a little room for a suffix

# Read by the tests alone; nothing in the product looks at them.
_TEST_NAMES = re.compile(r"^HOOKWRIGHT_TEST_[A-Z_]+$")
_SERVICE_LINK = re.compile(r"^(tcp|udp|sctp)://")
_SERVICE_LINK_NAME = re.compile(r"^HOOKWRIGHT_[A-Z0-9_]*(_PORT_\d+_|_SERVICE_)")

Csv = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """The settings by name, with default and meaning. Sizes in bytes, times in seconds."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True)

    data_dir: Path = Field(Path("data"), description="the folder of everything that is kept on this machine")
    database_url: str = Field("", description="SQLAlchemy URL; default: SQLite in the data folder")
    redis_url: str = Field(
        "", description="redis://, rediss://, unix:// or redis+sentinel://; default: embedded Valkey"
    )
    secret_key: SecretStr = Field(
        SecretStr(""),
        description="seals secrets at rest; several separated by commas: the first seals, all open; "
        "default: the file secret.key in the data folder, which `up` writes",
    )
    gateway_host: str = Field("127.0.0.1", description="the public side")
    gateway_port: int = Field(8080, ge=0, le=65535, description="where senders post")
    gateway_metrics_host: str = Field("127.0.0.1", description="the gateway's private side")
    gateway_metrics_port: int = Field(0, ge=0, le=65535, description="/metrics and /readyz of the gateway; 0: off")
    gateway_management: bool = Field(False, description="serve the management API on the gateway too")
    console_host: str = Field("127.0.0.1", description="the private side")
    console_port: int = Field(8081, ge=0, le=65535, description="where people will look")
    worker_host: str = Field("127.0.0.1", description="the worker's private side")
    worker_port: int = Field(0, ge=0, le=65535, description="/metrics and /readyz of the worker; 0: off")
    admin_email: str = Field("", description="the first admin of the console")
    admin_password: SecretStr = Field(SecretStr(""), description="of that admin")
    public_url: str = Field("", description="what senders call the gateway; request.url begins with it")
    console_url: str = Field("", description="what people call the console; by another name it answers nobody: 421")
    trusted_proxies: Csv = Field((), description="networks whose X-Forwarded-For is believed, by commas")
    sandbox: Literal["auto", "strict"] = Field("auto", description="strict: refuse to start without the whole wall")
    sandbox_children_max: int = Field(256, ge=1, le=10_000, description="script processes at once")
    sandbox_wait_seconds: float = Field(
        3, gt=0, description="how long a request waits for its turn behind others of its source; then 503"
    )

    body_bytes_max: int = Field(MIB, ge=1024, le=10 * MIB, description="a request's body, also after decoding")
    head_bytes_max: int = Field(64 * 1024, ge=1024, le=MIB, description="request line and headers")
    head_seconds: float = Field(10, gt=0, description="until the head is there, else the connection is closed")
    body_seconds: float = Field(30, gt=0, description="until the body is there")
    keep_alive_seconds: int = Field(
        75, ge=1, description="a connection rests between requests; a proxy in front has to let go of it sooner"
    )
    connections_max: int = Field(4096, ge=1, description="open connections; past it the quietest are closed")
    requests_in_flight_max: int = Field(
        256, ge=1, description="requests at work at once, their bodies whole; 503 past it"
    )
    upload_bytes_max: int = Field(
        256 * MIB,
        ge=64 * MIB,  # a quarter of it holds the largest body that may be allowed
        description="bodies that are still coming in; 503 past it, and for one address (IPv6: /64) past a quarter",
    )
    queue_events_max: int = Field(1_000_000, ge=1, description="events that wait; 503 past it")
    source_queue_events_max: int = Field(
        0, ge=0, description="events of one source that wait; 503 past it; 0: half of QUEUE_EVENTS_MAX"
    )
    queue_memory_share: float = Field(0.9, gt=0, le=1, description="of Redis maxmemory; 503 past it")
    enqueue_seconds: float = Field(5, gt=0, description="how long a sender waits for Redis; then 503")

    stranger_refusals_per_minute: int = Field(
        600, ge=0, description="refused requests of one address (IPv6: /64); 429 past it; 0: no limit"
    )
    key_requests_per_minute: int = Field(0, ge=0, description="requests of one API key; 429 past it; 0: no limit")

    identifier_values_max: int = Field(5, ge=1, le=1000, description="values of one identifier key a contact may have")
    ignored_identifiers: Csv = Field((), description="key:value pairs that never identify anybody, by commas")
    retention_days: int = Field(30, ge=1, description="how long raw requests are kept")
    retention_bytes_max: int = Field(
        0, ge=0, description="what all raw requests together may hold, as stored; the oldest go first; 0: no limit"
    )
    job_timeout_seconds: float = Field(20, gt=1, description="a job that takes longer is put back and taken again")
    poll_delay_seconds: float = Field(0.02, gt=0, description="how often the worker looks for jobs")

    alert_url: str = Field("", description="told of quarantine, parked failures and backpressure")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="info: one line a request and a batch"
    )
    log_format: Literal["auto", "text", "json"] = Field("auto", description="auto: text on a terminal, else JSON")

    @field_validator("trusted_proxies", "ignored_identifiers", mode="before")
    @classmethod
    def _by_commas(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("public_url", "console_url")
    @classmethod
    def _no_slash_at_the_end(cls, value: str) -> str:
        return value.rstrip("/")

    @field_validator("alert_url", "console_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        if value and not value.startswith(("https://", "http://")):
            raise ValueError("it begins with https:// or http://")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ip_network(network, strict=False)
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings, _Environment(settings_cls))

    @property
    def is_redis_embedded(self) -> bool:
        return not self.redis_url

    @cached_property
    def redis_socket_path(self) -> Path:
        """Give the socket of the embedded Valkey: in the data folder, or aside where that path is too long."""
        inside = self.data_dir / "valkey.sock"
        if len(os.fsencode(inside)) <= SOCKET_PATH_MAX:
            return inside
        name = f"hookwright-{os.getuid()}-{sha256(str(self.data_dir).encode()).hexdigest()[:12]}"
        return Path(tempfile.gettempdir()) / name / "valkey.sock"

    @property
    def effective_redis_url(self) -> str:
        return self.redis_url or f"unix://{self.redis_socket_path}"

    @property
    def effective_database_url(self) -> str:
        return self.database_url or f"sqlite:///{quote(str(self.database_path))}"

    @property
    def database_path(self) -> Path:
        """Give the file of the database, where none is named by URL."""
        return self.data_dir / "hookwright.db"

    @property
    def effective_source_queue_events_max(self) -> int:
        return self.source_queue_events_max or max(1, self.queue_events_max // 2)

    @property
    def effective_public_url(self) -> str:
        return self.public_url or f"http://{self.gateway_host}:{self.gateway_port}"

    @property
    def effective_console_url(self) -> str:
        return self.console_url or f"http://{self.console_host}:{self.console_port}"

    @property
    def secret_key_path(self) -> Path:
        return self.data_dir / "secret.key"

    @property
    def registry_path(self) -> Path:
        return self.data_dir / "registry.json"

    @cached_property
    def proxy_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        return tuple(ip_network(network, strict=False) for network in self.trusted_proxies)


class _Environment(EnvSettingsSource):
    """The process environment, with `…_FILE` read and service links left out."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        known = {PREFIX + name.upper() for name in self.settings_cls.model_fields}
        found: dict[str, str | None] = {}
        for name, value in os.environ.items():
            if not name.startswith(PREFIX) or _TEST_NAMES.match(name):
                continue
            if _SERVICE_LINK.match(value) or (name not in known and _SERVICE_LINK_NAME.match(name)):
                log.warning("setting_skipped", name=name, why="injected by a service link of the container platform")
            elif name in known:
                found[name.lower()] = value
            elif name.endswith("_FILE") and name.removesuffix("_FILE") in known:
                found[name.removesuffix("_FILE").lower()] = _read(name, value)
            else:
                raise BadSetting(f"{name} is no setting of Hookwright.{_nearest(name, known)}")
        return found


def load_settings(**overrides: Any) -> Settings:
    """Read the settings from the environment. Raises BadSetting that names the setting and what is wrong."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        lines = (f"{PREFIX}{'_'.join(map(str, fault['loc'])).upper()}: {fault['msg']}" for fault in faults)
        raise BadSetting("; ".join(lines)) from None


def _read(name: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").removesuffix("\n")
    except OSError as error:
        raise BadSetting(f"{name} names a file that cannot be read: {path} ({error.strerror})") from None


def _nearest(name: str, known: set[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f" Did you mean {near[0]}?" if near else " The README lists them all."
