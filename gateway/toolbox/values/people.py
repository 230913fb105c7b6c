"""People: phone numbers and e-mail addresses in one form each.

Takes what people typed; gives E.164, a lower-case address, or None where it is neither. Never says whether a
number or an address really exists.
"""

import re

import phonenumbers

from gateway.toolbox.exact import exact_text

_PHONE_CHARACTERS_MAX = 100
_EMAIL_CHARACTERS_MAX = 254  # RFC 5321 4.5.3.1.3
_LOCAL_CHARACTERS_MAX = 64  # RFC 5321 4.5.3.1.1
_LOCAL = re.compile(r"[^\s@\"(),:;<>\[\\\]\x00-\x1f]+")
_LABEL = re.compile(r"[^\W_]([^\W_]|-)*")


def normalize_phone(text: str | None, region: str | None = None) -> str | None:
    """Give a phone number as E.164 ("+4366412345678"), None where it cannot be one.

    `region` (ISO 3166, "AT") says how to read a number without a country code. ValueError for an unknown region.
    Rule: libphonenumber's "possible number": right length and country code. Example: `normalize_phone("0664
    1234567", "AT")`.
    """
    if text is None:
        return None
    if region is not None and exact_text(region, "region", 2).upper() not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError(f"there is no region {region!r}")
    if len(exact_text(text, "phone")) > _PHONE_CHARACTERS_MAX:
        return None
    try:
        number = phonenumbers.parse(text, region.upper() if region else None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def normalize_email(text: str | None) -> str | None:
    """Give an e-mail address trimmed and in lower case, None where the text is not exactly one address.

    Rule: RFC 5321 sizes and a domain with a dot; quoted local parts are refused. Example: `normalize_email("
    Jo@Example.COM ")`.
    """
    if text is None or len(exact_text(text, "email")) > _EMAIL_CHARACTERS_MAX + 50:
        return None
    address = text.strip().lower()
    local, at, domain = address.partition("@")
    is_local = len(local) <= _LOCAL_CHARACTERS_MAX and _LOCAL.fullmatch(local) and ".." not in f".{local}."
    labels = domain.split(".")
    is_domain = len(labels) > 1 and all(_is_label(label) for label in labels)
    return address if at and is_local and is_domain and len(address) <= _EMAIL_CHARACTERS_MAX else None


def _is_label(label: str) -> bool:
    return len(label) <= 63 and not label.endswith("-") and _LABEL.fullmatch(label) is not None
