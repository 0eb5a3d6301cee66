"""What a study searches: from the fields of its resource, or the ranges that the strategy declares, to dimensions; and from values back to parameters and risk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from tidewright.domain.costs import Risk
from tidewright.domain.rules.errors import RuleError
from tidewright.domain.strategies.constraints import Constraint, constraint
from tidewright.domain.strategies.parameters import accepted, resolve_for
from tidewright.domain.strategies.strategy import Parameter, StrategyError, Value
from tidewright.domain.trials import Dimension
from tidewright.runs.plan import Written
from tidewright.runs.refusal import InputRefused
from tidewright.runs.strategies import ResolvedStrategy, risk_of
from tidewright.specs import trading_strategy as spec
from tidewright.specs.optimization_study import OptimizationStudySpec, SearchedField
from tidewright.specs.problems import Problem, nearest
from tidewright.specs.quantities import per_cent

RISK = "risk."
_RISK_FIELDS = ("stopLoss", "takeProfit", "trailingStop.activateAt", "trailingStop.distance", "positionSize.fraction", "positionSize.risk")  # fmt: skip
_TRUTHS: dict[str, Value] = {"true": True, "false": False}


@dataclass(frozen=True)
class Conditions:
    """What values must meet to be tried: the constraints of the strategy and of the study, with the strategy's own `parameters` where nothing is searched."""

    constraints: tuple[Constraint, ...]
    parameters: Mapping[str, Value]

    def __call__(self, named: Mapping[str, Value]) -> bool:
        parameters = {**self.parameters, **_parameters(named)}
        return all(one.holds(parameters) for one in self.constraints)


@dataclass(frozen=True)
class SearchSpace:
    """What is searched, and on what conditions."""

    dimensions: tuple[Dimension, ...]
    conditions: Conditions
    strategy: ResolvedStrategy

    def applied(self, named: Mapping[str, Value]) -> tuple[dict[str, Value], Risk]:
        """The strategy's parameters and the risk with the values in place. Raises ParameterErrors, and StrategyError for a risk that cannot be."""
        parameters = resolve_for(self.strategy.strategy, {**self.strategy.parameters, **_parameters(named)})
        changes = {name: value for name, value in named.items() if name.startswith(RISK)}
        return parameters, risk_of(with_risk(self.strategy.spec.risk, changes)) if changes else self.strategy.risk

    def written(self, named: Mapping[str, Value]) -> spec.StrategySpec:
        """The strategy's spec with the values in place."""
        parameters = resolve_for(self.strategy.strategy, {**self.strategy.parameters, **_parameters(named)})
        changes = {name: value for name, value in named.items() if name.startswith(RISK)}
        risk = with_risk(self.strategy.spec.risk, changes)
        return self.strategy.spec.model_copy(update={"parameters": parameters, "risk": risk})

    def extremes(self) -> list[dict[str, Value]]:
        """Sets of parameters from which the longest warm-up is taken: all lowest, all highest, and each alone at either of its ends."""
        ends = {one.name: _ends(one) for one in self.dimensions if not one.name.startswith(RISK)}
        sets = [{name: end[which] for name, end in ends.items()} for which in (0, -1)]
        sets += [{name: value} for name, end in ends.items() for value in end]
        return [{**self.strategy.parameters, **chosen} for chosen in sets]


def resolve_space(wanted: OptimizationStudySpec, strategy: ResolvedStrategy, written: Written) -> SearchSpace:
    """What the study searches. Raises InputRefused with every problem."""
    problems: list[Problem] = []
    known = {parameter.name: parameter for parameter in strategy.strategy.parameters}
    dimensions = []
    for index, field in enumerate(wanted.search_space):
        try:
            dimensions.append(_dimension(field, known, strategy.spec.risk))
        except StrategyError as error:
            problems.append(written.problem("searchSpace", index, message=str(error), value=field.name))
    if not wanted.search_space:
        dimensions = [one for parameter in known.values() if (one := _declared(parameter)) is not None]
        if not dimensions:
            message = "the strategy declares no range for any parameter; say what to search"
            problems.append(written.problem("searchSpace", message=message))
    twice = [one.name for index, one in enumerate(dimensions) if one.name in [d.name for d in dimensions[:index]]]
    if twice:
        problems.append(written.problem("searchSpace", message=f"{twice[0]} is searched twice; name it once"))
    constraints = list(getattr(strategy.strategy, "constraints", ()))
    for index, text in enumerate(wanted.constraints):
        try:
            constraints.append(constraint(text, strategy.strategy.parameters))
        except RuleError as error:
            problems.append(written.problem("constraints", index, message=error.pointed(), value=text))
    if problems:
        raise InputRefused(problems)
    return SearchSpace(tuple(dimensions), Conditions(tuple(constraints), strategy.parameters), strategy)


