"""The service put together from its settings."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from optuna_optimizer import rest, rpc
from optuna_optimizer.figures import Figures
from optuna_optimizer.jobs import Job, JobQueue
from optuna_optimizer.processes import COMMAND, Processes
from optuna_optimizer.service import StudyService
from optuna_optimizer.settings import OptimizerSettings
from optuna_optimizer.shelf import Shelf
from optuna_optimizer.tasks import Task
from tidewright.adapters.clock import SystemClock
from tidewright.adapters.file_url import UrlRefused
from tidewright.adapters.stores import store_at, stores
from tidewright.adapters.study_stores import study_store_at
from tidewright.adapters.trackers import check_tracking
from tidewright.ports import ArchiveUnavailable
from tidewright.serving.metrics import Metrics
from tidewright.serving.service import Service
from tidewright.serving.settings import PREFIX, SettingsRefused, setting

NUMBER = 6
"""The service's number, which gives its ports."""

_TRIALS = ".trials"
"""The folder of the trials beside the results, where nobody says otherwise."""

_PATIENCE = 10.0
"""Seconds that a request waits for a database that is away; those who search wait longer."""


def optimizer_service(settings: OptimizerSettings, metrics: Metrics, command: Sequence[str] = COMMAND) -> Service:
    """The service as its host wants it. Raises SettingsRefused."""
    _check_results(settings.results)
    places = ExitStack()
    served = assembled(settings, _studies(settings, places), metrics, command)

    async def work() -> None:
        with places:
            await served.work()

    return Service(
        name="optuna-optimizer",
        number=NUMBER,
        title="Studies",
        router=rest.router(served, settings.dashboard),
        servicers=(rpc.servicer(served, settings.dashboard),),
        problem=served.problem,
        work=work,
        stop=served.stop,
    )


def assembled(
    settings: OptimizerSettings, studies: str, metrics: Metrics, command: Sequence[str] = COMMAND
) -> StudyService:
    """The use case with its processes, each started by `command`; `studies` is the URL of the trials. Raises SettingsRefused."""
    with setting("STORE", UrlRefused):
        bars = store_at(settings.store) if settings.store else stores(os.environ)
    with setting("STUDIES", UrlRefused), setting("STUDIES", ArchiveUnavailable):
        store = study_store_at(studies, _PATIENCE)
    with setting("TRACKING", UrlRefused):
        if settings.tracking:
            check_tracking(settings.tracking)
    figures, clock = Figures(metrics), SystemClock()
    shelf = Shelf(settings.results)
    jobs = JobQueue(settings.waiting, settings.kept)
    figures.watch(jobs.all)

    def task(job: Job) -> Task:
        spec = {**job.resource["spec"], **({"trials": job.trials} if job.trials else {})}
        resource = {**job.resource, "spec": spec}
        bounds = settings.workers, settings.max_trials
        return Task(job.id, resource, studies, str(shelf.place(job.id)), *bounds, job.earlier, settings.tracking)

    processes = Processes(jobs, shelf, task, settings.searches, settings.time_limit, figures, clock, command)
    return StudyService(settings, bars, store, shelf, jobs, processes, clock)


def _studies(settings: OptimizerSettings, places: ExitStack) -> str:
    """The URL of a store that processes can share."""
    if settings.studies == "memory:":
        return Path(places.enter_context(TemporaryDirectory(prefix="tidewright-"))).as_uri()
    return settings.studies or (settings.results.absolute() / _TRIALS).as_uri()


def _check_results(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"{PREFIX}RESULTS: {str(folder)!r}: {error.strerror}; name a folder that may be written to"
        raise SettingsRefused(message) from None
