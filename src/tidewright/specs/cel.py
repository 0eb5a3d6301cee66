"""Pieces of CEL, the language of the rules that the API server holds a resource against.

Each piece is the text of what its namesake in Python computes, so that both judges compute the same: doubles are doubles in either.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

Validation: TypeAlias = dict[str, Any]
"""One entry of `x-kubernetes-validations`."""

_DAYS = (
    "(self.substring(5, 7) == '02' ? ({leap} ? 29 : 28) : self.substring(5, 7) in ['04', '06', '09', '11'] ? 30 : 31)"
)
_YEAR = "int(self.substring(0, 4))"
_LEAP = f"{_YEAR} % 4 == 0 && ({_YEAR} % 100 != 0 || {_YEAR} % 400 == 0)"

DAY_EXISTS = f"int(self.substring(8, 10)) <= {_DAYS.format(leap=_LEAP)}"
"""Whether the date that a time begins with is in the calendar."""


def validation(rule: str, message: str, field: str = "") -> Validation:
    """A rule, what is told where it does not hold, and the field that is pointed at."""
    return {"rule": rule, "message": message} | ({"fieldPath": f".{field}"} if field else {})


def matches(text: str, pattern: str) -> str:
    """Whether `text` is written after a pattern that is anchored at both ends."""
    return f"{text}.matches(r'{pattern}')"


def per_cent(text: str) -> str:
    """The number before the percent sign."""
    return f"double({text}.substring(0, {text}.size() - 1))"


def seconds(text: str) -> str:
    """Length of a duration."""
    units = "{'s': 1, 'm': 60, 'h': 3600, 'd': 86400, 'w': 604800}"
    return f"int({text}.substring(0, {text}.size() - 1)) * {units}[{text}.substring({text}.size() - 1)]"


def moment(text: str) -> str:
    """The timestamp of a time, midnight UTC of a date."""
    return f"timestamp({text}.size() == 10 ? {text} + 'T00:00:00Z' : {text})"


def exactly_one(*fields: str) -> str:
    """Whether one, and only one, of the fields is set."""
    return f"[{', '.join(f'has(self.{field})' for field in fields)}].filter(given, given).size() == 1"


def unique(items: str, key: Callable[[str], str]) -> str:
    """Whether no two of `items` have the same key."""
    return f"{items}.all(one, {items}.exists_one(other, {key('other')} == {key('one')}))"
