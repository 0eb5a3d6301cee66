"""Conditions that a strategy's parameters must meet together, in the rules language: ``fast < slow``."""

from collections.abc import Iterable
from dataclasses import dataclass

from tidewright.domain.rules.bind import bind, constant
from tidewright.domain.rules.check import check
from tidewright.domain.rules.errors import RuleError
from tidewright.domain.rules.expression import Apply, Constant, Expression, Node, Series, walk
from tidewright.domain.rules.function import Reach, Type
from tidewright.domain.rules.parser import parse
from tidewright.domain.rules.vocabulary import AVERAGES, WORDS
from tidewright.domain.strategies.strategy import Parameter, Parameters

_MUST_BE = {
    "<": "less than",
    "<=": "at most",
    ">": "greater than",
    ">=": "at least",
    "==": "equal to",
    "!=": "other than",
}


@dataclass(frozen=True, slots=True)
class Constraint:
    """A condition on parameters alone, and why it must hold."""

    expression: Expression
    reason: str = ""

    def holds(self, parameters: Parameters) -> bool:
        return self._value(self.expression.root, parameters) is True

    def broken(self, parameters: Parameters) -> str:
        """What to tell whoever broke it: ``fast (30) must be less than slow (10): the fast average is the shorter one``."""
        root = self.expression.root
        if isinstance(root, Apply) and root.function in _MUST_BE:
            left, right = (self._with_value(side, parameters) for side in root.arguments)
            message = f"{left} must be {_MUST_BE[root.function]} {right}"
        else:
            values = ", ".join(f"{name} is {parameters[name]}" for name in sorted(self.expression.names()))
            message = f"`{self.expression.text}` must hold; {values}"
        return f"{message}: {self.reason}" if self.reason else message

    def _with_value(self, side: Node, parameters: Parameters) -> str:
        source, value = self.expression.source(side), self._value(side, parameters)
        return source if isinstance(side, Constant) else f"{source} ({value:,.10g})"

    def _value(self, node: Node, parameters: Parameters) -> float | bool | str:
        bound = bind(
            Expression(self.expression.text, node), {name: constant(value) for name, value in parameters.items()}
        )
        if not isinstance(bound, Constant):
            raise TypeError(f"{self.expression.text!r} is not about parameters alone; build it by `constraint`")
        return bound.value


def constraint(text: str, parameters: Iterable[Parameter], reason: str = "") -> Constraint:
    """The constraint that `text` spells. Raises RuleError where it is no condition on `parameters` alone."""
    expression = parse(text)
    for node in walk(expression.root):
        if isinstance(node, Series) or (isinstance(node, Apply) and WORDS[node.function].reach is not Reach.BAR):
            message = f"a constraint is about parameters alone; `{expression.source(node)}` is about bars"
            raise RuleError(message, text, node.start)
    if not expression.names():
        raise RuleError("a constraint must name a parameter, such as `fast < slow`", text, 0)
    given = check(expression, types(parameters))
    if given is not Type.CONDITION:
        raise RuleError(f"a constraint must be a condition, such as `fast < slow`; this is {given.phrase}", text, 0)
    return Constraint(expression, reason)


def types(parameters: Iterable[Parameter]) -> dict[str, Type]:
    """What each parameter is in a rule."""
    return {parameter.name: _type(parameter) for parameter in parameters}


def _type(parameter: Parameter) -> Type:
    match parameter.kind:
        case "Int":
            return Type.WHOLE
        case "Float":
            return Type.NUMBER
        case "Bool":
            return Type.CONDITION
        case "Choice":
            return Type.AVERAGE if AVERAGES.keys() >= set(parameter.choices) else Type.CHOICE
