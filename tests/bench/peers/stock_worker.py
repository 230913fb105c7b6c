"""Stock worker: arq with one job and one SQLite transaction an event: a contact and an order, plain upserts.

`python -m tests.bench.peers.stock_worker SOCKET DATABASE default|tuned`. It keeps no raw request, no
ledger and no status; it only has to do the two writes, durably.
"""

import sqlite3
import sys
from pathlib import Path
from typing import Any

import orjson
from arq import run_worker
from arq.connections import RedisSettings

TABLES = """
    CREATE TABLE IF NOT EXISTS contacts (email TEXT PRIMARY KEY, shopify_id TEXT, first_name TEXT, last_name TEXT);
    CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, email TEXT, status TEXT, total TEXT, items TEXT);
"""
CONTACT = """
    INSERT INTO contacts VALUES (?, ?, ?, ?) ON CONFLICT (email) DO UPDATE
    SET shopify_id = excluded.shopify_id, first_name = excluded.first_name, last_name = excluded.last_name
"""
ORDER = """
    INSERT INTO orders VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE
    SET status = excluded.status, total = excluded.total, items = excluded.items
"""
TUNED = {"poll_delay": 0.0, "max_jobs": 50, "keep_result": 0}


async def open_database(ctx: dict[str, Any]) -> None:
    database = sqlite3.connect(sys.argv[2], isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000"):
        database.execute(f"PRAGMA {pragma}")
    database.executescript(TABLES)
    ctx["database"] = database


async def apply_order(ctx: dict[str, Any], body: bytes) -> None:
    order = orjson.loads(body)
    customer, database = order["customer"], ctx["database"]
    items = orjson.dumps(order["line_items"]).decode()
    total = order["total_price"]
    database.execute("BEGIN IMMEDIATE")
    database.execute(CONTACT, (order["email"], str(customer["id"]), customer["first_name"], customer["last_name"]))
    database.execute(ORDER, (str(order["id"]), order["email"], order["financial_status"], total, items))
    database.execute("COMMIT")


if __name__ == "__main__":
    tuning = TUNED if sys.argv[3] == "tuned" else {}
    settings: dict[str, Any] = {
        "functions": [apply_order],
        "on_startup": open_database,
        "redis_settings": RedisSettings(unix_socket_path=str(Path(sys.argv[1]))),
        **tuning,
    }
    run_worker(settings)
