"""Text to tokens."""

import math
import re
from typing import NamedTuple

from tidewright.domain.rules.errors import RuleError
from tidewright.domain.timeframe import TIMEFRAMES

LENGTH_LIMIT = 2_000
"""The most characters that one rule may have."""

_REMEDY = {
    "&": "write `and`",
    "&&": "write `and`",
    "|": "write `or`",
    "||": "write `or`",
    "!": "write `not`",
    "=": "write `==` to compare",
    "<>": "write `!=`",
    "=<": "write `<=`",
    "=>": "write `>=`",
    "**": "multiply instead, as in `x * x`",
    "^": "multiply instead, as in `x * x`",
    "'": "names stand without quotes",
    '"': "names stand without quotes",
}
"""What other languages write, and what to write here."""

_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<foreign>\*\*|&&|\|\||<>|=[<>]|=(?!=)|!(?!=)|[\^&|"'])
      | (?P<symbol><=|>=|==|!=|[-+*/<>()\[\],])""",
    re.VERBOSE,
)

_TIMEFRAME = re.compile(r"[\w.]+")
"""What stands after ``on``, well written or not."""


class Token(NamedTuple):
    """One word of the language; `kind` is ``number``, ``name``, ``timeframe``, ``symbol`` or ``end``."""

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    def __str__(self) -> str:
        return f"`{self.text}`" if self.text else "the end"


def tokens(text: str) -> list[Token]:
    """The tokens of `text` in order, an ``end`` token last. Raises RuleError for what is no token."""
    if len(text) > LENGTH_LIMIT:
        message = (
            f"a rule has at most {LENGTH_LIMIT:,} characters and this one has {len(text):,}; move parts into columns"
        )
        raise RuleError(message, text, LENGTH_LIMIT)
    found: list[Token] = []
    position = 0
    while position < len(text):
        if found and found[-1][:2] == ("name", "on") and (timeframe := _TIMEFRAME.match(text, position)):
            found.append(Token("timeframe", timeframe[0], position))
            position = timeframe.end()
            continue
        match = _TOKEN.match(text, position)
        if match is None:
            raise RuleError(f"{text[position]!r} has no meaning here", text, position)
        if match["foreign"]:
            raise RuleError(f"`{match[0]}` has no meaning here; {_REMEDY[match[0]]}", text, position)
        if match["number"]:
            _check_number(match[0], text, position)
        if not match["space"]:
            found.append(Token(str(match.lastgroup), match[0], position))
        position = match.end()
    return [*found, Token("end", "", len(text))]


def _check_number(number: str, text: str, position: int) -> None:
    if not math.isfinite(float(number)):
        raise RuleError(f"{number} is too large a number", text, position)
    end = position + len(number)
    following = text[end : end + 1]
    if following.isalnum() or following in ("_", "."):
        remedy = "; a timeframe stands after `on`" if text[position : end + 1] in TIMEFRAMES else ""
        raise RuleError(f"a name or a number cannot follow {number} at once{remedy}", text, end)
