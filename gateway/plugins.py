"""Plugins: the ready-made sources that lie in `plugins/`, read as data.

Takes the name of a folder, gives its manifest, script, guide and fixtures; signs a fixture as its sender
would, and gives it a person, an order and a delivery of its own. Never imports or runs what it reads.
"""

import base64
import hashlib
import hmac
import json
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

import gateway
from gateway.errors import BadSetting, NotFound

FOLDER = Path(gateway.__file__).parent.parent / "plugins"

# The secret that signs has this name in every plugin, so that nothing else has to know the scheme.
SIGNING_SECRET = "signing_secret"  # noqa: S105 - the name, not the secret

_LAST_NUMBER = re.compile(r"\d+$")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SecretField(_Model):
    """A secret that the script reads, and where its owner finds it."""

    name: str
    description: str
    how_to_get: str
    is_required: bool = True


class SettingField(_Model):
    """A choice of the source that is no secret, with the value that holds until somebody chooses."""

    name: str
    type: Literal["text", "boolean", "number", "list"]
    default: str | bool | int | float | list[str]
    description: str

    @model_validator(mode="after")
    def _default_is_of_the_type(self) -> "SettingField":
        kinds = {"text": (str,), "boolean": (bool,), "number": (int, float), "list": (list,)}
        if type(self.default) not in kinds[self.type]:
            raise ValueError(f"the default of {self.name} is not of the type {self.type}")
        return self


