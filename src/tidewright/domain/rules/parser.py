"""Tokens to a tree, by operator precedence.

From weakest to strongest: ``or``; ``and``; ``not``; comparisons and crossings, which do not chain; ``+ -``; ``* /``; unary ``-``; ``x[n]`` and ``x on 4h``.
The parser knows the vocabulary (functions and how many arguments they take) but neither parameters nor columns.
"""

from tidewright.domain.rules.errors import RuleError, suggestion
from tidewright.domain.rules.expression import DEPTH_LIMIT, Apply, Constant, Expression, Name, Node, On, Series
from tidewright.domain.rules.function import Function
from tidewright.domain.rules.lexer import Token, tokens
from tidewright.domain.rules.operators import OPERATORS, PREFIXES
from tidewright.domain.rules.timeframes import unknown_timeframe
from tidewright.domain.rules.vocabulary import FUNCTIONS, LITERALS, SERIES
from tidewright.domain.timeframe import TIMEFRAMES

_COMPARISON = 4
_POWER = {"or": 1, "and": 2, "+": 5, "-": 5, "*": 6, "/": 6}
"""How strongly an operator binds; those not listed are comparisons."""

_PREFIX_POWER = {"not": 3, "-": 7}
_WORDS = ("and", "or", "crosses", "on")
_MOST_DIGITS = 15
"""A whole number of so many digits is a float exactly."""


