"""How quantities are written in a resource: percent strings, durations, times, symbols and names."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from math import isfinite
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, GetCoreSchemaHandler, GetJsonSchemaHandler, StringConstraints, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_before_validator_function

from tidewright.domain.timeframe import TIMEFRAMES, milliseconds
from tidewright.specs import cel

PERCENT = r"^-?[0-9]{1,6}(\.[0-9]{1,12})?%$"
"""How a percent string is written."""
DURATION = r"^[0-9]{1,9}[smhdw]$"
"""How a duration is written."""
_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]"
TIME = rf"^[12][0-9]{{3}}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])(T{_CLOCK}:[0-5][0-9](\.[0-9]{{1,3}})?(Z|[+-]{_CLOCK}))?$"
"""How a time is written."""


def ratio(percent: str) -> float:
    """The number that a percent string stands for: ``5%`` is 0.05, exactly the float nearest to it."""
    return float(Decimal(percent.removesuffix("%")) / 100)


def per_cent(percent: str) -> float:
    """The number before the percent sign: ``5%`` is 5.0."""
    return float(percent.removesuffix("%"))


def epoch_milliseconds(time: str) -> int:
    """Milliseconds since the epoch of an RFC 3339 time, or of midnight UTC on a date."""
    moment = datetime.fromisoformat(time)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


@dataclass(frozen=True)
class Percent:
    """Marks a string field as a percent string between `low` and `high`, both inclusive and percent strings themselves."""

    low: str
    high: str

    def validate(self, value: object) -> str:
        if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value):
            raise ValueError(f"a ratio is written as a percent string; write {_as_percent(value)}")
        if not isinstance(value, str) or re.fullmatch(PERCENT, value) is None:
            raise ValueError("not a percent string; write a number and a percent sign, such as 5% or 0.1%")
        if not per_cent(self.low) <= per_cent(value) <= per_cent(self.high):
            raise ValueError(f"out of range; it must be between {self.low} and {self.high}")
        return value

    def __get_pydantic_core_schema__(self, source: type[Any], handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_before_validator_function(self.validate, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        number = cel.per_cent("self")
        rule = (
            f"{cel.matches('self', PERCENT)} && {number} >= {per_cent(self.low)} && {number} <= {per_cent(self.high)}"
        )
        message = f"must be between {self.low} and {self.high}; write a number and a percent sign"
        return {
            "type": "string",
            "pattern": PERCENT,
            "maxLength": 21,
            "x-between": [self.low, self.high],
            "x-kubernetes-validations": [cel.validation(rule, message)],
        }


@dataclass(frozen=True)
class Text:
    """Marks a string field as written after `pattern` and accepted by `check`, which raises ValueError; `meant` says how to write one.

    `check_in_cel` says the same of `self` in CEL; both may rely on the pattern.
    """

    meant: str
    pattern: str
    most: int = 64
    check: Callable[[str], object] = str
    check_in_cel: str = ""

    def validate(self, value: object) -> str:
        if not isinstance(value, str) or not self._reads(value):
            raise ValueError("put it in quotes" if self._reads(str(value)) else f"not {self.meant}")
        self.check(value)
        return value

    def _reads(self, text: str) -> bool:
        return len(text) <= self.most and re.fullmatch(self.pattern, text) is not None

    def __get_pydantic_core_schema__(self, source: type[Any], handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_before_validator_function(self.validate, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        rule = cel.matches("self", self.pattern) + (f" && {self.check_in_cel}" if self.check_in_cel else "")
        return {
            "type": "string",
            "pattern": self.pattern,
            "maxLength": self.most,
            "x-kubernetes-validations": [cel.validation(rule, f"not {self.meant}")],
        }


def _as_percent(number: float) -> str:
    """The percent string that a number probably stands for, and the other one that it may."""
    written = f"{Decimal(str(number)):f}"
    if number == 0 or abs(number) >= 1:
        return f"{written.removesuffix('.0')}%"
    return f"{(Decimal(written) * 100).normalize():f}%, or {written}% if that is what is meant"


def _check_time(value: str) -> None:
    try:
        epoch_milliseconds(value)
    except ValueError as error:
        raise ValueError(f"not a day that exists ({error}); write a date such as 2024-01-31") from None


def _check_timeframe(value: object) -> str:
    if isinstance(value, str) and value in TIMEFRAMES:
        return value
    meant = _same_length(str(value).lower())
    hint = f" (did you mean {meant!r}?)" if meant else ""
    raise ValueError(f"not a timeframe{hint}; write one of {', '.join(TIMEFRAMES)}")


def _same_length(duration: str) -> str | None:
    """The timeframe that is as long as `duration`: ``1h`` for ``60m``."""
    try:
        length = milliseconds(duration)
    except ValueError:
        return None
    return next((timeframe for timeframe in TIMEFRAMES if milliseconds(timeframe) == length), None)


Duration: TypeAlias = Annotated[
    str, Text("a duration; write a whole number and a unit, such as 30m, 4h or 90d", DURATION, check=milliseconds)
]
Time: TypeAlias = Annotated[
    str,
    Text(
        "a time; write a date such as 2024-01-31 or an RFC 3339 time such as 2024-01-31T12:00:00Z",
        TIME,
        check=_check_time,
        check_in_cel=cel.DAY_EXISTS,
    ),
]
Symbol: TypeAlias = Annotated[
    str,
    Text(
        "a symbol; write base/quote in capitals, such as BTC/USDT",
        r"^[A-Z0-9]{1,20}/[A-Z0-9]{1,20}(:[A-Z0-9]{1,20})?$",
    ),
]
Exchange: TypeAlias = Annotated[
    str,
    Text(
        "an exchange's name; write lower-case letters, digits and hyphens, such as binance",
        r"^[a-z0-9][a-z0-9-]{0,31}$",
    ),
]
Name: TypeAlias = Annotated[
    str,
    Text(
        "a resource's name; write lower-case letters, digits and hyphens, such as ma-cross",
        r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
        253,
    ),
]
Digest: TypeAlias = Annotated[
    str, Text("a digest; write sha256: and 64 hexadecimal digits", r"^sha256:[0-9a-f]{64}$", 71)
]
Timeframe: TypeAlias = Annotated[
    str, BeforeValidator(_check_timeframe), WithJsonSchema({"type": "string", "enum": list(TIMEFRAMES)})
]
Identifier: TypeAlias = Annotated[
    str,
    Text(
        "a name; write letters, digits and underscores, beginning with a letter, such as fast_window",
        r"^[A-Za-z_][A-Za-z0-9_]*$",
    ),
]
ModuleName: TypeAlias = Annotated[
    str,
    Text(
        "a module; write its dotted name, such as strategies.channel",
        r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$",
        253,
    ),
]
Expression: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
ApiVersion: TypeAlias = Literal["tidewright.io/v1alpha1"]
