"""Warmth: everything that a child would otherwise load or build on first use, when it no longer can.

Takes nothing, gives nothing; run once in the fork server. Never sees a script of a source.
"""

import codecs
import importlib
import os
import sys
import tempfile
import time

import orjson

from gateway.sandbox.guards import CODECS
from gateway.sandbox.limits import Limits
from gateway.sandbox.runner import Runner
from gateway.sandbox.script import Script
from gateway.sandbox.stage import StagePage
from gateway.sandbox.wire import AUTHENTICATE, LOAD, TRANSFORM, read_request, request_frame
from gateway.toolbox.preload import preload

# What plain Python would reach for to break out: loaded where the wall is tested without the fence, so that no
# attempt fails for want of an import.
_TOOLS_OF_AN_INTRUDER = (
    *("ctypes", "errno", "functools", "gc", "inspect", "mmap", "operator", "pickle", "random", "resource", "select"),
    *("signal", "socket", "string", "struct", "subprocess", "sys", "threading", "time", "uuid", "urllib.parse"),
)

_SCRIPT = """
from gateway.toolbox import Ignore, upsert_contact

class Seen:
    pass

def authenticate(request, context):
    return "\\N{BULLET}" != request.headers.get("x")

def transform(request, context):
    seen = Seen()
    seen.count = 1
    seen.count += len(request.json["items"])
    print(f"{seen.count:>3} of {context.source!r}", "%s" % request.received_at)
    for item in request.json["items"]:
        yield upsert_contact(identifiers={"email": item["email"].lower()}, attributes={"price": item.get("price")})
    raise Ignore("%d" % seen.count)
"""
# More than there are of each size after a full collection, as sys._debugmallocstats() shows.
_SMALL_GAPS, _LARGE_GAPS = 1_200, 120
_BYTES_HEAD = sys.getsizeof(b"")
_BROKEN_SCRIPTS = (
    "import os, sys\nasync def f(): await g()\n",
    "def transform(request):\n  return (\n",
    "x = _y.format(open)",
)
_HEAD = {
    "method": "POST",
    "path": "",
    "query": "",
    "url": "",
    "headers": [["content-type", "application/json"]],
    "client_ip": "",
    "received_at": 0,
    "content_type": "application/json",
}


def warm_up(*, is_fenced: bool) -> None:
    """Load all, use all once."""
    os.environ["TZ"] = "UTC"  # a time without a zone must not tell where this machine stands
    time.tzset()
    preload()
    for codec in CODECS:
        codecs.lookup(codec)
    with tempfile.TemporaryFile() as file:
        os.ftruncate(file.fileno(), 1 << 16)
        page = StagePage(file.fileno())
    for text in (_SCRIPT, *_BROKEN_SCRIPTS):
        _try_script(text, page)
    if not is_fenced:
        for name in _TOOLS_OF_AN_INTRUDER:
            importlib.import_module(name)


def fill_gaps() -> list[object]:
    """Give what fills the gaps between small objects, to be kept: what a child makes then lies together on new pages.

    Python puts a new object of up to 512 bytes into a gap between old ones of its size. In a child each gap lies on
    another page of its parent's, which the kernel copies for it: half a MiB a child.
    """
    small: list[object] = [kind() for kind in (object, float) for _ in range(_SMALL_GAPS)]  # 16 and 32 bytes
    for size in range(48, 513, 16):
        small += [bytes(size - _BYTES_HEAD) for _ in range(_SMALL_GAPS if size <= 128 else _LARGE_GAPS)]
    return small


def _try_script(text: str, page: StagePage) -> None:
    places = ("json:id|header:x|form:x", "json:at", "UTC")
    script = Script("warm", "ver_", "1", text, {"signing_secret": "not a secret"}, {}, *places, limits=Limits())
    runner = Runner(orjson.loads(script.load_document()), page, is_fenced=True)
    known, code = runner.load()
    if known["problems"]:
        return
    runner.load(code)
    body = b'{"id": 1, "at": "2024-01-01T00:00:00", "items": [{"email": "A@example.com", "price": null}]}'
    for operation, data in ((AUTHENTICATE, body), (TRANSFORM, body), (TRANSFORM, b"{"), (TRANSFORM, b"{}")):
        frame = request_frame(LOAD, 1, b"evt_", orjson.dumps(_HEAD), data)[4:]
        _, _, event_id, head, raw = read_request(frame)
        runner.run(1, operation, event_id, head, raw)
