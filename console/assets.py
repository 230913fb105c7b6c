"""Assets: the scripts and styles that static/ was built into, under names that change with what is in them.

Takes the name of an entry (console.js), gives its address. Served from here, compressed where the browser takes that,
and kept by it for a year. Never builds anything.
"""

from pathlib import Path

import orjson
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response

from gateway.errors import BadSetting

DIST = Path(__file__).parent.parent / "static" / "dist"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".txt": "text/plain"}


class Assets:
    def __init__(self, folder: Path = DIST) -> None:
        """Raises BadSetting where nothing was built."""
        try:
            self._names: dict[str, str] = orjson.loads((folder / "manifest.json").read_bytes())
        except OSError:
            raise BadSetting("the console's scripts and styles are not built yet: make static") from None
        self._files = {path.name: path for path in folder.iterdir() if path.suffix in _TYPES}

    def url(self, entry: str) -> str:
        return f"/static/{self._names[entry]}"

    async def serve(self, request: Request) -> Response:
        path = self._files.get(request.path_params["name"])
        if path is None:
            return PlainTextResponse("there is no such file", 404)
        headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
        packed = path.with_name(f"{path.name}.br")
        if "br" in request.headers.get("accept-encoding", "") and packed.exists():
            path, headers = packed, {**headers, "Content-Encoding": "br"}
        return FileResponse(path, headers=headers, media_type=_TYPES[Path(request.path_params["name"]).suffix])
