"""Values: reading, writing and cleaning what senders send.

    documents      JSON, JMESPath, dotted paths        tables     CSV, ndjson
    xml_documents  XML as dicts                        times      moments in UTC
    amounts        money as decimals                   people     phones, e-mail addresses
    patterns       regular expressions (RE2)           encodings  base64, hashes, HMACs
    urls           addresses, queries, slugs

Every function takes exact built-in types, gives plain values, and is pure.
"""

from gateway.toolbox.values.amounts import money
from gateway.toolbox.values.documents import dump_json, flatten, get_path, parse_json, search_json
from gateway.toolbox.values.encodings import (
    decode_base64,
    decode_base64url,
    encode_base64,
    encode_base64url,
    hex_digest,
    hmac_base64,
    hmac_hex,
)
from gateway.toolbox.values.patterns import find_all, match_text, replace_text, split_text
from gateway.toolbox.values.people import normalize_email, normalize_phone
from gateway.toolbox.values.tables import parse_csv, parse_ndjson
from gateway.toolbox.values.times import format_time, parse_time
from gateway.toolbox.values.urls import parse_query, parse_url, slugify
from gateway.toolbox.values.xml_documents import parse_xml

__all__ = [
    "decode_base64",
    "decode_base64url",
    "dump_json",
    "encode_base64",
    "encode_base64url",
    "find_all",
    "flatten",
    "format_time",
    "get_path",
    "hex_digest",
    "hmac_base64",
    "hmac_hex",
    "match_text",
    "money",
    "normalize_email",
    "normalize_phone",
    "parse_csv",
    "parse_json",
    "parse_ndjson",
    "parse_query",
    "parse_time",
    "parse_url",
    "parse_xml",
    "replace_text",
    "search_json",
    "slugify",
    "split_text",
]