def with_risk(risk: spec.Risk, changes: Mapping[str, Value]) -> spec.Risk:
    """`risk` with fields such as ``risk.trailingStop.distance`` changed. Raises StrategyError for what cannot be."""
    record: dict[str, Any] = risk.record()
    for name, value in changes.items():
        *path, last = name.removeprefix(RISK).split(".")
        place = record
        for part in path:
            place = place.setdefault(part, {})
        if path == ["positionSize"]:
            place.clear()
        place[last] = value
    try:
        return spec.Risk.model_validate(record)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        told = ", ".join(f"{name}: {value}" for name, value in changes.items())
        raise StrategyError(f"risk.{where}: {first['msg']} ({told})") from None


def _parameters(named: Mapping[str, Value]) -> dict[str, Value]:
    return {name: value for name, value in named.items() if not name.startswith(RISK)}


def _declared(parameter: Parameter) -> Dimension | None:
    """The range that the strategy declares, None where it declares none."""
    match parameter.kind:
        case "Bool":
            return Dimension(parameter.name, "Choice", choices=(False, True))
        case "Choice":
            return (
                Dimension(parameter.name, "Choice", choices=parameter.choices) if len(parameter.choices) > 1 else None
            )
        case "Int" | "Float":
            if parameter.low is None or parameter.high is None:
                return None
            step = parameter.step if parameter.kind == "Float" else parameter.step or 1.0
            return Dimension(parameter.name, parameter.kind, parameter.low, parameter.high, step)


def _dimension(field: SearchedField, known: Mapping[str, Parameter], risk: spec.Risk) -> Dimension:
    """What a field of the resource asks to search. Raises StrategyError with the remedy."""
    name = field.name.removeprefix("parameters.")
    if name.startswith(RISK):
        found = _of_risk(name, field)
        for value in _ends(found):
            with_risk(risk, {name: value})
        return found
    if name not in known:
        raise StrategyError(
            f"the strategy has no parameter {name}{nearest(name, known)}; it has {', '.join(known) or 'none'}"
        )
    parameter = known[name]
    found = _of_parameter(name, field, parameter)
    for value in _ends(found):
        try:
            accepted(parameter, value)
        except StrategyError as error:
            raise StrategyError(f"the strategy does not take all of these values: {error}") from None
    return found


def _of_risk(name: str, field: SearchedField) -> Dimension:
    if name.removeprefix(RISK) not in _RISK_FIELDS:
        known = [RISK + one for one in _RISK_FIELDS]
        raise StrategyError(
            f"this field of risk is not searched{nearest(name, known)}; of risk, search {', '.join(known)}"
        )
    if field.percent_range is not None:
        span = field.percent_range
        step = None if span.step is None else per_cent(span.step)
        return Dimension(name, "Percent", per_cent(span.min), per_cent(span.max), step)
    if field.choices is not None:
        return Dimension(name, "Choice", choices=field.choices)
    raise StrategyError("values of risk are percent strings; set percent, or choices")


def _of_parameter(name: str, field: SearchedField, parameter: Parameter) -> Dimension:
    if field.int_range is not None:
        whole = field.int_range
        return Dimension(name, "Int", whole.min, whole.max, whole.step, whole.log)
    if field.float_range is not None:
        if parameter.kind == "Int":
            raise StrategyError(f"{name} is a whole number; set int in the place of float")
        span = field.float_range
        return Dimension(name, "Float", span.min, span.max, span.step, span.log)
    if field.numbers is not None:
        whole_numbers = parameter.kind == "Int"
        numbers = [int(one) if whole_numbers and one == int(one) else one for one in field.numbers]
        return Dimension(name, "Choice", choices=tuple(dict.fromkeys(numbers)))
    words = field.choices or ()
    return Dimension(
        name, "Choice", choices=tuple(_TRUTHS.get(one, one) if parameter.kind == "Bool" else one for one in words)
    )


def _ends(one: Dimension) -> Sequence[Value]:
    """The lowest and the highest value, or all choices."""
    match one.kind:
        case "Choice":
            return one.choices
        case "Int":
            return int(one.low), int(one.high)
        case "Float":
            return one.low, one.high
        case "Percent":
            return percent(one.low), percent(one.high)


def percent(number: float) -> str:
    """A percent string, with the decimals that the number is written with."""
    return f"{Decimal(repr(number)).normalize():f}%"
