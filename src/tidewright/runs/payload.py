"""What a worker is given: a run or a study with its strategy in place, so that nothing in it refers to anything outside.

A payload is a JSON document: a BacktestRun or an OptimizationStudy as a resource, and beside its spec the digest that the strategy must come to::

    {"apiVersion": "tidewright.io/v1alpha1", "kind": "BacktestRun", "metadata": {"name": ..., "namespace": ..., "uid": ...},
     "spec": {"strategy": {"source": ..., "symbols": ..., ...}, "data": ..., ...}, "strategyDigest": "sha256:..."}

What may change while it is worked on is not in it. The operator writes it and a worker reads it. It works without numba, which the operator has not got.
"""

import re
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from tidewright.domain.provenance import record_digest
from tidewright.runs.refusal import InputRefused
from tidewright.runs.strategies import digest_in_image, resolve_strategy
from tidewright.specs.backtest_run import BacktestRun
from tidewright.specs.manifest import Document, Manifest, documents
from tidewright.specs.optimization_study import OptimizationStudy
from tidewright.specs.problems import Located, Path, Problem
from tidewright.specs.trading_strategy import StrategySpec, TradingStrategy, TradingStrategySpec

Payload = dict[str, Any]
Work = TypeVar("Work", bound=BacktestRun | OptimizationStudy)

_UID = r"[A-Za-z0-9-]{1,64}"
_NOWHERE = Document("", {}, {(): 0})


@dataclass(frozen=True)
class Task(Generic[Work]):
    """A payload as a worker reads it; `uid` and `strategy_digest` are empty where a person has written it, outside a cluster."""

    run: Work
    document: Document
    uid: str = ""
    strategy_digest: str = ""

    @property
    def namespace(self) -> str:
        return self.run.metadata.namespace or "default"


def payload_of(run: BacktestRun | OptimizationStudy, strategy: TradingStrategy | None = None, uid: str = "") -> Payload:
    """The payload of `run`, with `strategy` in the place of its name; the same for the same fields that cannot change, however they are written.

    Raises ValueError where the run names a strategy and another, or none, is given; InputRefused where the strategy cannot be made, with
    every problem of it.
    """
    named = run.spec.strategy.name
    path: Path = ("spec",)
    if named is None:
        tested, path = run.spec.strategy.inline(), ("spec", "strategy")
    elif strategy is not None and strategy.metadata.name == named:
        tested = strategy.spec.snapshot()
    else:
        raise ValueError(f"the run names the strategy {named}, which is not the one given; hand it over too")
    spec = {name: value for name, value in run.spec.record().items() if name not in (run.spec.may_change or ())}
    identity = {"name": run.metadata.name, "namespace": run.metadata.namespace, "uid": uid}
    return {
        "apiVersion": run.api_version,
        "kind": run.kind,
        "metadata": {name: value for name, value in identity.items() if value},
        "spec": {**spec, "strategy": tested.record()},
        "strategyDigest": strategy_digest(tested, _NOWHERE, path),
    }


def strategy_digest(strategy: StrategySpec, document: Located = _NOWHERE, path: Path = ("spec",)) -> str:
    """The digest that a result records of this strategy: the same however it is written, and whether defaults are written out.

    Code that is in an image (`classRef`) is covered by the image's own digest, as nobody but the image's container reads it. Raises InputRefused for a
    strategy that cannot be made, and for an image that is not named by digest.
    """
    if isinstance(strategy, TradingStrategySpec):
        strategy = strategy.snapshot()
    if strategy.source.class_ref is not None:
        return digest_in_image(strategy, document, path)
    if strategy.source.source_ref is not None:
        return record_digest({"strategy": strategy.record(), "code": ""})
    return resolve_strategy(strategy, document, path).digest


def read_payload(file: str, text: str) -> Task[BacktestRun]:
    """The task in the text of `file`; a manifest of one BacktestRun with its strategy in place will do as well. Raises InputRefused with every problem."""
    return _read(BacktestRun, file, text)


def read_study(file: str, text: str) -> Task[OptimizationStudy]:
    """As `read_payload`, for an OptimizationStudy."""
    return _read(OptimizationStudy, file, text)


def _read(kind: type[Work], file: str, text: str) -> Task[Work]:
    manifest = Manifest()
    found = list(documents(file, text, manifest.problems))
    if len(found) != 1 or not isinstance(found[0].value, dict):
        message = f"not a worker's payload; it is one {kind.__name__} with its strategy in place, as JSON or YAML"
        raise InputRefused(manifest.problems or [Problem(file, 0, (), message)])
    written = found[0]
    value = dict(written.value)
    digest = str(value.pop("strategyDigest", None) or "")
    document = Document(file, value, written.lines)
    manifest.add(document)
    run, _ = next(iter(manifest.resources.values()), (None, document))
    if run is None:
        raise InputRefused(manifest.problems)
    uid = value["metadata"].get("uid") or ""
    if not isinstance(run, kind):
        message = f"not what this worker works on; write kind: {kind.__name__}"
        raise InputRefused([*manifest.problems, document.problem(("kind",), message, type(run).__name__)])
    problems = [*manifest.problems, *_unfit(run, uid, document)]
    if problems:
        raise InputRefused(problems)
    return Task(run, document, uid, digest)


def _unfit(run: BacktestRun | OptimizationStudy, uid: object, document: Document) -> list[Problem]:
    """Why a resource that is right in itself is no payload."""
    problems = []
    if run.spec.strategy.name is not None:
        message = "a worker knows no resources but its own; write the strategy in place, or use `tidewright run`"
        problems.append(document.problem(("spec", "strategy", "name"), message, run.spec.strategy.name))
    if not isinstance(uid, str) or re.fullmatch(f"({_UID})?", uid) is None:
        message = "not a UID; write letters, digits and hyphens, or leave it out"
        problems.append(document.problem(("metadata", "uid"), message, uid))
    return problems
