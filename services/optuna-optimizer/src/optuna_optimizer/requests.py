"""What is asked for, read and checked as the command line does: an OptimizationStudy, or its spec, as YAML or JSON."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tidewright.domain.bars import Market
from tidewright.domain.kernel import ARITHMETIC_REVISION
from tidewright.domain.provenance import record_digest
from tidewright.ports import BarStore, FundingNotFound, MarketNotFound, StoreDamaged
from tidewright.runs.refusal import InputRefused
from tidewright.runs.study_plan import plan_study
from tidewright.specs.manifest import API_VERSION, Document, Manifest, documents
from tidewright.specs.optimization_study import OptimizationStudy, OptimizationStudySpec
from tidewright.specs.problems import Path, Problem, nearest
from tidewright.specs.trading_strategy import StrategySpec, TradingStrategy

UNNAMED = "study"
"""The name of a study whose request is a spec without metadata."""

_LONGEST_NAME = 46
"""Letters of a name that an id begins with; with them it is as long as a label may be."""

_NEITHER_HERE_NOR_THERE = {"suspend", "ttlAfterFinished", "retries", "pod", "deletionPolicy", "tracking", "parallelism", "trials"}  # fmt: skip
"""Fields of a spec that change nothing about what is found, or that may change while it is searched for."""


@dataclass(frozen=True)
class Asked:
    """A study that is asked for, its strategy in place."""

    resource: Mapping[str, Any]
    study: OptimizationStudy

    @property
    def name(self) -> str:
        return self.study.metadata.name

    @property
    def spec(self) -> OptimizationStudySpec:
        return self.study.spec

    @property
    def trials(self) -> int:
        """How many trials are wanted; 0 of a grid, which has as many as it has."""
        return 0 if self.spec.sampler.name == "Grid" else self.spec.trials

    @property
    def strategy(self) -> StrategySpec:
        return self.spec.strategy.inline()

    def identity(self) -> dict[str, Any]:
        """What the findings follow from, but for the bars and the number of trials; the same however it is written."""
        spec = {name: value for name, value in self.spec.record().items() if name not in _NEITHER_HERE_NOR_THERE}
        return {"name": self.name, "spec": spec, "revision": ARITHMETIC_REVISION}


def read_study(text: str, modules: Collection[str] = ()) -> Asked:
    """The one OptimizationStudy in `text`; TradingStrategies beside it may be referred to by name.

    Code that came with nobody but the request is refused, unless it is in one of `modules`. Raises InputRefused with every problem, and StrategyError.
    """
    manifest = Manifest()
    for document in documents("", text, manifest.problems):
        if document.value is not None:
            manifest.add(_whole(document))
    if manifest.problems:
        raise InputRefused(manifest.problems)
    studies = [(study, document) for _, study, document in manifest.of_kind("OptimizationStudy")]
    if len(studies) != 1 or not isinstance(study := studies[0][0], OptimizationStudy):
        held = " and ".join(f"the {kind} {name}" for kind, name in manifest.resources) or "nothing"
        message = f"there is {held}; send one OptimizationStudy, or its spec with strategy and data"
        raise InputRefused([Problem("", 0, (), message)])
    document = studies[0][1]
    strategy = _strategy(study, document, manifest)
    problems = list(_of_strangers(study, strategy, document, modules))
    if problems:
        raise InputRefused(problems)
    if strategy.source.class_ref is None and study.spec.sampler.class_ref is None:
        plan_study(study, document, manifest)
    return _in_place(study, strategy)


def stored_digests(asked: Asked, store: BarStore) -> dict[str, str]:
    """The digests of what is stored of each market. What is not stored has none: whoever searches will say so."""
    found = {}
    exchange, strategy = asked.spec.data.exchange, asked.strategy
    for symbol in strategy.symbols:
        try:
            found[symbol] = store.describe(Market(exchange, symbol, strategy.timeframe)).digest
            if asked.spec.broker.funding == "Stored":
                found[f"{symbol} funding"] = store.describe_funding(exchange, symbol).digest
        except (MarketNotFound, FundingNotFound, StoreDamaged):
            continue
    return found


def identifier(asked: Asked, digests: Mapping[str, str]) -> str:
    """The id of a study: the same whenever the same is asked for over the same bars, however many trials of it."""
    digest = record_digest({**asked.identity(), "data": dict(digests)}).partition(":")[2][:16]
    return f"{asked.name[:_LONGEST_NAME].rstrip('.-')}-{digest}"


def _whole(document: Document) -> Document:
    """The resource that a spec alone stands for."""
    value = document.value
    if not isinstance(value, Mapping) or "kind" in value or not {"strategy", "data"} & value.keys():
        return document
    lines = {("spec", *path): line for path, line in document.lines.items()}
    metadata = {"name": UNNAMED}
    resource = {"apiVersion": API_VERSION, "kind": "OptimizationStudy", "metadata": metadata, "spec": dict(value)}
    return Document(document.file, resource, lines)


def _strategy(study: OptimizationStudy, document: Document, manifest: Manifest) -> StrategySpec:
    """The strategy in place, or the one in the request that it names. Raises InputRefused."""
    name = study.spec.strategy.name
    if name is None:
        return study.spec.strategy.inline()
    found = {name: resource for name, resource, _ in manifest.of_kind("TradingStrategy")}.get(name)
    if isinstance(found, TradingStrategy):
        return found.spec.snapshot()
    known = nearest(name, manifest.names("TradingStrategy"))
    message = f"no TradingStrategy of this name in the request{known}; send it along, or write it in place"
    raise InputRefused([document.problem(("spec", "strategy", "name"), message, name)])


def _of_strangers(
    study: OptimizationStudy, strategy: StrategySpec, document: Document, modules: Collection[str]
) -> Iterator[Problem]:
    """Why code that the request names is not run here."""
    path: Path = ("spec", "strategy", "source")
    if strategy.source.source_ref is not None:
        message = "code from a ConfigMap is not run over the network; write the strategy as rules, or name a builtin"
        yield document.problem((*path, "sourceRef"), message)
    allowed = f"those allowed are {', '.join(sorted(modules))}" if modules else "none is allowed here"
    for place, reference, instead in (
        (path, strategy.source.class_ref, "write the strategy as rules"),
        (("spec", "sampler"), study.spec.sampler.class_ref, "name another sampler"),
    ):
        if reference is not None and reference.module not in modules:
            message = (
                f"code of a module runs with this service's rights, so only modules that its operator names in TIDEWRIGHT_MODULES are taken: {allowed}; "
                f"{instead}, or run it with `tidewright run`"
            )
            yield document.problem((*place, "classRef", "module"), message, reference.module)


def _in_place(study: OptimizationStudy, strategy: StrategySpec) -> Asked:
    resource = {
        "apiVersion": API_VERSION,
        "kind": "OptimizationStudy",
        "metadata": {"name": study.metadata.name},
        "spec": study.spec.record() | {"strategy": strategy.record()},
    }
    return Asked(resource, OptimizationStudy.model_validate(resource))