def parse(text: str) -> Expression:
    """The expression that `text` spells. Raises RuleError, and nothing else, for any other text."""
    return Expression(text, _Parser(text).whole())


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens(text)
        self.position = 0
        self.nesting = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.position]

    @property
    def end(self) -> int:
        """Where the last token that was read ends."""
        return self.tokens[self.position - 1].end if self.position else 0

    def error(self, message: str, position: int) -> RuleError:
        return RuleError(message, self.text, position)

    def read(self) -> Token:
        token = self.token
        self.position += token.kind != "end"
        return token

    def found(self, symbol: str) -> bool:
        """Read the next token if it is `symbol`."""
        matches = self.token.text == symbol
        self.position += matches
        return matches

    def whole(self) -> Node:
        if self.token.kind == "end":
            raise self.error("the rule is empty", 0)
        root = self.expression(0)
        if self.token.kind != "end":
            raise self.unexpected()
        return root

    def unexpected(self, expected: str = "an operator") -> RuleError:
        if self.token.text in (")", "]"):
            opening = "(" if self.token.text == ")" else "["
            return self.error(f"{self.token} without a `{opening}` before it", self.token.start)
        hint = suggestion(self.token.text, _WORDS) if self.token.kind == "name" else ""
        return self.error(f"expected {expected} before {self.token}{hint}", self.token.start)

    def expression(self, power: int) -> Node:
        """The longest expression from here whose operators bind more strongly than `power`."""
        start = self.token.start
        self.nesting += 1
        if self.nesting > DEPTH_LIMIT:
            raise self.too_deep(start)
        left = self.prefixed()
        compared = False
        while (name := self.operator()) and (own := _POWER.get(name, _COMPARISON)) > power:
            if compared and own == _COMPARISON:
                message = "comparisons do not chain; join two of them by `and`, as in `0 < x and x < 1`"
                raise self.error(message, self.token.start)
            compared = own == _COMPARISON
            self.position += len(name.split())
            right = self.expression(own)
            left = self.apply(name, (left, right), start)
        self.nesting -= 1
        return left

    def operator(self) -> str | None:
        """The name of the operator at the next token, which is not read."""
        if self.token.text != "crosses":
            return self.token.text if self.token.text in OPERATORS else None
        direction = self.tokens[self.position + 1]
        if direction.text not in ("above", "below"):
            raise self.error("write `crosses above` or `crosses below`", direction.start)
        return f"crosses {direction.text}"

    def prefixed(self) -> Node:
        token = self.token
        if token.text not in PREFIXES:
            return self.indexed()
        self.position += 1
        operand = self.expression(_PREFIX_POWER[token.text])
        return self.apply(PREFIXES[token.text].name, (operand,), token.start)

    def indexed(self) -> Node:
        """A value, how many bars earlier, and on which bars: ``x``, ``x[1]``, ``x[1] on 4h``."""
        start = self.token.start
        value = self.value()
        while self.token.text == "[":
            opening = self.read()
            lag = self.expression(0)
            self.close("]", opening, "an operator or `]`")
            value = self.apply("previous", (value, lag), start)
        while self.found("on"):
            timeframe = self.timeframe()
            value = self.within_limit(On(value, timeframe, start, self.end))
            if self.token.text == "[":
                raise self.error(_ambiguous(self.text[start : self.end], timeframe), self.token.start)
        return value

    def timeframe(self) -> str:
        token = self.read()
        if token.kind != "timeframe":
            raise self.error("`on` needs a timeframe after it, such as `4h`", token.start)
        if token.text not in TIMEFRAMES:
            raise self.error(unknown_timeframe(token.text), token.start)
        return token.text

    def value(self) -> Node:
        token = self.read()
        if token.kind == "number":
            whole = token.text.isdigit() and len(token.text) <= _MOST_DIGITS
            return Constant(int(token.text) if whole else float(token.text), token.start, token.end)
        if token.text == "(":
            inner = self.expression(0)
            self.close(")", token, "an operator or `)`")
            return inner
        if token.kind != "name" or token.text in OPERATORS or token.text in ("crosses", "above", "below", "on"):
            raise self.error(f"expected a value before {token}", token.start)
        if self.token.text == "(":
            return self.call(token)
        if token.text in LITERALS:
            return Constant(LITERALS[token.text], token.start, token.end)
        kind = Series if token.text in SERIES else Name
        return kind(token.text, token.start, token.end)

    def call(self, name: Token) -> Node:
        if name.text not in FUNCTIONS:
            raise self.error(_unknown_function(name.text), name.start)
        opening = self.read()
        arguments: list[Node] = []
        if self.token.text != ")":
            arguments.append(self.expression(0))
            while self.found(","):
                arguments.append(self.expression(0))
        self.close(")", opening, "an operator, `,` or `)`")
        function = FUNCTIONS[name.text]
        expected = len(function.arguments)
        if function.optional is not None and len(arguments) == expected - 1:
            arguments.insert(0, Series("close", name.start, self.end))
        if len(arguments) < expected or (len(arguments) > expected and not function.variadic):
            raise self.error(_wrong_number(function, len(arguments)), name.start)
        return self.apply(name.text, tuple(arguments), name.start)

    def close(self, symbol: str, opening: Token, expected: str) -> None:
        if self.token.kind == "end":
            raise self.error(f"`{symbol}` is missing for this {opening}", opening.start)
        if not self.found(symbol):
            raise self.unexpected(expected)

    def apply(self, function: str, arguments: tuple[Node, ...], start: int) -> Node:
        return self.within_limit(Apply(function, arguments, start, self.end))

    def within_limit(self, node: Apply | On) -> Node:
        if node.depth > DEPTH_LIMIT:
            raise self.too_deep(node.start)
        return node

    def too_deep(self, position: int) -> RuleError:
        return self.error(
            f"more than {DEPTH_LIMIT} operations are nested here; move parts of them into columns", position
        )


def _unknown_function(name: str) -> str:
    if name in SERIES:
        return f"`{name}` is a series, not a function; write `{name}`, or `{name}[1]` for the bar before"
    return f"unknown function {name!r}{suggestion(name, FUNCTIONS)}"


def _ambiguous(source: str, timeframe: str) -> str:
    return (
        f"`[` cannot follow a timeframe; `({source})[1]` is what was known one of the strategy's own bars earlier, "
        f"and `[1]` before `on` means one {timeframe} bar earlier"
    )


def _wrong_number(function: Function, given: int) -> str:
    expected = len(function.arguments)
    many = (
        f"{expected} or more arguments"
        if function.variadic
        else "1 argument"
        if expected == 1
        else f"{expected} arguments"
    )
    optional = f" (`{function.optional}` may be left out: it is then `close`)" if function.optional else ""
    return f"`{function.signature}` takes {many if expected else 'no arguments'}{optional}, not {given}"
