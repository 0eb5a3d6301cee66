"""What the backtest service counts and measures."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING

from tidewright.serving.metrics import Metrics

if TYPE_CHECKING:
    from backtest_engine.jobs import Job


class Figures:
    """The service's own metrics, by the kind of work."""

    def __init__(self, metrics: Metrics) -> None:
        self._jobs = metrics.counter("tidewright_backtest_jobs_total", "Jobs that ended, by how", ("kind", "state"))
        self._seconds = metrics.histogram("tidewright_backtest_job_seconds", "How long jobs were at work", ("kind",))
        self._waiting = metrics.gauge("tidewright_backtest_jobs_waiting", "Jobs that wait for a worker")
        self._workers = metrics.gauge("tidewright_backtest_workers", "Processes that can do, or do, a job")
        self._restarts = metrics.counter(
            "tidewright_backtest_worker_restarts_total", "Processes that had to be replaced"
        )

    def watch(self, waiting: Callable[[], int]) -> None:
        self._waiting.set_function(waiting)

    def workers(self, alive: int) -> None:
        self._workers.set(alive)

    def restarted(self) -> None:
        self._restarts.inc()

    @contextmanager
    def timed(self, job: "Job") -> Iterator[None]:
        """A job is at work for as long as the block takes."""
        started = perf_counter()
        try:
            yield
        finally:
            self._seconds.labels(job.task.kind).observe(perf_counter() - started)
            self._jobs.labels(job.task.kind, job.state).inc()
