"""Charsets: the names that senders give to encodings of text, and what they stand for.

Takes bytes and a name, gives text. Never looks a codec up by a name that a stranger chose.
"""

# Only codecs that the fork server has loaded, and none whose time grows faster than the text (punycode, idna).
CHARSETS = {
    "utf-8": "utf-8-sig",
    "utf8": "utf-8-sig",
    "us-ascii": "ascii",
    "ascii": "ascii",
    "iso-8859-1": "iso-8859-1",
    "latin-1": "iso-8859-1",
    "latin1": "iso-8859-1",
    "iso-8859-2": "iso-8859-2",
    "iso-8859-15": "iso-8859-15",
    "windows-1250": "windows-1250",
    "windows-1251": "windows-1251",
    "windows-1252": "windows-1252",
    "cp1252": "windows-1252",
    "utf-16": "utf-16",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
    "shift_jis": "shift_jis",
    "gb18030": "gb18030",
}


def decode(data: bytes, charset: str, what: str) -> str:
    """Decode by an allowed charset; ValueError names the charset, or the first byte that does not fit."""
    try:
        return data.decode(CHARSETS[charset.lower()])
    except KeyError:
        raise ValueError(f"the charset {charset!r} of {what} is not known here") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{what} is not {charset}: byte {error.start} does not fit") from None


def python_name(charset: str) -> str:
    return CHARSETS.get(charset.lower(), "utf-8").removesuffix("-sig")
