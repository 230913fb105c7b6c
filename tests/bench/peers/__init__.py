"""Peers: what the product is measured against, each written the way its own documents show it."""

from typing import Any

# The product's own settings of uvicorn, so that nothing but the application differs.
UVICORN: dict[str, Any] = {
    "loop": "uvloop",
    "http": "httptools",
    "ws": "none",
    "access_log": False,
    "server_header": False,
    "date_header": False,
    "log_level": "warning",
    "backlog": 2048,
}
