"""Decode: a body's Content-Encoding undone, piece by piece, never past the limit."""

import zlib
from collections.abc import Callable, Iterator

import brotli
import zstandard

from gateway.errors import BadRequest, TooLarge

_PIECE_BYTES = 64 * 1024
_LAYERS_MAX = 2
# Each member copies what is behind it: a megabyte of empty ones would take the gateway half a second.
_MEMBERS_MAX = 256


def decode(body: bytes, encoding: str, body_max: int) -> bytes:
    """Undo gzip, deflate, br and zstd, the last applied first. Raises BadRequest, TooLarge."""
    names = [name.strip().lower() for name in encoding.split(",") if name.strip()]
    names = [name for name in names if name != "identity"]
    if len(names) > _LAYERS_MAX:
        raise BadRequest(f"Content-Encoding has more than {_LAYERS_MAX} layers")
    for name in reversed(names):
        decoder = _DECODERS.get(name.removeprefix("x-"))
        if decoder is None:
            raise BadRequest(f'Content-Encoding "{name}" is not read here: gzip, deflate, br, zstd or none')
        body = _collect(decoder, body, name, body_max)
    return body


def _collect(decoder: Callable[[bytes], Iterator[bytes]], body: bytes, name: str, body_max: int) -> bytes:
    parts, size = [], 0
    try:
        for part in decoder(body):
            size += len(part)
            if size > body_max:
                raise TooLarge(
                    f"the body is larger than {body_max} bytes once {name} is undone, the limit of this source"
                )
            parts.append(part)
    except (zlib.error, brotli.error, zstandard.ZstdError, EOFError) as error:
        raise BadRequest(f"the body is not {name}, as Content-Encoding says: {error}") from None
    return b"".join(parts)


def _gzip(body: bytes) -> Iterator[bytes]:
    """Undo gzip, also of several members one after the other."""
    for _ in range(_MEMBERS_MAX):
        if not body:
            return
        unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
        yield from _inflate(unpacker, body)
        body = unpacker.unused_data
    if body:
        raise EOFError(f"it has more than {_MEMBERS_MAX} members")


def _deflate(body: bytes) -> Iterator[bytes]:
    """Undo deflate: in a zlib wrapper, as RFC 9110 has it, or raw, as some senders do."""
    is_wrapped = len(body) > 1 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0
    yield from _inflate(zlib.decompressobj(zlib.MAX_WBITS if is_wrapped else -zlib.MAX_WBITS), body)


def _inflate(unpacker: "zlib._Decompress", body: bytes) -> Iterator[bytes]:
    while body and not unpacker.eof:
        yield unpacker.decompress(body, _PIECE_BYTES)
        body = unpacker.unconsumed_tail
    if not unpacker.eof:
        raise EOFError("it ends in the middle")


def _brotli(body: bytes) -> Iterator[bytes]:
    unpacker = brotli.Decompressor()
    piece = unpacker.process(body, output_buffer_limit=_PIECE_BYTES)
    while piece or not unpacker.can_accept_more_data():
        yield piece
        piece = unpacker.process(b"", output_buffer_limit=_PIECE_BYTES)
    if not unpacker.is_finished():
        raise EOFError("it ends in the middle")


def _zstd(body: bytes) -> Iterator[bytes]:
    with zstandard.ZstdDecompressor(max_window_size=8 * 1024 * 1024).stream_reader(body) as reader:
        while piece := reader.read(_PIECE_BYTES):
            yield piece
    # The reader ends silently where a frame was cut off; its size is known to be within the limit by now.
    whole = zstandard.ZstdDecompressor(max_window_size=8 * 1024 * 1024).decompressobj()
    whole.decompress(body)
    if not whole.eof or whole.unused_data:
        raise EOFError("it ends in the middle, or goes on after its end")


_DECODERS: dict[str, Callable[[bytes], Iterator[bytes]]] = {
    "gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
