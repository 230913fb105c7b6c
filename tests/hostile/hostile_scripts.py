"""Hostile scripts: where they stand, what each needs, and what must come of it.

Takes the corpus of others (written for `transform(request)`) or a file of ours; gives a Hostile. Adapts the call of a
corpus script, never its body. Never runs anything.
"""

import json
import os
import re
import textwrap
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

OWN = Path(__file__).parent / "own"

_ALL_RIGHT = "def authenticate(request, context):\n    return True\n"
_AUTHENTICATE = """
hostile_authenticate = authenticate
def authenticate(request, context):
    return hostile_authenticate(request.json)
"""
# What comes of it goes the whole way, into the database: as an attribute of a contact of the source's own.
_ACTION = """
    whose = {{"email": context.source + "@example.com"}}
    return [{{"action": "upsertContact", "identifiers": whose, "attributes": {{"r": {result}}}}}]
"""
_TRANSFORM = """
hostile_transform = transform
def transform(request, context):""" + _ACTION.format(result="hostile_transform(request.json)")
_RAW = "def transform(request, context):\n{body}\n" + _ACTION.replace("{result}", 'repr(locals().get("result"))')
_TOLD = {"attacks", "expect", "says", "calls", "forbid", "body", "settings", "unique_by", "occurred_at"}

# Where we do something else than the corpus expects: what, the value that comes of it, and why that is right as well.
DEVIATIONS = {
    "cpu_class_body_loop": ("reject", None, "its top level never ends, so that it is killed when it is pushed"),
    "esc_augassign_item": ("ok", "PWNED", "x[k] += 1 is part of our language; that is its own harmless value"),
    "raw_mprotect_exec": ("ok", "'refused'", "it catches the refusal itself and returns that word"),
}


@dataclass(frozen=True)
class Hostile:
    """One script and what must come of it: `expect` holds some of reject, error, killed, ok."""

    name: str
    group: str
    text: str
    expect: frozenset[str]
    is_own: bool = False
    is_raw: bool = False  # plain Python, behind the wall alone
    calls: int = 1
    forbid: tuple[str, ...] = ()
    forbid_pattern: str | None = None
    says: str | None = None
    check: str | None = None
    body: Any = None
    settings: dict[str, Any] | None = None
    unique_by: str | None = None
    occurred_at: str | None = None

    @property
    def source(self) -> str:
        return "h-" + re.sub("[^a-z0-9]+", "-", self.name.lower()).strip("-")[:60]


def corpus_folder() -> Path | None:
    """Name the folder of hostile scripts of others, where there is one: HOOKWRIGHT_TEST_HOSTILE."""
    named = os.environ.get("HOOKWRIGHT_TEST_HOSTILE")
    return Path(named) if named else None


def read_all() -> list[Hostile]:
    """Read every script there is, ours first."""
    folder = corpus_folder()
    own = [_read_own(path) for path in sorted(OWN.rglob("*.py"))]
    if folder is None:
        return own
    lines = (folder / "INDEX.jsonl").read_text(encoding="utf-8").splitlines()
    return own + [_adapt(json.loads(line), folder) for line in lines]


def _adapt(row: dict[str, Any], folder: Path) -> Hostile:
    if "gen" in row:
        text = str(eval(row["gen"]))
    else:
        text = (folder / row["file"]).read_bytes().decode("utf-8", "surrogatepass")
    is_raw = row["mode"] == "raw"
    hostile = Hostile(
        name=row["name"],
        group=row["class"],
        text=_raw(text) if is_raw else _called(text, row.get("fns") or [row["fn"]]),
        expect=frozenset(row["expect"]),
        is_raw=is_raw,
        calls=row["calls"],
        forbid=tuple(row["forbid"]),
        forbid_pattern="|".join(row.get("forbid_re", [])) or None,
        check=row.get("check"),
    )
    return _deviating(hostile)


def _deviating(hostile: Hostile) -> Hostile:
    if hostile.name not in DEVIATIONS:
        return hostile
    verdict, value, _ = DEVIATIONS[hostile.name]
    if value is None:
        return replace(hostile, expect=frozenset({verdict}))
    # Its value may be in what is said, and is compared as a whole.
    return replace(hostile, expect=frozenset({verdict}), forbid=(), check=f"all_results_equal:{json.dumps(value)}")


def _raw(text: str) -> str:
    return _ALL_RIGHT + _RAW.format(body=textwrap.indent(text, "    "))


def _called(text: str, functions: list[str]) -> str:
    parts = [text, _AUTHENTICATE if "authenticate" in functions else _ALL_RIGHT]
    parts.append(_TRANSFORM if "transform" in functions else "def transform(request, context):\n    return []\n")
    return "\n".join(parts)


def _read_own(path: Path) -> Hostile:
    """Read a script of ours; its first lines say what must come of it: `# expect: error`, `# says: …`."""
    text = path.read_text(encoding="utf-8")
    told = dict(re.findall(r"^# (\w+): (.+)$", text, re.MULTILINE))
    assert told.keys() >= {"attacks", "expect"}, path
    assert told.keys() <= _TOLD, path
    return Hostile(
        name=f"{path.parent.name}_{path.stem}",
        group=path.parent.name,
        text=text if "def authenticate" in text else f"{text}\n{_ALL_RIGHT}",
        expect=frozenset(told["expect"].split()),
        is_own=True,
        is_raw=path.parent.name == "raw",
        calls=int(told.get("calls", 1)),
        forbid=(told["forbid"],) if "forbid" in told else (),
        says=told.get("says"),
        body=eval(told["body"], {}) if "body" in told else None,
        settings=json.loads(told["settings"]) if "settings" in told else None,
        unique_by=told.get("unique_by"),
        occurred_at=told.get("occurred_at"),
    )
