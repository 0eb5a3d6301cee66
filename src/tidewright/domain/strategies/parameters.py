"""Values for a strategy's parameters: defaults filled in, everything given checked, all problems reported together."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from tidewright.domain.rules.errors import OutOfRange, RuleError, suggestion
from tidewright.domain.strategies.constraints import Constraint
from tidewright.domain.strategies.evaluation import declared_warmup
from tidewright.domain.strategies.rule_strategy import RulesError, RulesProblem
from tidewright.domain.strategies.strategy import Parameter, Strategy, StrategyError, Value

_LARGEST = 1e300
"""No value is larger, so that every one of them is a float."""


class ParameterProblem(NamedTuple):
    """What is wrong with one parameter's value; `message` names both and the remedy."""

    name: str
    value: object
    message: str


class ParameterErrors(StrategyError):
    """Values do not fit a strategy's parameters; `problems` holds every reason."""

    def __init__(self, problems: Sequence[ParameterProblem]) -> None:
        super().__init__(tuple(problems))
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "; ".join(problem.message for problem in self.problems)


def resolve_for(strategy: Strategy, given: Mapping[str, object]) -> dict[str, Value]:
    """`resolve` with the strategy's own parameters, and with its `constraints` where it has any.

    Values that a rule cannot be used with, such as 0 for a window, are problems too. Raises StrategyFailed when the strategy cannot
    say how long it warms up.
    """
    values = resolve(strategy.parameters, given, getattr(strategy, "constraints", ()))
    try:
        declared_warmup(strategy, values)
    except RulesError as error:
        raise ParameterErrors([_unusable(problem, values, given) for problem in error.problems]) from error
    return values


def resolve(
    parameters: tuple[Parameter, ...], given: Mapping[str, object], constraints: Sequence[Constraint] = ()
) -> dict[str, Value]:
    """A value for every parameter, in their order: the one given, or the default.

    A whole float is taken for an Int and an int for a Float: JSON, through which every resource passes on a cluster, knows one kind of number.
    Raises ParameterErrors with every unknown name, every value of the wrong type, range or choice, and, once all of these
    are right, every constraint that does not hold.
    """
    known = {parameter.name: parameter for parameter in parameters}
    problems = [ParameterProblem(name, given[name], _unknown(name, known)) for name in given if name not in known]
    values: dict[str, Value] = {}
    for name, parameter in known.items():
        try:
            values[name] = accepted(parameter, given.get(name, parameter.default))
        except StrategyError as error:
            problems.append(ParameterProblem(name, given.get(name), str(error)))
    if not problems:
        problems = [_broken(constraint, values, given) for constraint in constraints if not constraint.holds(values)]
    if problems:
        raise ParameterErrors(problems)
    return values


def accepted(parameter: Parameter, value: object) -> Value:
    """`value` as `parameter` takes it. Raises StrategyError where it does not."""
    name = parameter.name
    match parameter.kind:
        case "Bool":
            if isinstance(value, bool):
                return value
            raise StrategyError(f"{name} must be true or false; it is {value!r}")
        case "Choice":
            if isinstance(value, str) and value in parameter.choices:
                return value
            hint = suggestion(value, parameter.choices) if isinstance(value, str) else ""
            raise StrategyError(f"{name} must be one of {', '.join(parameter.choices)}; it is {value!r}{hint}")
        case "Int" | "Float":
            return _number(parameter, value)


def _number(parameter: Parameter, value: object) -> int | float:
    kind = "a whole number" if parameter.kind == "Int" else "a number"
    if isinstance(value, bool) or not isinstance(value, int | float):
        quotes = ", without quotes" if isinstance(value, str) else ""
        raise StrategyError(f"{parameter.name} must be {kind}{quotes}; it is {value!r}")
    if not abs(value) <= _LARGEST or (parameter.kind == "Int" and value != int(value)):
        raise StrategyError(f"{parameter.name} must be {kind}; it is {value!r}")
    low, high = parameter.low, parameter.high
    if low is not None and value < low:
        raise StrategyError(f"{parameter.name} must be at least {low:g}; it is {value!r}")
    if high is not None and value > high:
        raise StrategyError(f"{parameter.name} must be at most {high:g}; it is {value!r}")
    return int(value) if parameter.kind == "Int" else float(value)


def _unknown(name: str, known: Mapping[str, Parameter]) -> str:
    takes = f"the parameters are {', '.join(known)}" if known else "the strategy has no parameters"
    return f"unknown parameter {name!r}{suggestion(name, known)}; {takes}"


def _broken(constraint: Constraint, values: Mapping[str, Value], given: Mapping[str, object]) -> ParameterProblem:
    name = _cause(constraint.expression.names(), values, given)
    return ParameterProblem(name, values[name], constraint.broken(values))


def _unusable(problem: RulesProblem, values: Mapping[str, Value], given: Mapping[str, object]) -> ParameterProblem:
    names = problem.error.names if isinstance(problem.error, OutOfRange) else frozenset()
    name = _cause(names & values.keys() or values.keys(), values, given)
    message = problem.error.message if isinstance(problem.error, RuleError) else str(problem.error)
    return ParameterProblem(name, values[name], f"{name} cannot be {values[name]}: in {problem.where}, {message}")


def _cause(names: Iterable[str], values: Mapping[str, Value], given: Mapping[str, object]) -> str:
    """Of the parameters that have a part in a problem, the first one that was given rather than left at its default."""
    return min(names, key=lambda name: (name not in given, list(values).index(name)))
