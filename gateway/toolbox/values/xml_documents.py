"""XML documents: SOAP, RSS and the callbacks of older payment providers as dicts.

Takes text or bytes; gives nested dicts, lists and text. Never follows an entity, a DTD or an address
(defusedxml refuses them), and never hands out an element of a library.
"""

import re
from typing import Any
from xml.etree.ElementTree import ParseError
from xml.parsers.expat import errors

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from gateway.toolbox.charsets import decode
from gateway.toolbox.exact import DEPTH_MAX, NODES_MAX, exact_bytes

_ENCODING = re.compile(rb"""^\s*<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_NO_MEMORY = errors.codes[errors.XML_ERROR_NO_MEMORY]
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def parse_xml(text: str | bytes) -> dict[str, Any]:
    """Read XML into {name of the root: value}.

    An element with text alone is that text, trimmed ("" where it is empty); otherwise a dict of its children
    by name, its attributes as "@name" and its text as "#text". Children of one name become a list. Name space
    prefixes are dropped: <sf:Email> is "Email". ValueError for bad XML, any DTD or entity, more than 100 levels.
    Example: `parse_xml('<o id="7"><sku>A</sku><sku>B</sku></o>')` gives {"o": {"@id": "7", "sku": ["A", "B"]}}.
    """
    tree = _Tree()
    # Decoded here: the parser would look up any codec that the document names.
    parser = DefusedXMLParser(target=tree, forbid_dtd=True, encoding="utf-8")
    try:
        parser.feed(_decode(text))
        parser.close()
    except ParseError as error:
        if error.code == _NO_MEMORY:
            raise MemoryError from None
        raise ValueError(f"not XML: {error}") from None
    except DefusedXmlException:
        raise ValueError("XML with a DTD or entities of its own is refused") from None
    return tree.result


class _Tree:
    """Built while the parser reads, so that depth and size are bounded before anything grows."""

    def __init__(self) -> None:
        self.result: dict[str, Any] = {}
        self._open: list[tuple[dict[str, Any], list[str]]] = [(self.result, [])]
        self._count = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._count += 1 + len(attributes)
        if len(self._open) > DEPTH_MAX or self._count > NODES_MAX:
            raise ValueError(f"XML of more than {DEPTH_MAX} levels or {NODES_MAX} parts")
        self._open.append(({f"@{_local(name)}": value for name, value in attributes.items()}, []))

    def data(self, text: str) -> None:
        self._open[-1][1].append(text)

    def end(self, tag: str) -> None:
        fields, pieces = self._open.pop()
        text = "".join(pieces).strip()
        if fields and text:
            fields["#text"] = text
        _add(self._open[-1][0], _local(tag), fields or text)

    def close(self) -> None:
        pass


def _decode(text: str | bytes) -> bytes:
    if type(text) is not bytes:
        return exact_bytes(text, "text")
    named = _ENCODING.search(text[:200])
    charset = named[1].decode() if named else "utf-8"
    return decode(text, "utf-16" if text[:2] in _UTF16_MARKS else charset, "the XML").encode()


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _add(parent: dict[str, Any], name: str, value: Any) -> None:
    there = parent.get(name)
    if there is None:
        parent[name] = value
    elif type(there) is list:
        there.append(value)
    else:
        parent[name] = [there, value]
