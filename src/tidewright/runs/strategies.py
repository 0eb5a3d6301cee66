"""From a strategy's source in a resource to the strategy itself, with a digest of what it is made of."""

import importlib
import importlib.util
import inspect
import linecache
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from numbers import Real
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from tidewright.domain.costs import Risk, RoiStep, Sizing
from tidewright.domain.provenance import record_digest, source_digest
from tidewright.domain.rules.errors import RuleError
from tidewright.domain.strategies.builtin import BUILTINS
from tidewright.domain.strategies.declaration import rule_strategy
from tidewright.domain.strategies.evaluation import declared_warmup
from tidewright.domain.strategies.parameters import ParameterErrors, resolve_for
from tidewright.domain.strategies.rule_strategy import RulesError
from tidewright.domain.strategies.step import is_step
from tidewright.domain.strategies.strategy import Parameter, Strategy, Value
from tidewright.domain.timeframe import milliseconds
from tidewright.runs.refusal import InputRefused
from tidewright.runs.traces import own_frames
from tidewright.specs import trading_strategy as spec
from tidewright.specs.problems import Located, nearest, shorten
from tidewright.specs.problems import Path as FieldPath
from tidewright.specs.quantities import ratio

_BY_DIGEST = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class ResolvedStrategy:
    """A strategy ready to run: every parameter has its value, and the digest covers all that can change its trades.

    `unasked` gives the strategy as it was before anybody asked it: a new object, where it is of a class that may remember.
    """

    strategy: Strategy
    parameters: dict[str, Value]
    warmup: int
    risk: Risk
    spec: spec.StrategySpec
    digest: str
    unasked: Callable[[], Strategy]


class Loaded(NamedTuple):
    """A strategy's code at work: a first object, how others like it are made, and the digest of the code where that is not part of the resource."""

    strategy: Strategy
    unasked: Callable[[], Strategy]
    code: str = ""


def resolve_strategy(
    wanted: spec.StrategySpec,
    document: Located,
    path: FieldPath,
    import_from: Sequence[Path] = (),
    served: Strategy | None = None,
) -> ResolvedStrategy:
    """The strategy that `wanted` describes.

    Raises InputRefused with every problem, located in `document` below `path`, and StrategyFailed for a warm-up that is no number of bars.

    Modules of a `classRef` are looked for in `import_from` before the Python path. Where the code is in another process, `served` asks it there, and nothing is imported;
    the digest is then that of `digest_in_image`.
    """
    loaded = _load(wanted, document, (*path, "source"), import_from) if served is None else _elsewhere(served)
    strategy = loaded.strategy
    try:
        parameters = resolve_for(strategy, wanted.parameters)
    except ParameterErrors as error:
        raise InputRefused(
            document.problem((*path, "parameters", item.name), item.message, item.value) for item in error.problems
        ) from None
    complete = wanted.model_copy(update={"parameters": parameters})
    if served is None:
        digest = record_digest({"strategy": complete.record(), "code": loaded.code})
    else:
        digest = digest_in_image(wanted, document, path)
    return ResolvedStrategy(
        strategy=strategy,
        parameters=parameters,
        warmup=declared_warmup(strategy, parameters),
        risk=risk_of(wanted.risk),
        spec=complete,
        digest=digest,
        unasked=loaded.unasked,
    )


def digest_in_image(wanted: spec.StrategySpec, document: Located, path: FieldPath) -> str:
    """The digest of a strategy of `classRef` whose code nobody but its image's own container reads: the image's digest covers the code, and the defaults of its parameters.

    Raises InputRefused for an image that is not named by digest.
    """
    reference = wanted.source.class_ref
    image = reference.image if reference else None
    if image is None or _BY_DIGEST.fullmatch(image) is None:
        message = f"{'' if image else 'missing; '}on a cluster the code runs from an image, and its digest says which code; write registry/name@sha256:..."
        raise InputRefused([document.problem((*path, "source", "classRef", "image"), message, image)])
    return record_digest({"strategy": wanted.record(), "code": ""})


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
        max_open_positions=risk.max_open_positions,
        max_entries=risk.max_entries,
        cooldown=milliseconds(risk.cooldown) if risk.cooldown else 0,
        max_symbol_exposure=_limit(risk.max_symbol_exposure),
        max_total_exposure=_limit(risk.max_total_exposure),
    )


def _limit(share: str | None) -> float:
    return inf if share is None else ratio(share)


def _elsewhere(served: Strategy) -> Loaded:
    """Every question is put to a new object there."""
    return Loaded(served, lambda: served)


def _load(wanted: spec.StrategySpec, document: Located, path: FieldPath, import_from: Sequence[Path]) -> Loaded:
    source = wanted.source
    if source.builtin is not None:
        if source.builtin not in BUILTINS:
            known = ", ".join(BUILTINS)
            message = f"no built-in strategy of this name{nearest(source.builtin, BUILTINS)}; there are {known}"
            raise InputRefused([document.problem((*path, "builtin"), message, source.builtin)])
        builtin = BUILTINS[source.builtin]
        return Loaded(builtin, lambda: builtin, source_digest(builtin.source()))
    if source.rules is not None:
        ruled = _from_rules(source.rules, wanted.timeframe, document, (*path, "rules"))
        return Loaded(ruled, lambda: ruled)
    if source.class_ref is not None:
        reference = source.class_ref
        return load_class(reference.module, reference.class_, document, (*path, "classRef"), import_from)
    message = "a ConfigMap exists on a cluster only; outside one, use classRef with the module beside the manifest"
    raise InputRefused([document.problem((*path, "sourceRef"), message)])


