"""The toolbox: everything that a script can import.

    from gateway.toolbox import Ignore, upsert_contact, verify_shopify


    def authenticate(request, context):
        return verify_shopify(request, context.secrets["signing_secret"])


    def transform(request, context):
        customer = request.json
        if not customer.get("email"):
            raise Ignore("a customer without an e-mail address")
        yield upsert_contact(identifiers={"email": customer["email"], "shopify_id": customer["id"]})

Is it genuine?      verify_shopify, verify_stripe, verify_github, verify_standard_webhooks … one for each known sender;
                    verify_hmac, verify_timestamped_hmac, verify_ed25519 for any other signature;
                    verify_basic, verify_bearer, verify_token, verify_jwt where nothing is signed
What does it want?  upsert_contact, create_contact_activities, add_contacts_to_list, remove_contacts_from_list,
                    upsert_order, upsert_supplement_records, add_products_to_cart, remove_products_from_cart;
                    contact_activity, order_item, cart_item for their parts
Ending early        raise Ignore, Reject, Answer, TryLater
Reading             parse_json, parse_xml, parse_csv, parse_ndjson, parse_query, parse_url, search_json, get_path
Cleaning            parse_time, format_time, timedelta, money, normalize_email, normalize_phone, slugify, flatten
Texts               match_text, find_all, replace_text, split_text (RE2), dump_json
Encodings           encode_base64, decode_base64, encode_base64url, decode_base64url, hex_digest, hmac_hex,
                    hmac_base64, constant_time_equals
Type hints          Request, Context

All of it is pure: no clock (`request.received_at` is the time), no chance, no files, no network, nothing kept between
requests. Arguments must be plain values; what comes back is plain, too. A wrong use is a TypeError or a ValueError
whose text says what to do.
"""

from datetime import date, datetime, timedelta
from decimal import Decimal

from gateway.toolbox.builders import (
    add_contacts_to_list,
    add_products_to_cart,
    create_contact_activities,
    remove_contacts_from_list,
    remove_products_from_cart,
    upsert_contact,
    upsert_order,
    upsert_supplement_records,
)
from gateway.toolbox.outcomes import Answer, Ignore, Reject, TryLater
from gateway.toolbox.pairs import Headers, Query
from gateway.toolbox.parts import cart_item, contact_activity, order_item
from gateway.toolbox.request import Context, Request, Secrets
from gateway.toolbox.signatures import (
    constant_time_equals,
    verify_adyen_item,
    verify_basic,
    verify_bearer,
    verify_box,
    verify_calendly,
    verify_ed25519,
    verify_github,
    verify_hmac,
    verify_hubspot,
    verify_intercom,
    verify_jwt,
    verify_line,
    verify_mailgun,
    verify_messagebird,
    verify_meta,
    verify_paddle,
    verify_recharge,
    verify_recurly,
    verify_segment,
    verify_sendgrid,
    verify_shopify,
    verify_slack,
    verify_sns,
    verify_square,
    verify_standard_webhooks,
    verify_stripe,
    verify_timestamped_hmac,
    verify_token,
    verify_twilio,
    verify_typeform,
    verify_woocommerce,
    verify_zendesk,
)
from gateway.toolbox.values import (
    decode_base64,
    decode_base64url,
    dump_json,
    encode_base64,
    encode_base64url,
    find_all,
    flatten,
    format_time,
    get_path,
    hex_digest,
    hmac_base64,
    hmac_hex,
    match_text,
    money,
    normalize_email,
    normalize_phone,
    parse_csv,
    parse_json,
    parse_ndjson,
    parse_query,
    parse_time,
    parse_url,
    parse_xml,
    replace_text,
    search_json,
    slugify,
    split_text,
)

__all__ = [
    "Answer",
    "Context",
    "Ignore",
    "Reject",
    "Request",
    "TryLater",
    "add_contacts_to_list",
    "add_products_to_cart",
    "cart_item",
    "constant_time_equals",
    "contact_activity",
    "create_contact_activities",
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
    "order_item",
    "parse_csv",
    "parse_json",
    "parse_ndjson",
    "parse_query",
    "parse_time",
    "parse_url",
    "parse_xml",
    "remove_contacts_from_list",
    "remove_products_from_cart",
    "replace_text",
    "search_json",
    "slugify",
    "split_text",
    "timedelta",
    "upsert_contact",
    "upsert_order",
    "upsert_supplement_records",
    "verify_adyen_item",
    "verify_basic",
    "verify_bearer",
    "verify_box",
    "verify_calendly",
    "verify_ed25519",
    "verify_github",
    "verify_hmac",
    "verify_hubspot",
    "verify_intercom",
    "verify_jwt",
    "verify_line",
    "verify_mailgun",
    "verify_messagebird",
    "verify_meta",
    "verify_paddle",
    "verify_recharge",
    "verify_recurly",
    "verify_segment",
    "verify_sendgrid",
    "verify_shopify",
    "verify_slack",
    "verify_sns",
    "verify_square",
    "verify_standard_webhooks",
    "verify_stripe",
    "verify_timestamped_hmac",
    "verify_token",
    "verify_twilio",
    "verify_typeform",
    "verify_woocommerce",
    "verify_zendesk",
]

_PAIRS = frozenset({"get", "get_all", "keys", "values", "items"})
_DATE = frozenset({"year", "month", "day", "isoformat", "strftime", "weekday", "isoweekday", "replace"})

ATTRIBUTES: dict[type, frozenset[str]] = {
    Request: frozenset(
        {"method", "path", "query", "headers", "content_type", "body", "text", "json", "form"}
        | {"client_ip", "received_at", "url"}
    ),
    Context: frozenset({"secrets", "settings", "source", "event_id", "log", "respond"}),
    Headers: _PAIRS,
    Query: _PAIRS,
    Secrets: frozenset({"get"}),
    Reject: frozenset({"args"}),
    Ignore: frozenset({"args"}),
    Answer: frozenset({"args"}),
    TryLater: frozenset({"args"}),
    date: _DATE,
    # No now, today, utcnow: they are clocks. No astimezone, tzinfo: without arguments they mean this machine's zone.
    datetime: _DATE | {"hour", "minute", "second", "microsecond", "date", "timestamp"},
    timedelta: frozenset({"days", "seconds", "microseconds", "total_seconds"}),
    Decimal: frozenset({"quantize", "to_integral_value", "normalize", "copy_abs", "is_zero", "is_signed", "is_finite"}),
}
"""What a script may read of the objects it holds, by exact type; anything that is not named here does not exist."""
