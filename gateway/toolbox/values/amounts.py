"""Amounts: money as decimals, never as binary fractions.

Takes what senders write, gives Decimal. Never guesses what a comma means.
"""

import re
from decimal import Decimal

from gateway.toolbox.exact import exact

_DIGITS_MAX = 30
_TEXT_CHARACTERS_MAX = 80
_AMOUNT = re.compile(rf"[+-]?\d{{1,{_DIGITS_MAX}}}(\.\d{{0,{_DIGITS_MAX}}})?", re.ASCII)


def money(value: str | int | float | Decimal, minor_units: int | None = None) -> Decimal:
    """Read an amount exactly.

    Takes "19.99", 19.99, 20 or a Decimal. With `minor_units` (0 to 6) the value counts the smallest coin, as Stripe,
    Adyen and Square send it: `money(1999, minor_units=2)` is Decimal("19.99"). ValueError for anything that is not one
    plain number: "1,299.00" and "1.299,00" look alike, so take the separators out first (`replace_text`).
    """
    amount = _read(value)
    if minor_units is None:
        return amount
    if not 0 <= exact(minor_units, int, "minor_units") <= 6:
        raise ValueError("minor_units must be 0 to 6")
    if amount != amount.to_integral_value():
        raise ValueError(f"{value!r} counts the smallest coin and must be a whole number")
    return amount.scaleb(-minor_units).quantize(Decimal(1).scaleb(-minor_units))


def format_amount(amount: Decimal) -> str:
    """Without an exponent wherever a person would write it so."""
    text = str(amount)
    return f"{amount:f}" if "E" in text and abs(amount.adjusted()) <= _DIGITS_MAX else text


def _read(value: object) -> Decimal:
    if type(value) is str:
        if len(value) > _TEXT_CHARACTERS_MAX:
            raise ValueError(f"amount is longer than {_TEXT_CHARACTERS_MAX} characters")
        text = value.strip()
    elif type(value) is int or type(value) is Decimal:
        text = _plain_digits(value)
    elif type(value) is float:
        text = _plain_digits(Decimal(repr(value)))  # the shortest text of a float is what the sender wrote
    else:
        raise TypeError(f"an amount must be str, int, float or Decimal, not {type(value).__name__}")
    if not _AMOUNT.fullmatch(text):
        raise ValueError(f"{text!r} is not an amount")
    return Decimal(text)


def _plain_digits(number: int | Decimal) -> str:
    size = Decimal(number).adjusted() if number else 0
    if (type(number) is Decimal and not number.is_finite()) or abs(size) > _DIGITS_MAX:
        raise ValueError("an amount must be finite and have at most 30 digits")
    return f"{number:f}" if type(number) is Decimal else str(number)
