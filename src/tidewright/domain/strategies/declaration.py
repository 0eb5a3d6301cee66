"""From what a user declares, parameters and texts, to a `RuleStrategy`, with every problem found on the way."""

import re
from collections.abc import Callable, Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import ParamSpec, TypeVar

from tidewright.domain.rules.check import check
from tidewright.domain.rules.errors import RuleError
from tidewright.domain.rules.expression import Expression, Name, walk
from tidewright.domain.rules.function import Type
from tidewright.domain.rules.parser import parse
from tidewright.domain.rules.timeframes import check_timeframes, is_on_longer
from tidewright.domain.rules.vocabulary import RESERVED
from tidewright.domain.strategies.constraints import Constraint, constraint, types
from tidewright.domain.strategies.parameters import accepted
from tidewright.domain.strategies.rule_strategy import RulesError, RulesProblem, RuleStrategy
from tidewright.domain.strategies.strategy import Parameter, StrategyError

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


def rule_strategy(
    name: str,
    parameters: Iterable[Parameter],
    columns: Mapping[str, str],
    enter: str,
    exit: str,  # noqa: A002
    constraints: Mapping[str, str] | Iterable[str] = (),
    description: str = "",
    enter_short: str | None = None,
    exit_short: str | None = None,
    timeframe: str | None = None,
) -> RuleStrategy:
    """The strategy that asks to enter and to exit where the conditions `enter` and `exit` hold, and short positions likewise where both have theirs.

    `columns` are named expressions, in any order, which may be made of one another; `constraints` are conditions on parameters
    alone, each with the reason for it where they are a mapping. `timeframe` is that of the bars to trade on; rules that look at longer ones
    (``rsi(14) on 4h``) need it, as their warm-up depends on it. Raises RulesError with the problems of all parts, which are named
    ``parameters.fast``, ``columns.fast_ma``, ``enter``, ``exit`` and ``constraints[0]``.
    """
    declaration = _Declaration(tuple(parameters), timeframe)
    rules, order = declaration.columns(columns)
    entering = declaration.condition("enter", enter)
    exiting = declaration.condition("exit", exit)
    short = None
    if enter_short is not None and exit_short is not None:
        short = declaration.condition("enterShort", enter_short), declaration.condition("exitShort", exit_short)
    agreed = declaration.constraints(
        constraints if isinstance(constraints, Mapping) else dict.fromkeys(constraints, "")
    )
    if declaration.problems or entering is None or exiting is None:
        raise RulesError(declaration.problems)
    enter_too, exit_too = short or (None, None)
    strategy = RuleStrategy(
        name,
        declaration.parameters,
        rules,
        order,
        entering,
        exiting,
        agreed,
        description,
        enter_too,
        exit_too,
        timeframe,
    )
    strategy.warmup(
        {parameter.name: parameter.default for parameter in strategy.parameters}
    )  # are the defaults usable?
    return strategy


