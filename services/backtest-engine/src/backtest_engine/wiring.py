"""The service put together from its settings."""

from collections.abc import Sequence

from backtest_engine import rest, rpc
from backtest_engine.bookkeeping import Bookkeeping
from backtest_engine.figures import Figures
from backtest_engine.finished import Finished
from backtest_engine.jobs import Job, JobQueue
from backtest_engine.pool import COMMAND, Pool
from backtest_engine.service import BacktestService
from backtest_engine.settings import BacktestSettings
from backtest_engine.stores import store_of
from tidewright.adapters.clock import SystemClock
from tidewright.adapters.file_url import UrlRefused
from tidewright.adapters.run_books import run_book_at
from tidewright.adapters.trackers import check_tracking
from tidewright.serving.metrics import Metrics
from tidewright.serving.service import Service
from tidewright.serving.settings import PREFIX, SettingsRefused, setting

NUMBER = 5
"""The service's number, which gives its ports."""


def backtest_service(settings: BacktestSettings, metrics: Metrics, command: Sequence[str] = COMMAND) -> Service:
    """The service as its host wants it. Raises SettingsRefused."""
    served = assembled(settings, metrics, command)
    return Service(
        name="backtest-engine",
        number=NUMBER,
        title="Backtests",
        router=rest.router(served),
        servicers=(rpc.servicer(served),),
        problem=served.problem,
        work=served.work,
        stop=served.stop,
    )


def assembled(settings: BacktestSettings, metrics: Metrics, command: Sequence[str] = COMMAND) -> BacktestService:
    """The use case with its pool of workers, each started by `command`. Raises SettingsRefused."""
    with setting("STORE", UrlRefused):
        store = store_of(settings.store)
    with setting("DATABASE", UrlRefused):
        book = run_book_at(settings.database) if settings.database else None
    with setting("TRACKING", UrlRefused):
        if settings.tracking:
            check_tracking(settings.tracking)
    try:
        settings.results.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"{PREFIX}RESULTS: {str(settings.results)!r}: {error.strerror}; name a folder that may be written to"
        raise SettingsRefused(message) from None
    figures = Figures(metrics)
    jobs = JobQueue(settings.jobs, settings.kept)
    figures.watch(lambda: jobs.waiting)
    finished = Finished(settings.results)
    keeping = Bookkeeping(book, finished.finished_run) if book else None

    def complete(job: Job) -> None:
        if keeping is not None and job.task.kind == "backtest":
            keeping.note(job.id)

    pool = Pool(jobs, settings.workers, settings.time_limit, figures, command, complete)
    return BacktestService(settings, store, finished, jobs, pool, SystemClock(), book, keeping)
