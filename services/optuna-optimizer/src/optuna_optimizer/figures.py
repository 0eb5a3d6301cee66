"""What the optimizer counts and measures."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import get_args

from optuna_optimizer.jobs import Job, Standing, State
from tidewright.serving.metrics import Metrics


class Figures:
    """The service's own metrics. The seconds of a trial are worker seconds over trials, both as rates."""

    def __init__(self, metrics: Metrics) -> None:
        self._studies = metrics.gauge("tidewright_optimizer_studies", "Studies that are kept, by state", ("state",))
        self._trials = metrics.counter("tidewright_optimizer_trials_total", "Trials that ended, by state", ("state",))
        self._seconds = metrics.counter(
            "tidewright_optimizer_trial_seconds_total", "Seconds that workers have spent on trials"
        )
        self._crashes = metrics.counter(
            "tidewright_optimizer_processes_lost_total", "Processes of studies that died of something"
        )

    def watch(self, jobs: Callable[[], Iterable[Job]]) -> None:
        def count(state: State) -> Callable[[], int]:
            return lambda: Counter(job.state for job in jobs())[state]

        for state in get_args(State):
            self._studies.labels(state).set_function(count(state))

    def tried(self, before: Standing, after: Standing, seconds: float) -> None:
        """Trials have ended, on which workers have spent so long."""
        for name in ("complete", "pruned", "failed"):
            more = getattr(after, name) - getattr(before, name)
            self._trials.labels(name.capitalize()).inc(max(more, 0))
        self._seconds.inc(max(seconds, 0.0))

    def lost(self) -> None:
        self._crashes.inc()
