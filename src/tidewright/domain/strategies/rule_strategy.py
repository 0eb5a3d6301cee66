"""A strategy whose columns and conditions are text in the rules language."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from tidewright.domain.bars import Bars
from tidewright.domain.rules.bind import bind, constant
from tidewright.domain.rules.errors import RuleError
from tidewright.domain.rules.evaluate import evaluate
from tidewright.domain.rules.expression import Expression, Node
from tidewright.domain.rules.memo import Array, Memo
from tidewright.domain.rules.warmup import warmup
from tidewright.domain.strategies.constraints import Constraint
from tidewright.domain.strategies.evaluation import Evaluation
from tidewright.domain.strategies.strategy import Columns, Parameter, Parameters, Signals, StrategyError, Value
from tidewright.domain.timeframe import duration, milliseconds


class RulesProblem(NamedTuple):
    """What is wrong with one part of a rules strategy; `where` is its path, such as ``columns.fast_ma`` or ``enter``."""

    where: str
    error: RuleError | StrategyError

    def __str__(self) -> str:
        return f"{self.where}: {self.error.pointed() if isinstance(self.error, RuleError) else self.error}"


class RulesError(StrategyError):
    """A rules strategy cannot be understood or used; `problems` holds every reason."""

    def __init__(self, problems: list[RulesProblem]) -> None:
        super().__init__(problems)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


class _Bound(NamedTuple):
    """The expressions with their parameters and columns put in."""

    columns: dict[str, Node]
    conditions: dict[str, Node]


@dataclass(slots=True, eq=False)
class RuleStrategy:
    """A `Strategy` made of expressions that have been checked; `declaration.rule_strategy` builds it from text.

    `rules` holds the declared columns, in the order in which the columns are given back; `order` has their names, each after those it is made
    of. Causality and warm-up follow from the language: no expression can look ahead. A value of `parameters` that makes a
    window too short or too long raises RulesError wherever it is used. `timeframe` is that of the bars that the rules are for, None
    where they are for any; other bars are refused with StrategyError.
    """

    name: str
    parameters: tuple[Parameter, ...]
    rules: Mapping[str, Expression]
    order: tuple[str, ...]
    enter: Expression
    exit: Expression
    constraints: tuple[Constraint, ...] = ()
    description: str = ""
    enter_short: Expression | None = None
    exit_short: Expression | None = None
    timeframe: str | None = None

    def conditions(self) -> dict[str, Expression]:
        """The conditions that there are, by the names of the signals."""
        names = ("enter", "exit", "enter_short", "exit_short")
        return {name: expression for name in names if (expression := getattr(self, name)) is not None}

    def source(self) -> str:
        """All texts that decide the strategy's signals, one a line."""
        texts = {f"columns.{name}": expression.text for name, expression in self.rules.items()}
        texts |= {name: expression.text for name, expression in self.conditions().items()}
        return "\n".join(f"{name}: {text}" for name, text in texts.items())

    def warmup(self, parameters: Parameters) -> int:
        """The longest warm-up of any column and condition, in bars."""
        bound = self._bind(parameters)
        step = 0 if self.timeframe is None else milliseconds(self.timeframe)
        return max(warmup(node, step) for node in (*bound.columns.values(), *bound.conditions.values()))

    def columns(self, bars: Bars, parameters: Parameters) -> Columns:
        return self._columns(self._bind(parameters), bars, Memo())

    def signals(self, bars: Bars, columns: Columns, parameters: Parameters) -> Signals:
        return self._signals(self._bind(parameters), bars, columns, Memo())

    def evaluate(self, bars: Bars, parameters: Parameters, memo: Memo | None = None) -> Evaluation:
        """Columns and signals at once; of a sweep over one series of bars, all runs share a `memo` and so every indicator."""
        bound = self._bind(parameters)
        memo = Memo() if memo is None else memo
        columns = self._columns(bound, bars, memo)
        return Evaluation(columns, self._signals(bound, bars, columns, memo))

    def _bind(self, parameters: Parameters) -> _Bound:
        """The expressions with these parameters put in; a sweep asks for the same ones more than once."""
        return _bound(self, tuple((name, type(value), value) for name, value in parameters.items()))

    def bound_anew(self, parameters: Parameters) -> _Bound:
        """As `_bind`, without remembering. Raises RulesError."""
        values: dict[str, Node] = {name: constant(value) for name, value in parameters.items()}
        parts = {**{f"columns.{name}": self.rules[name] for name in self.order}, **self.conditions()}
        bound: dict[str, Node] = {}
        problems: list[RulesProblem] = []
        for where, expression in parts.items():
            if problems and not expression.names() <= values.keys():
                continue  # it is made of a column that has a problem already
            try:
                bound[where] = bind(expression, values)
            except RuleError as error:
                problems.append(RulesProblem(where, error))
            else:
                if where.startswith("columns."):
                    values[where.removeprefix("columns.")] = bound[where]
        if problems:
            raise RulesError(problems)
        return _Bound({name: values[name] for name in self.order}, {name: bound[name] for name in self.conditions()})

    def _columns(self, bound: _Bound, bars: Bars, memo: Memo) -> Columns:
        if self.timeframe is not None and bars.step != milliseconds(self.timeframe):
            raise StrategyError(f"{self.name} is for bars of {self.timeframe}; these are of {duration(bars.step)}")
        known: dict[Node, Array] = {}
        for node in bound.columns.values():
            known[node] = evaluate(node, bars, memo, known)
        return {name: known[bound.columns[name]] for name in self.rules}

    def _signals(self, bound: _Bound, bars: Bars, columns: Columns, memo: Memo) -> Signals:
        known = {bound.columns[name]: column for name, column in columns.items()}
        return Signals(
            **{
                name: np.asarray(evaluate(condition, bars, memo, known), dtype=np.bool_)
                for name, condition in bound.conditions.items()
            }
        )


@lru_cache(maxsize=64)
def _bound(strategy: RuleStrategy, parameters: tuple[tuple[str, type, Value], ...]) -> _Bound:
    """The types are part of the key because 1, 1.0 and True are one key otherwise, and three different parameters."""
    return strategy.bound_anew({name: value for name, _, value in parameters})
