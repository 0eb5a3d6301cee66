"""Numbers, times and lengths of time as a reader sees them.

Every function takes what a result holds, a missing value included: None, NaN and infinities become an en dash.
"""

import math
from datetime import UTC, datetime, timedelta
from typing import TypeGuard

from tidewright.domain.timeframe import DAY

DASH = "–"
"""What stands where a figure is undefined."""

_MINUS = "\N{MINUS SIGN}"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def defined(value: object) -> TypeGuard[float]:
    """Whether `value` is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _signed(text: str, value: float, *, plus: bool) -> str:
    """`text` of an absolute value with its sign; a value that rounds to zero has none."""
    if not any(digit in text for digit in "123456789"):
        return text
    return (_MINUS if value < 0 else "+" if plus else "") + text


def number(value: object, digits: int = 2, *, plus: bool = False) -> str:
    """1234.5 is ``1,234.50``."""
    if not defined(value):
        return DASH
    return _signed(f"{abs(value):,.{digits}f}", value, plus=plus)


def count(value: object) -> str:
    """1234.0 is ``1,234``."""
    return number(value, 0)


def price(value: object) -> str:
    """A price with the digits that matter at its size: ``43,210.50``, ``0.0001234``."""
    if not defined(value):
        return DASH
    size = abs(value)
    return number(value, 2 if size >= 10 or size == 0 else min(12, 3 - math.floor(math.log10(size))))


def money(value: object, currency: str = "", *, plus: bool = False) -> str:
    """``12,345.60 USDT``; the currency is left out where it is unknown."""
    text = number(value, plus=plus)
    return f"{text} {currency}" if currency and text != DASH else text


def percent(value: object, digits: int | None = None, *, plus: bool = False) -> str:
    """A ratio in percent, by itself finer where it is small: 0.1234 is ``12.3%``, 0.0004 is ``0.04%``, 15.2 is ``1,520%``."""
    if not defined(value):
        return DASH
    size = abs(value)
    if digits is None:
        digits = 0 if size >= 10 else 1 if size >= 0.01 or size == 0 else 2
    return _signed(f"{size * 100:,.{digits}f}%", value, plus=plus)


def duration(milliseconds: object) -> str:
    """The length in the largest unit that leaves at least two of it: ``45 minutes``, ``30.0 hours``, ``312 days``."""
    if not defined(milliseconds):
        return DASH
    for unit, length, digits in (("days", DAY, 0), ("hours", 3_600_000, 1), ("minutes", 60_000, 0)):
        if milliseconds >= 2 * length:
            return f"{milliseconds / length:,.{digits}f} {unit}"
    return f"{milliseconds / 1000:,.0f} seconds"


def period(milliseconds: object) -> str:
    """A long stretch of time in years or months, else as `duration`: ``6.7 years``, ``8 months``."""
    if not defined(milliseconds) or milliseconds < 90 * DAY:
        return duration(milliseconds)
    years = milliseconds / (365.2425 * DAY)
    return f"{years:.1f} years" if years >= 2 else f"{years * 12:.0f} months"


def date(milliseconds: object) -> str:
    """``17 Aug 2017``, in UTC."""
    if not defined(milliseconds):
        return DASH
    day = _EPOCH + timedelta(milliseconds=int(milliseconds))
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def moment(value: object) -> str:
    """``2017-08-17 04:00``, in UTC, from milliseconds; text is taken as it is."""
    if isinstance(value, str):
        return value or DASH
    if not defined(value):
        return DASH
    return (_EPOCH + timedelta(milliseconds=int(value))).strftime("%Y-%m-%d %H:%M")


def text(value: object) -> str:
    """Anything else as text; nothing is a dash."""
    return DASH if value is None or value == "" else str(value)


def words(name: str) -> str:
    """A CamelCase name as words: ``FewTrades`` is ``Few trades``; capitals in a row stay together."""
    parts: list[str] = []
    for letter in name:
        if letter.isupper() and not (parts and parts[-1].isupper()):
            parts.append(letter)
        elif parts:
            parts[-1] += letter
        else:
            parts.append(letter)
    spaced = [part if part.isupper() and len(part) > 1 else part.lower() for part in parts]
    sentence = " ".join(spaced)
    return sentence[:1].upper() + sentence[1:]