class Signing(_Model):
    """How the sender signs. `template` is what is signed, `header_template` what stands in the header.

    `hmac` keys the digest with the secret, `digest` has it in the template, `api_key` sends an API key of the source.
    """

    kind: Literal["hmac", "digest", "api_key"]
    header: str
    digest: Literal["sha1", "sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    template: str = "{body}"
    header_template: str = "{signature}"


class FixtureIdentity(_Model):
    """The places of a fixture (`header:<name>`, `json:<dotted.path>`) that make a post one of its own."""

    delivery: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    person_id: tuple[str, ...] = ()
    email: tuple[str, ...] = ()


class Manifest(_Model):
    """plugin.toml. `default_fixture` is the event that `hookwright send` posts when none is named."""

    title: str
    description: str
    docs: str
    default_fixture: str
    unique_by: str | None = None
    occurred_at: str | None = None
    occurred_at_zone: str | None = None
    secrets: tuple[SecretField, ...] = ()
    settings: tuple[SettingField, ...] = ()
    signing: Signing
    fixture_identity: FixtureIdentity = Field(default_factory=FixtureIdentity)

    @property
    def default_settings(self) -> dict[str, Any]:
        return {setting.name: setting.default for setting in self.settings}


@dataclass(frozen=True, slots=True)
class Fixture:
    """One request as its sender would post it, not yet signed; `expected` is what the script makes of it."""

    name: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    expected: Any = None


@dataclass(frozen=True, slots=True)
class Plugin:
    """A ready-made source: all that `sources add --plugin` needs, and what shows that it works."""

    name: str
    manifest: Manifest
    script: str
    guide: str
    fixtures: tuple[Fixture, ...]

    def find_fixture(self, name: str | None = None) -> Fixture:
        """Give the fixture of that name, or the default one. Raises NotFound, which names those there are."""
        wanted = name or self.manifest.default_fixture
        for fixture in self.fixtures:
            if fixture.name == wanted:
                return fixture
        known = ", ".join(fixture.name for fixture in self.fixtures)
        raise NotFound(f"the plugin {self.name} has no fixture {wanted!r}; it has {known}")


def list_plugins() -> list[str]:
    """Name every folder that has a manifest, in order."""
    return sorted(path.parent.name for path in FOLDER.glob("*/plugin.toml"))


def load_plugin(name: str) -> Plugin:
    """Read a plugin. Raises NotFound (no such folder) or BadSetting (it is not as it should be)."""
    if name not in list_plugins():
        raise NotFound(f"there is no plugin {name!r}; there are {', '.join(list_plugins())}")
    folder = FOLDER / name
    try:
        manifest = Manifest.model_validate(tomllib.loads(_read(folder / "plugin.toml")))
        paths = sorted((folder / "fixtures").glob("*.request.json"))
        fixtures = tuple(_read_fixture(path) for path in paths)
        return Plugin(name, manifest, _read(folder / "script.py"), _read(folder / "README.md"), fixtures)
    except (OSError, ValueError, KeyError, ValidationError) as error:
        raise BadSetting(f"the plugin {name} cannot be read: {error}") from error


def sign(plugin: Plugin, fixture: Fixture, secret: str, now: datetime) -> dict[str, str]:
    """Give the headers of the fixture with the sender's signature for that moment, made with that secret."""
    signing = plugin.manifest.signing
    timestamp = str(int(now.timestamp()))
    value = secret if signing.kind == "api_key" else _signature(signing, fixture.body, secret, timestamp)
    text = signing.header_template.replace("{timestamp}", timestamp).replace("{signature}", value)
    return {**fixture.headers, signing.header: text}


def personalise(plugin: Plugin, fixture: Fixture, serial: str) -> Fixture:
    """Give the fixture a delivery, an order and a person of its own: the same ones for the same serial."""
    identity = plugin.manifest.fixture_identity
    headers = {name.lower(): value for name, value in fixture.headers.items()}
    document = _document(fixture.body)
    for kind in ("delivery", "order", "person_id", "email"):
        for place in getattr(identity, kind):
            _rewrite(place, headers, document, _changer(f"{kind} {serial}"))
    body = fixture.body if document is None else _encode(document)
    return replace(fixture, headers=headers, body=body)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _read_fixture(path: Path) -> Fixture:
    name = path.name.removesuffix(".request.json")
    request = json.loads(_read(path))
    expected = path.with_name(f"{name}.expected.json")
    body = request["body"]
    return Fixture(
        name=name,
        method=request["method"],
        path=request["path"],
        headers=request["headers"],
        body=body.encode() if isinstance(body, str) else _encode(body),
        expected=json.loads(_read(expected)) if expected.exists() else None,
    )


def _encode(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _document(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _signature(signing: Signing, body: bytes, secret: str, timestamp: str) -> str:
    # The body last: it may hold anything, also the words in braces.
    signed = signing.template.replace("{timestamp}", timestamp).replace("{secret}", secret).encode()
    signed = signed.replace(b"{body}", body)
    if signing.kind == "hmac":
        raw = hmac.digest(secret.encode(), signed, signing.digest)
    else:
        raw = hashlib.new(signing.digest, signed).digest()
    return raw.hex() if signing.encoding == "hex" else base64.b64encode(raw).decode()


def _changer(seed: str) -> Callable[[Any], Any]:
    """Make another value of the same form, the same for the same seed: a number, an address, an id with a prefix."""
    digest = hashlib.sha256(seed.encode()).hexdigest()
    number = str(10**12 + int(digest, 16) % (9 * 10**12))

    def change(value: Any) -> Any:
        if type(value) is int:
            return int(number)
        if type(value) is not str or not value:
            return value
        if "@" in value:
            local, _, domain = value.rpartition("@")
            return f"{local}+{digest[:12]}@{domain}"
        if _LAST_NUMBER.search(value):
            return _LAST_NUMBER.sub(number, value)
        return f"{value}-{digest[:12]}"

    return change


def _rewrite(place: str, headers: dict[str, str], document: Any, change: Callable[[Any], Any]) -> None:
    """Change what stands at one place; a place that this fixture does not have is none of its business."""
    where, _, path = place.partition(":")
    if where == "header":
        if path.lower() in headers:
            headers[path.lower()] = change(headers[path.lower()])
        return
    *steps, last = path.split(".")
    for step in steps:
        document = _step(document, step)
    key = int(last) if isinstance(document, list) and last.isdigit() else last
    if _step(document, last) is not None:
        document[key] = change(document[key])


def _step(document: Any, step: str) -> Any:
    if isinstance(document, dict):
        return document.get(step)
    if isinstance(document, list) and step.isdigit() and int(step) < len(document):
        return document[int(step)]
    return None