class _Declaration:
    """What has been declared so far: the problems, what each name gives, and the columns that look at longer bars or cannot be used."""

    def __init__(self, parameters: tuple[Parameter, ...], timeframe: str | None) -> None:
        self.parameters = parameters
        self.timeframe = timeframe
        self.problems: list[RulesProblem] = []
        self.names: dict[str, Type] = {}
        self.longer: set[str] = set()
        self.faulty: set[str] = set()
        for parameter in parameters:
            self.attempt(f"parameters.{parameter.name}", self.declare, parameter.name)
            self.attempt(f"parameters.{parameter.name}", _check_parameter, parameter)
            self.names |= types([parameter])

    def attempt(
        self, where: str, action: Callable[_Given, _Result], *given: _Given.args, **named: _Given.kwargs
    ) -> _Result | None:
        """The action's result, or None where it found a problem, which is noted."""
        try:
            return action(*given, **named)
        except (RuleError, StrategyError) as error:
            self.problems.append(RulesProblem(where, error))
            return None

    def declare(self, name: str) -> None:
        """Refuse a name that no rule could mention, or that would mean two things."""
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise StrategyError(f"{name!r} is no name; use letters, digits and _, and begin with a letter")
        if name in RESERVED:
            raise StrategyError(f"{name!r} is a word of the rules language; choose another name")
        if name in self.names:
            raise StrategyError(f"{name!r} is declared already; choose another name")

    def columns(self, texts: Mapping[str, str]) -> tuple[dict[str, Expression], tuple[str, ...]]:
        """The columns as expressions, and their names, each after those it is made of."""
        rules: dict[str, Expression] = {}
        for name, text in texts.items():
            self.attempt(f"columns.{name}", self.declare, name)
            expression = self.attempt(f"columns.{name}", parse, text)
            if expression is None:
                self.faulty.add(name)
            else:
                rules[name] = expression
        order = self.ordered(rules)
        self.faulty |= rules.keys() - set(order)
        for name in order:
            type_ = self.checked(f"columns.{name}", rules[name], check)
            if type_ is None:
                self.faulty.add(name)
            else:
                self.names[name] = type_
                if is_on_longer(rules[name].root, self.longer):
                    self.longer.add(name)
        return rules, order

    def ordered(self, rules: Mapping[str, Expression]) -> tuple[str, ...]:
        """The names of `rules`, each after those that it mentions; none where they run in a circle."""
        sorter = TopologicalSorter({name: sorted(rule.names() & rules.keys()) for name, rule in sorted(rules.items())})
        try:
            return tuple(sorter.static_order())
        except CycleError as error:
            circle: list[str] = error.args[1]
            self.problems.append(RulesProblem(f"columns.{circle[1]}", _circular(rules[circle[1]], circle)))
            return ()

    def condition(self, where: str, text: str) -> Expression | None:
        expression = self.attempt(where, parse, text)
        if expression is not None:
            self.checked(where, expression, _check_condition)
        return expression

    def checked(
        self, where: str, expression: Expression, checks: Callable[[Expression, Mapping[str, Type]], _Result]
    ) -> _Result | None:
        """The check's result; an expression made of a faulty column is not looked at, as its problem is that column's."""
        if expression.names() & self.faulty:
            return None
        self.attempt(where, check_timeframes, expression, self.timeframe, self.longer)
        return self.attempt(where, checks, expression, self.names)

    def constraints(self, texts: Mapping[str, str]) -> tuple[Constraint, ...]:
        found = (
            self.attempt(f"constraints[{index}]", constraint, text, self.parameters, reason)
            for index, (text, reason) in enumerate(texts.items())
        )
        return tuple(constraint for constraint in found if constraint is not None)


def _check_parameter(parameter: Parameter) -> None:
    if parameter.kind == "Choice" and not parameter.choices:
        raise StrategyError("a Choice needs choices")
    if parameter.low is not None and parameter.high is not None and parameter.low > parameter.high:
        raise StrategyError(f"its least value, {parameter.low:g}, is above its greatest, {parameter.high:g}")
    if parameter.step is not None and not parameter.step > 0:
        raise StrategyError(f"its step must be greater than 0; it is {parameter.step:g}")
    try:
        accepted(parameter, parameter.default)
    except StrategyError as error:
        raise StrategyError(f"its default cannot be used: {error}") from error


def _check_condition(expression: Expression, names: Mapping[str, Type]) -> None:
    given = check(expression, names)
    if given is not Type.CONDITION:
        message = f"a condition is needed here, such as `close > sma(20)`; this is {given.phrase}"
        raise RuleError(message, expression.text, 0)


def _circular(expression: Expression, circle: list[str]) -> RuleError:
    position = next(node.start for node in walk(expression.root) if isinstance(node, Name) and node.name == circle[0])
    path = " of ".join(f"`{name}`" for name in reversed(circle))
    return RuleError(f"a column cannot be made of itself: {path}", expression.text, position)
