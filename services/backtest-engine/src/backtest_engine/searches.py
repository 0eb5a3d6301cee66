"""Grids of parameters: what is asked for, and the sets that it comes to."""

from collections.abc import Collection
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from backtest_engine.requests import Asked, asked_of, read_documents, whole
from tidewright.domain.strategies.strategy import Value
from tidewright.domain.sweep import grid
from tidewright.runs.refusal import InputRefused
from tidewright.specs.manifest import Document
from tidewright.specs.optimization_study import SearchedField
from tidewright.specs.problems import Problem, explain
from tidewright.specs.resource import Spec

Metric = Literal["sharpe", "totalReturn", "maxDrawdown"]


class OptimizationSpec(Spec):
    """A grid of parameters over one backtest."""

    run: dict[str, Any]
    """The backtest, as a BacktestRun or its spec; the parameters searched take the place of its own."""
    search_space: Annotated[tuple[SearchedField, ...], Field(min_length=1, max_length=20, strict=False)]
    """The parameters and their values, as in an OptimizationStudy; every combination is tried."""
    metric: Metric = "sharpe"
    """What the best is best by."""
    top: Annotated[int, Field(ge=1, le=1_000)] = 100
    """How many of the best are told of."""


def read_optimization(text: str, modules: Collection[str] = ()) -> tuple[OptimizationSpec, Asked]:
    """The optimization in `text`, and the backtest that it is about. Raises InputRefused with every problem."""
    found = read_documents(text)
    if len(found) != 1:
        message = f"{len(found)} documents; send one, with run and searchSpace"
        raise InputRefused([Problem("", 0, (), message)])
    document = found[0]
    try:
        wanted = OptimizationSpec.model_validate(document.value)
    except ValidationError as error:
        raise InputRefused(explain(error, OptimizationSpec, document)) from None
    within = {path[1:]: line for path, line in document.lines.items() if path[:1] == ("run",)}
    return wanted, asked_of([whole(Document("", wanted.run, within))], modules)


def parameter_sets(wanted: OptimizationSpec, asked: Asked, most: int) -> list[dict[str, Value]]:
    """Every combination of the searched values, over the parameters that the backtest has. Raises InputRefused where there are more than `most`."""
    values: dict[str, list[Value]] = {}
    problems: list[Problem] = []
    total = 1
    for index, one in enumerate(wanted.search_space):
        name = one.name.removeprefix("parameters.")
        try:
            found = _values(one, most)
        except ValueError as error:
            problems.append(Problem("", 0, ("searchSpace", index), str(error), one.name))
            continue
        if name in values:
            problems.append(Problem("", 0, ("searchSpace", index, "name"), "is searched twice; name it once", one.name))
        values[name] = found
        total *= len(found)
    if total > most:
        message = f"{total:,} parameter sets, and at most {most:,} are tried here; widen the steps, or search fewer parameters"
        problems.append(Problem("", 0, ("searchSpace",), message))
    if problems:
        raise InputRefused(problems)
    strategy = asked.strategy
    given = dict(strategy.parameters) if strategy else {}
    return [{**given, **chosen} for chosen in grid(**values)]


def _values(one: SearchedField, most: int) -> list[Value]:
    """The values of one parameter, ascending where they are a range. Raises ValueError, with the remedy, for what is no grid."""
    if one.name.startswith("risk."):
        raise ValueError("parameters alone are searched by a grid here; search risk by an OptimizationStudy")
    if one.numbers is not None:
        return list(dict.fromkeys(one.numbers))
    if one.choices is not None:
        truths: dict[str, Value] = {"true": True, "false": False}
        return list(dict.fromkeys(truths.get(word, word) for word in one.choices))
    span = one.int_range or one.float_range
    if span is None or span.log or span.step is None:
        raise ValueError("a grid has evenly spaced values; set int or float with a step, numbers or choices")
    steps = int((span.max - span.min) / span.step * (1 + 1e-12))
    if steps >= most:
        raise ValueError(f"{steps + 1:,} values, and at most {most:,} sets are tried here; widen the step")
    if isinstance(span.min, int) and isinstance(span.step, int):
        return [span.min + index * span.step for index in range(steps + 1)]
    first, step = Decimal(repr(span.min)), Decimal(repr(span.step))  # 0.3 and not 0.1 + 0.1 + 0.1
    return [float(first + index * step) for index in range(steps + 1)]
