"""Tombstones: whom this database was told to forget, and when. It knows them by salted hashes alone.

Takes identifiers, gives the time until which nothing is to be told of them. The salt is this database's own, so
that a hash says nothing to who does not hold it, and it goes with every backup: an older one that is brought
back, or imported, still meets the tombstones that are written since.
"""

import hmac
import secrets as random
from collections.abc import Collection
from hashlib import sha256

from sqlalchemy import Connection, select

from gateway.store import dialect
from gateway.store.identifiers import Identifier
from gateway.store.tables import salts, tombstones

_SALT = "tombstones"
_SALT_BYTES = 32


def has_tombstones(connection: Connection) -> bool:
    return connection.scalar(select(tombstones.c.hash).limit(1)) is not None


def find_erased(connection: Connection, wanted: Collection[Identifier]) -> dict[Identifier, int]:
    """Give those of the identifiers whose person was erased, and when (microseconds)."""
    salt = _find_salt(connection) if wanted else None
    if salt is None:
        return {}
    hashes = {_hash(salt, identifier): identifier for identifier in wanted}
    rows = connection.execute(select(tombstones).where(dialect.one_of(connection, tombstones.c.hash, hashes)))
    return {hashes[row.hash]: row.erased_at for row in rows}


def write_tombstones(connection: Connection, erased: Collection[Identifier], erased_at: int) -> None:
    """Write that these are told of only as of now. An earlier tombstone of the same identifier is moved up."""
    salt = _find_salt(connection) or _make_salt(connection)
    rows = [{"hash": _hash(salt, identifier), "erased_at": erased_at} for identifier in sorted(erased)]
    dialect.upsert(connection, tombstones, rows)


def _find_salt(connection: Connection) -> bytes | None:
    return connection.scalar(select(salts.c.salt_blob).where(salts.c.name == _SALT))


def _make_salt(connection: Connection) -> bytes:
    salt = random.token_bytes(_SALT_BYTES)
    connection.execute(salts.insert().values(name=_SALT, salt_blob=salt))
    return salt


def _hash(salt: bytes, identifier: Identifier) -> str:
    key, value = identifier
    return hmac.new(salt, f"{key}\0{value}".encode(errors="surrogatepass"), sha256).hexdigest()
