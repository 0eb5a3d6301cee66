"""data-validation over streams and an archive in memory."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass

import grpc
import httpx
import pytest
from raw_messages import DAWN, StoppedClock

from data_validation.beside import Beside, ready
from data_validation.figures import Figures
from data_validation.service import ValidationService
from data_validation.wiring import assembled, hosted
from tidewright.adapters.memory_archive import MemoryArchive
from tidewright.adapters.memory_streams import MemoryServer, MemoryStreams
from tidewright.serving.host import serving
from tidewright.serving.metrics import Metrics
from tidewright.serving.settings import ServingSettings
from tidewright.v1.validation_service_pb2_grpc import ValidationServiceStub


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="session")
def beside():
    """A process that has been begun serves every test."""
    process = Beside()
    asyncio.run(process.run(ready))
    yield process
    process.close()


@dataclass
class Pipeline:
    """What the service stands between, and the service."""

    streams: MemoryStreams
    archive: MemoryArchive
    clock: StoppedClock
    metrics: Metrics
    service: ValidationService

    async def publish(self, topic, *messages):
        await self.streams.publish(topic, messages)

    def intake(self, topic):
        (found,) = [one for one in self.service.intakes if one.topic == topic]
        return found

    async def consume(self, topic, consumer="test"):
        """Every batch that there is."""
        intake = self.intake(topic)
        subscription = await self.streams.subscribe(topic, "data-validation", consumer)
        while await intake.step(subscription):
            pass

    async def passed_on(self, topic):
        """What is in a valid topic."""
        log = self.streams.log(topic)
        return [entry.data for entry in log.entries.values()]

    async def held(self):
        return await self.archive.held(1_000)

    async def dead(self, topic):
        return await self.streams.dead(topic, 1_000)

    def metric(self, line):
        """The value of one line of the page of metrics."""
        (found,) = [row for row in self.metrics.text().decode().splitlines() if row.startswith(f"{line} ")]
        return float(found.split()[-1])


@pytest.fixture
def make():
    """Makes a service, over the same server and archive as another where these are given."""

    def made(server=None, archive=None, streams=None, batch=500, beside=None, consumer="test", wait=0.0):
        streams = streams or MemoryStreams(server or MemoryServer())
        archive, clock, metrics = archive or MemoryArchive(), StoppedClock(DAWN), Metrics()
        service = assembled(streams, archive, clock, Figures(metrics), beside or Beside(), consumer, batch, wait)
        return Pipeline(streams, archive, clock, metrics, service)

    return made


@pytest.fixture
def pipeline(make):
    return make()


@dataclass
class Asked:
    pipeline: Pipeline
    rest: httpx.AsyncClient
    rpc: ValidationServiceStub
    address: str


@pytest.fixture
def asked(make, beside):
    """Starts the service on its host; its loops stand still."""

    @asynccontextmanager
    async def started(**settings):
        pipeline = make(beside=beside)
        service = hosted(pipeline.service, pipeline.clock.never)
        told = ServingSettings(host="127.0.0.1", rest_port=0, grpc_port=0, **settings)
        async with serving(service, told, pipeline.metrics) as running:
            address = f"http://127.0.0.1:{running.rest_port}"
            async with (
                httpx.AsyncClient(base_url=address, trust_env=False, timeout=30) as client,
                grpc.aio.insecure_channel(f"127.0.0.1:{running.grpc_port}") as channel,
            ):
                yield Asked(pipeline, client, ValidationServiceStub(channel), address)

    return started
