"""From a strategy's source in a resource to the strategy itself, with a digest of what it is made of."""

import importlib
import inspect
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidewright.domain.costs import Risk, RoiStep, Sizing
from tidewright.domain.provenance import record_digest, source_digest
from tidewright.domain.rules.errors import RuleError
from tidewright.domain.strategies.builtin import BUILTINS
from tidewright.domain.strategies.declaration import rule_strategy
from tidewright.domain.strategies.parameters import ParameterErrors, resolve_for
from tidewright.domain.strategies.rule_strategy import RulesError
from tidewright.domain.strategies.strategy import Parameter, Strategy, Value
from tidewright.domain.timeframe import milliseconds
from tidewright.runs.refusal import InputRefused
from tidewright.specs import trading_strategy as spec
from tidewright.specs.problems import Located, nearest
from tidewright.specs.problems import Path as FieldPath
from tidewright.specs.quantities import ratio


@dataclass(frozen=True)
class ResolvedStrategy:
    """A strategy ready to run: every parameter has its value, and the digest covers all that can change its trades."""

    strategy: Strategy
    parameters: dict[str, Value]
    risk: Risk
    spec: spec.StrategySpec
    digest: str

    @property
    def warmup(self) -> int:
        return self.strategy.warmup(self.parameters)


def resolve_strategy(
    wanted: spec.StrategySpec, document: Located, path: FieldPath, import_from: Sequence[Path] = ()
) -> ResolvedStrategy:
    """The strategy that `wanted` describes; raises InputRefused with every problem, located in `document` below `path`.

    Modules of a `classRef` are looked for in `import_from` before the Python path.
    """
    strategy, code = _load(wanted.source, document, (*path, "source"), import_from)
    try:
        parameters = resolve_for(strategy, wanted.parameters)
    except ParameterErrors as error:
        raise InputRefused(
            document.problem((*path, "parameters", item.name), item.message, item.value) for item in error.problems
        ) from None
    complete = wanted.model_copy(update={"parameters": parameters})
    return ResolvedStrategy(
        strategy=strategy,
        parameters=parameters,
        risk=risk_of(wanted.risk),
        spec=complete,
        digest=record_digest({"strategy": complete.record(), "code": code}),
    )


def risk_of(risk: spec.Risk) -> Risk:
    """The stops, targets and sizes of a resource as the kernel's numbers."""
    size, trailing = risk.position_size, risk.trailing_stop
    return Risk(
        stop_loss=ratio(risk.stop_loss or "0%"),
        take_profit=ratio(risk.take_profit or "0%"),
        trail_activation=ratio(trailing.activate_at) if trailing else 0.0,
        trail_distance=ratio(trailing.distance) if trailing else 0.0,
        roi=tuple(RoiStep(milliseconds(step.after), ratio(step.profit)) for step in risk.roi),
        sizing=Sizing(fraction=ratio(size.fraction or "0%"), risk=ratio(size.risk or "0%")),
    )


def _load(source: spec.Source, document: Located, path: FieldPath, import_from: Sequence[Path]) -> tuple[Strategy, str]:
    """The strategy, and the digest of its code where that is not part of the resource."""
    if source.builtin is not None:
        if source.builtin not in BUILTINS:
            known = ", ".join(BUILTINS)
            message = f"no built-in strategy of this name{nearest(source.builtin, BUILTINS)}; there are {known}"
            raise InputRefused([document.problem((*path, "builtin"), message, source.builtin)])
        return BUILTINS[source.builtin], ""
    if source.rules is not None:
        return _from_rules(source.rules, document, (*path, "rules")), ""
    if source.class_ref is not None:
        return _from_class(source.class_ref, document, (*path, "classRef"), import_from)
    message = "a ConfigMap exists on a cluster only; outside one, use classRef with the module beside the manifest"
    raise InputRefused([document.problem((*path, "sourceRef"), message)])


def _from_rules(rules: spec.Rules, document: Located, path: FieldPath) -> Strategy:
    parameters = tuple(
        Parameter(p.name, p.type, p.default, p.min, p.max, description=p.description) for p in rules.parameters
    )
    try:
        return rule_strategy("Rules", parameters, rules.columns, rules.enter, rules.exit)
    except RulesError as error:
        raise InputRefused(
            document.problem((*path, *where.split(".")), _in_words(mistake)) for where, mistake in error.problems
        ) from None


def _in_words(mistake: Exception) -> str:
    return mistake.pointed() if isinstance(mistake, RuleError) else str(mistake)


def _from_class(
    reference: spec.ClassRef, document: Located, path: FieldPath, import_from: Sequence[Path]
) -> tuple[Strategy, str]:
    sys.path[:0] = [str(folder) for folder in import_from if str(folder) not in sys.path]
    try:
        module = importlib.import_module(reference.module)
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name == reference.module.split(".")[0]:
            looked = ", ".join(map(str, import_from)) or "the Python path"
            message = f"no such module; put {reference.module.replace('.', '/')}.py beside the manifest (looked in {looked} first)"
        else:
            message = f"cannot be imported: {type(error).__name__}: {error}"
        raise InputRefused([document.problem((*path, "module"), message, reference.module)]) from error
    found: Any = getattr(module, reference.class_, None)
    if not inspect.isclass(found):
        classes = [
            name for name, member in inspect.getmembers(module, inspect.isclass) if member.__module__ == module.__name__
        ]
        message = f"no such class in {reference.module}{nearest(reference.class_, classes)}; it has {', '.join(classes) or 'none'}"
        raise InputRefused([document.problem((*path, "class"), message, reference.class_)])
    problems = [document.problem((*path, "class"), message, reference.class_) for message in _unfit(found)]
    if problems:
        raise InputRefused(problems)
    strategy: Strategy = found()
    if not hasattr(strategy, "name"):
        strategy.name = reference.class_
    return strategy, source_digest(inspect.getsource(module))


def _unfit(found: type) -> Iterator[str]:
    """Why a class cannot be used as a strategy."""
    for method in ("warmup", "columns", "signals"):
        if not callable(getattr(found, method, None)):
            yield f"is no strategy: it has no method {method}; derive it from tidewright.SignalStrategy"
    if not isinstance(getattr(found, "parameters", None), tuple):
        yield "is no strategy: it has no tuple named parameters; write parameters = () if there are none"
