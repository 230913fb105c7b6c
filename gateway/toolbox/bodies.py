"""Bodies: the bytes of a request as text or as a form.

Takes a body and its content type; gives text, or pairs of a form (urlencoded, or multipart as in RFC 7578). Never
changes the bytes that signatures are made of.
"""

import re
from typing import Any

from gateway.toolbox.charsets import decode, python_name
from gateway.toolbox.values.urls import split_query

_PARTS_MAX = 1_000
_PARAMETER = re.compile(r';\s*([A-Za-z0-9*_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))')


def media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def find_parameter(header: str, name: str) -> str | None:
    """One parameter of a header value like `text/plain; charset="utf-8"`."""
    for key, quoted, bare in _PARAMETER.findall(header):
        if key.lower() == name:
            return re.sub(r"\\(.)", r"\1", quoted) if quoted else bare
    return None


def decode_text(body: bytes, content_type: str) -> str:
    return decode(body, find_parameter(content_type, "charset") or "utf-8", "the body")


def read_form(body: bytes, content_type: str) -> list[tuple[str, Any]]:
    kind = media_type(content_type)
    if kind == "application/x-www-form-urlencoded":
        text = decode_text(body, content_type)
        return split_query(text, python_name(find_parameter(content_type, "charset") or "utf-8"))
    if kind == "multipart/form-data":
        return _read_multipart(body, find_parameter(content_type, "boundary"))
    raise ValueError(f"the body is not a form: its content type is {content_type or 'not given'}")


def _read_multipart(body: bytes, boundary: str | None) -> list[tuple[str, Any]]:
    if not boundary or not boundary.isascii():
        raise ValueError("a multipart body without a boundary")
    chunks = (b"\r\n" + body).split(b"\r\n--" + boundary.encode(), _PARTS_MAX + 2)
    if len(chunks) < 2 or not chunks[-1].startswith(b"--"):
        raise ValueError(f"a multipart body that does not end, or has more than {_PARTS_MAX} parts")
    return [_read_part(chunk) for chunk in chunks[1:-1]]


def _read_part(chunk: bytes) -> tuple[str, Any]:
    head, separator, content = chunk.lstrip(b" \t").removeprefix(b"\r\n").partition(b"\r\n\r\n")
    headers = dict(_split_header(line) for line in head.decode("utf-8", "replace").split("\r\n"))
    disposition = headers.get("content-disposition", "")
    name = find_parameter(disposition, "name")
    if not separator or name is None:
        raise ValueError("a part of the multipart body has no name")
    filename = find_parameter(disposition, "filename")
    content_type = headers.get("content-type", "")
    if filename is None:
        return name, decode_text(content, content_type)
    return name, {"filename": filename, "content_type": content_type or "application/octet-stream", "content": content}


def _split_header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip().lower(), value.strip()
