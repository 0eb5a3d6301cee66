"""What is known of the BacktestRuns without asking for them again: the strategy that each names, whether it waits for it, what it has shown, and what is left of it.

Kept from events and from every re-list: what an event missed is known a minute later.
"""

from typing import NamedTuple

from pydantic import ValidationError

from tidewright.specs.status import Tested
from tidewright_operator.cluster import Object
from tidewright_operator.conditions import is_true
from tidewright_operator.kinds.backtest_status import Settled, settled
from tidewright_operator.promotion import CompletedRun


class _Known(NamedTuple):
    strategy: str | None
    waits: bool
    tested: CompletedRun | None
    settled: Settled | None


class Runs:
    """The BacktestRuns of all namespaces. Nothing may be concluded from what is missing before it is `complete`: all have been listed."""

    def __init__(self) -> None:
        self.complete = False
        self._known: dict[str, dict[str, _Known]] = {}

    def see(self, run: Object) -> str | None:
        """Keep what `run` tells now; returns the strategy that has something new to weigh, if one does."""
        meta = run["metadata"]
        known = _Known(run["spec"]["strategy"].get("name"), _waits(run), _tested(run), settled(run))
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

    def tested(self, namespace: str) -> list[CompletedRun]:
        """The completed runs of a namespace."""
        return [known.tested for known in self._known.get(namespace, {}).values() if known.tested]


def _waits(run: Object) -> bool:
    """Whether the run may be waiting. Not only where its status says so: a strategy may come between the look for it and the word about it."""
    status = run.get("status", {})
    return not status.get("attempts") and not is_true(status.get("conditions", ()), "Finished")


def _tested(run: Object) -> CompletedRun | None:
    """What a completed run shows, None of one that is not complete, or whose status is not as this version writes it."""
    status = run.get("status", {})
    digest = status.get("provenance", {}).get("strategyDigest")
    if not is_true(status.get("conditions", ()), "Complete") or digest is None or "completionTime" not in status:
        return None
    try:
        tested = Tested.model_validate(status.get("tested"))
    except ValidationError:
        return None
    name = run["metadata"]["name"]
    return CompletedRun(name, run["spec"]["strategy"].get("name"), digest, status["completionTime"], tested)
