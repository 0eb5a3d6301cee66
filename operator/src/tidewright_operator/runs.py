"""What is known of the BacktestRuns, or the OptimizationStudies, without asking for them again: the strategy that each names, whether it waits for it, what it has shown, and what is left of it.

Kept from events and from every re-list: what an event missed is known a minute later.
"""

from collections.abc import Callable
from typing import NamedTuple

from pydantic import ValidationError

from tidewright.specs.status import StudyTested, Tested
from tidewright_operator.cluster import Object
from tidewright_operator.conditions import is_true
from tidewright_operator.kinds.backtest_status import Settled, settled
from tidewright_operator.promotion import CompletedWork


class _Known(NamedTuple):
    strategy: str | None
    waits: bool
    tested: CompletedWork | None
    settled: Settled | None


class Runs:
    """The runs of one kind in all namespaces: of a completed one `tested` gives what it shows, of any what is left of it. Nothing may be concluded from what is missing before it is `complete`: all have been listed."""

    def __init__(
        self,
        tested: Callable[[Object], CompletedWork | None] | None = None,
        left: Callable[[Object], Settled | None] = settled,
    ) -> None:
        self.complete = False
        self._tested, self._left = tested or tested_run, left
        self._known: dict[str, dict[str, _Known]] = {}

    def see(self, run: Object) -> str | None:
        """Keep what `run` tells now; returns the strategy that has something new to weigh, if one does."""
        meta = run["metadata"]
        known = _Known(run["spec"]["strategy"].get("name"), _waits(run), self._tested(run), self._left(run))
        in_namespace = self._known.setdefault(meta["namespace"], {})
        before = in_namespace.get(meta["name"])
        in_namespace[meta["name"]] = known
        new = known.tested != (before.tested if before else None)
        return known.strategy if new else None

    def forget(self, namespace: str, name: str) -> str | None:
        """The run is gone; returns the strategy that rested on it, if one may have."""
        before = self._known.get(namespace, {}).pop(name, None)
        return before.strategy if before and before.tested else None

    def names(self) -> list[tuple[str, str]]:
        """Namespace and name of all of them."""
        return [(namespace, name) for namespace, known in self._known.items() for name in known]

    def waiting_for(self, namespace: str, strategy: str) -> list[str]:
        """The runs that wait for the strategy of this name."""
        return [
            name for name, known in self._known.get(namespace, {}).items() if known.waits and known.strategy == strategy
        ]

    def settled(self, namespace: str, name: str) -> Settled | None:
        """What is left of a finished run; None of any other, and of one that is not known."""
        known = self._known.get(namespace, {}).get(name)
        return known.settled if known else None

    def tested(self, namespace: str) -> list[CompletedWork]:
        """The completed runs of a namespace."""
        return [known.tested for known in self._known.get(namespace, {}).values() if known.tested]


def _waits(run: Object) -> bool:
    """Whether the run may be waiting. Not only where its status says so: a strategy may come between the look for it and the word about it."""
    status = run.get("status", {})
    return not status.get("attempts") and not is_true(status.get("conditions", ()), "Finished")


def studies() -> Runs:
    """The OptimizationStudies of all namespaces."""
    return Runs(tested_study, lambda study: None)


def tested_run(run: Object) -> CompletedWork | None:
    """What a completed BacktestRun shows, None of one that is not complete, or whose status is not as this version writes it."""
    status = run.get("status", {})
    digest = status.get("provenance", {}).get("strategyDigest")
    try:
        tested = Tested.model_validate(status.get("tested"))
    except ValidationError:
        return None
    return _completed(run, digest, tested)


def tested_study(study: Object) -> CompletedWork | None:
    """The same of an OptimizationStudy: it shows something of the strategy with the parameters that it selects."""
    try:
        tested = StudyTested.model_validate(study.get("status", {}).get("tested"))
    except ValidationError:
        return None
    return _completed(study, tested.strategy_digest, tested)


def _completed(run: Object, digest: str | None, tested: Tested | StudyTested) -> CompletedWork | None:
    status = run["status"]
    if not is_true(status.get("conditions", ()), "Complete") or digest is None or "completionTime" not in status:
        return None
    return CompletedWork(
        run["metadata"]["name"], run["spec"]["strategy"].get("name"), digest, status["completionTime"], tested
    )
