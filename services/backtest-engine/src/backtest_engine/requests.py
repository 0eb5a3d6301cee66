"""What is asked for, read and checked as the command line does: a BacktestRun, or its spec, as YAML or JSON."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from tidewright.domain.bars import Market
from tidewright.domain.kernel import ARITHMETIC_REVISION
from tidewright.domain.provenance import record_digest
from tidewright.domain.timeframe import milliseconds
from tidewright.ports import BarStore, FundingNotFound, MarketNotFound, StoreDamaged
from tidewright.runs.plan import BacktestPlan, plan_backtest
from tidewright.runs.refusal import InputRefused
from tidewright.specs.backtest_run import BacktestRun
from tidewright.specs.manifest import API_VERSION, Document, Manifest, documents
from tidewright.specs.problems import Path, Problem, nearest
from tidewright.specs.quantities import epoch_milliseconds
from tidewright.specs.trading_strategy import StrategySpec, TradingStrategy

UNNAMED = "backtest"
"""The name of a run whose request is a spec without metadata."""

_NEITHER_HERE_NOR_THERE = ("suspend", "ttlAfterFinished", "deadline", "retries", "pod")
"""Fields of a spec that say how a cluster does the work, and change nothing about its result."""


@dataclass(frozen=True)
class Asked:
    """A backtest that is asked for, with all that was in the request."""

    run: BacktestRun
    document: Document
    manifest: Manifest

    @property
    def strategy(self) -> StrategySpec | None:
        """The strategy's spec; None where it is named and not in the request."""
        tested = self.run.spec.strategy
        if tested.name is None:
            return tested.inline()
        found = {name: resource for name, resource, _ in self.manifest.of_kind("TradingStrategy")}.get(tested.name)
        return found.spec.snapshot() if isinstance(found, TradingStrategy) else None

    @property
    def markets(self) -> tuple[Market, ...]:
        strategy = self.strategy
        if strategy is None:
            return ()
        return tuple(Market(self.run.spec.data.exchange, symbol, strategy.timeframe) for symbol in strategy.symbols)

    def identity(self) -> dict[str, Any]:
        """What the result follows from, but for the bars; the same however it is written."""
        spec = {name: value for name, value in self.run.spec.record().items() if name not in _NEITHER_HERE_NOR_THERE}
        strategy = self.strategy
        inline = strategy.record() if strategy else None
        return {"name": self.run.metadata.name, "spec": {**spec, "strategy": inline}, "revision": ARITHMETIC_REVISION}

    def plan(self, **how: Any) -> BacktestPlan:  # noqa: ANN401 - what `plan_backtest` takes
        """The plan, as the command line makes it. Raises InputRefused and StrategyFailed."""
        return plan_backtest(self.run, self.document, self.manifest, **how)


def read_backtest(text: str, modules: Collection[str] = ()) -> Asked:
    """The one BacktestRun in `text`; TradingStrategies beside it may be referred to by name.

    Code that came with nobody but the request is refused, unless it is in one of `modules`. Raises InputRefused with every problem.
    """
    return asked_of([whole(document) for document in read_documents(text)], modules)


def read_documents(text: str) -> list[Document]:
    """The documents of a request. Raises InputRefused where it is neither YAML nor JSON."""
    problems: list[Problem] = []
    found = [document for document in documents("", text, problems) if document.value is not None]
    if problems:
        raise InputRefused(problems)
    return found


def whole(document: Document) -> Document:
    """The resource that a spec alone stands for."""
    value = document.value
    if not isinstance(value, Mapping) or "kind" in value or not {"strategy", "data"} & value.keys():
        return document
    lines = {("spec", *path): line for path, line in document.lines.items()}
    metadata = {"name": UNNAMED}
    resource = {"apiVersion": API_VERSION, "kind": "BacktestRun", "metadata": metadata, "spec": dict(value)}
    return Document(document.file, resource, lines)


def asked_of(found: list[Document], modules: Collection[str]) -> Asked:
    """The one BacktestRun among resources. Raises InputRefused with every problem."""
    manifest = Manifest()
    for document in found:
        manifest.add(document)
    if manifest.problems:
        raise InputRefused(manifest.problems)
    runs = [(run, document) for _, run, document in manifest.of_kind("BacktestRun")]
    if len(runs) != 1 or not isinstance(run := runs[0][0], BacktestRun):
        held = " and ".join(f"the {kind} {name}" for kind, name in manifest.resources) or "nothing"
        message = f"there is {held}; send one BacktestRun, or its spec with strategy and data"
        raise InputRefused([Problem("", 0, (), message)])
    asked = Asked(run, runs[0][1], manifest)
    problems = list(_of_strangers(asked, modules))
    if problems:
        raise InputRefused(problems)
    return asked


def _of_strangers(asked: Asked, modules: Collection[str]) -> list[Problem]:
    """Why the strategy's code is not run here."""
    strategy = asked.strategy
    path: Path = ("spec", "strategy", "source")
    if strategy is None:
        known = asked.manifest.names("TradingStrategy")
        name = asked.run.spec.strategy.name or ""
        message = (
            f"no TradingStrategy of this name in the request{nearest(name, known)}; send it along, or write it in place"
        )
        return [asked.document.problem(("spec", "strategy", "name"), message, name)]
    if strategy.source.source_ref is not None:
        message = "code from a ConfigMap is not run over the network; write the strategy as rules, or name a builtin"
        return [asked.document.problem((*path, "sourceRef"), message)]
    reference = strategy.source.class_ref
    if reference is not None and reference.module not in modules:
        allowed = f"those allowed are {', '.join(sorted(modules))}" if modules else "none is allowed here"
        message = (
            f"code of a module runs with this service's rights, so only modules that its operator names in TIDEWRIGHT_MODULES are taken: {allowed}; "
            "write the strategy as rules, or run it with `tidewright run`"
        )
        return [asked.document.problem((*path, "classRef", "module"), message, reference.module)]
    return []


def bars_asked_for(asked: Asked, store: BarStore) -> tuple[int, dict[str, str]]:
    """About how many bars it takes over all symbols, without reading them, and the digests of what is stored of each.

    What is not stored counts for nothing: whoever runs it will say so.
    """
    data = asked.run.spec.data
    count, digests = 0, {}
    for market in asked.markets:
        try:
            stored = store.describe(market)
        except (MarketNotFound, StoreDamaged):
            continue
        step = milliseconds(market.timeframe)
        first = max(stored.first, epoch_milliseconds(data.start)) if data.start else stored.first
        end = min(stored.last + step, epoch_milliseconds(data.end)) if data.end else stored.last + step
        count += min(max(end - first, 0) // step, stored.count)
        digests[market.symbol] = stored.digest
        if asked.run.spec.broker.funding == "Stored":
            try:
                digests[f"{market.symbol} funding"] = store.describe_funding(market.exchange, market.symbol).digest
            except (FundingNotFound, StoreDamaged):
                continue
    return count, digests


def identifier(kind: str, name: str, made_of: Mapping[str, Any]) -> str:
    """The id of a piece of work: the same whenever the same is asked for over the same bars."""
    return f"{name[:60].rstrip('.-')}-{record_digest({'kind': kind, **made_of}).partition(':')[2][:16]}"
