"""The service put together."""

from collections.abc import Awaitable, Callable

from data_validation import rest, rpc
from data_validation.beside import Beside
from data_validation.crosscheck import Crosscheck
from data_validation.figures import Figures
from data_validation.intake import Intake
from data_validation.judge import Judge
from data_validation.kinds import KINDS
from data_validation.service import ValidationService
from data_validation.settings import ValidationSettings
from tidewright.adapters.archives import ready_archive
from tidewright.adapters.clock import SystemClock
from tidewright.adapters.file_url import UrlRefused
from tidewright.adapters.streams_url import streams_at
from tidewright.ports import Archive, Clock, Streams
from tidewright.serving.metrics import Metrics
from tidewright.serving.service import Service
from tidewright.serving.settings import setting

NUMBER = 2
"""The service's number, which gives its ports."""


def validation_service(settings: ValidationSettings, metrics: Metrics) -> Service:
    """The service as its host wants it. Raises SettingsRefused."""
    with setting("STREAMS", UrlRefused):
        streams = streams_at(settings.streams)
    with setting("ARCHIVE", UrlRefused):
        archive = ready_archive(settings.archive)
    beside = Beside()
    served = assembled(streams, archive, SystemClock(), Figures(metrics), beside, settings.consumer, settings.batch)

    async def work() -> None:
        try:
            await served.work()
        finally:
            await streams.close()
            await archive.close()
            beside.close()

    return hosted(served, work)


def hosted(served: ValidationService, work: Callable[[], Awaitable[None]]) -> Service:
    """The use case with its two faces."""
    return Service(
        name="data-validation",
        number=NUMBER,
        title="Data validation",
        router=rest.router(served),
        servicers=(rpc.servicer(served),),
        problem=served.problem,
        work=work,
    )


def assembled(
    streams: Streams,
    archive: Archive,
    clock: Clock,
    figures: Figures,
    beside: Beside,
    consumer: str,
    batch: int = 500,
    wait: float = 1.0,
) -> ValidationService:
    """The use case over whatever streams, archive and time."""
    crosscheck = Crosscheck(archive, figures, clock.now)
    judges = {topic: Judge(kind, streams, archive, clock.now) for topic, kind in KINDS.items()}
    intakes = [
        Intake(judge, streams, archive, crosscheck, figures, clock, consumer, batch, wait) for judge in judges.values()
    ]
    return ValidationService(archive, intakes, judges, clock, beside)