def _from_rules(rules: spec.Rules, timeframe: str, document: Located, path: FieldPath) -> Strategy:
    parameters = tuple(
        Parameter(p.name, p.type, p.default, p.min, p.max, description=p.description) for p in rules.parameters
    )
    try:
        return rule_strategy(
            "Rules",
            parameters,
            rules.columns,
            rules.enter,
            rules.exit,
            rules.constraints,
            enter_short=rules.enter_short,
            exit_short=rules.exit_short,
            timeframe=timeframe,
        )
    except RulesError as error:
        raise InputRefused(
            document.problem((*path, *_part(where)), _in_words(mistake)) for where, mistake in error.problems
        ) from None


def _part(where: str) -> FieldPath:
    """``("constraints", 0)`` for ``constraints[0]``, ``("columns", "fast")`` for ``columns.fast``."""
    return tuple(int(part) if part.isdigit() else part for part in re.findall(r"\w+", where))


def _in_words(mistake: Exception) -> str:
    return mistake.pointed() if isinstance(mistake, RuleError) else str(mistake)


def import_class(
    module_name: str, name: str, document: Located, path: FieldPath, import_from: Sequence[Path] = ()
) -> tuple[Any, str]:
    """The class `name` of a user's own module, imported in this process, and the digest of the module. Raises InputRefused, at ``module`` or ``class`` below `path`."""
    try:
        module = _module(module_name, import_from)
        code = source_digest(inspect.getsource(module))
    except (Exception, SystemExit) as error:
        message = _why_not_imported(error, module_name, import_from)
        raise InputRefused([document.problem((*path, "module"), message, module_name)]) from error
    found: Any = getattr(module, name, None)
    if not inspect.isclass(found):
        raise InputRefused([document.problem((*path, "class"), _no_such_class(name, module), name)])
    return found, code


def load_class(
    module_name: str, name: str, document: Located, path: FieldPath, import_from: Sequence[Path] = ()
) -> Loaded:
    """A strategy of the class `name` of a user's own module, imported in this process. Raises InputRefused with every problem, at ``module`` or ``class`` below `path`."""
    found, code = import_class(module_name, name, document, path, import_from)
    refused = [document.problem((*path, "class"), message, name) for message in _unfit(found)]
    if refused:
        raise InputRefused(refused)

    def make() -> Strategy:
        strategy: Strategy = found()
        if not hasattr(strategy, "name"):
            strategy.name = name
        return strategy

    try:
        return Loaded(make(), make, code)
    except Exception as error:
        message = (
            f"cannot be made: {_with_place(error)}; a strategy takes no arguments, its parameters come with every call"
        )
        raise InputRefused([document.problem((*path, "class"), message, name)]) from error


def _why_not_imported(error: BaseException, name: str, import_from: Sequence[Path]) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}."):
        hint = nearest(name, [file.stem for folder in import_from for file in folder.glob("*.py")])
        if not import_from:
            return f"no such module{hint}; put {_file(name)} on the Python path"
        looked = ", ".join(map(str, import_from))
        return f"no such module{hint}; put {_file(name)} beside the manifest (looked in {looked} first)"
    return f"cannot be imported: {_with_place(error)}"


def _with_place(error: BaseException) -> str:
    """The error in one line, with the place in the user's code that led to it; a SyntaxError names its own."""
    frames = [] if isinstance(error, SyntaxError) else own_frames(error)
    place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{place}"


def _no_such_class(name: str, module: ModuleType) -> str:
    own = [
        title for title, member in inspect.getmembers(module, inspect.isclass) if member.__module__ == module.__name__
    ]
    return f"no such class in {module.__file__}{nearest(name, own)}; it has {', '.join(own) or 'none'}"


def _module(name: str, import_from: Sequence[Path]) -> ModuleType:
    """The module as its file is now, from the first folder that has it, or from the Python path.

    A module of the same name that was imported before, from another folder or before an edit, must not be taken for it.
    """
    sys.path[:0] = [str(folder) for folder in import_from if str(folder) not in sys.path]
    for folder in import_from:
        spec = importlib.util.spec_from_file_location(name, folder / _file(name))
        if spec is not None and spec.loader is not None and (folder / _file(name)).is_file():
            module = importlib.util.module_from_spec(spec)
            sys.modules[name] = module
            linecache.checkcache()
            try:
                spec.loader.exec_module(module)
            except BaseException:
                del sys.modules[name]
                raise
            return module
    return importlib.import_module(name)


def _file(module: str) -> str:
    return f"{module.replace('.', '/')}.py"


def _unfit(found: type) -> Iterator[str]:
    """Why a class cannot be used as a strategy."""
    form, base = ("on_bar", "StepStrategy") if is_step(found) else ("signals", "SignalStrategy")
    for method in ("warmup", "columns", form):
        if not callable(getattr(found, method, None)):
            yield f"is no strategy: it has no method {method}; derive it from tidewright.{base}"
    if is_step(found):
        yield from _unfit_step(found)
    parameters = getattr(found, "parameters", None)
    if not isinstance(parameters, tuple):
        yield "is no strategy: it has no tuple named parameters; write parameters = () if there are none"
    elif not all(isinstance(parameter, Parameter) for parameter in parameters):
        yield "its parameters are not all of tidewright.Parameter; make them so"


def _unfit_step(found: type) -> Iterator[str]:
    if hasattr(found, "signals"):
        yield "has both on_bar and signals; a strategy is asked bar by bar or for all bars at once: remove one"
    state = getattr(found, "state", None)
    if not isinstance(state, Mapping):
        yield f"its state is {shorten(state)}; write a dict from names to numbers, what it remembers before the first bar"
        return
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, Real):
            yield f"its state has {name!r}: {shorten(value)}; names and numbers alone can be remembered, such as {{'losses': 0.0}}"
