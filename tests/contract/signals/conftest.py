"""A signal service over a market that is filled by hand, on its host, and its clients in both protocols."""

from contextlib import asynccontextmanager
from dataclasses import dataclass

import grpc
import httpx
import pytest
from live_market import Feed, Live

from tidewright.serving.host import serving
from tidewright.serving.service import Service
from tidewright.serving.settings import ServingSettings
from tidewright.signals import rest, rpc
from tidewright.v1.signal_service_pb2_grpc import SignalServiceStub


@pytest.fixture
def anyio_backend():
    return "asyncio"


@dataclass
class Asked:
    live: Live
    rest: httpx.AsyncClient
    rpc: SignalServiceStub

    async def get(self, path, **parameters):
        return await self.rest.get(path, params=parameters)


@asynccontextmanager
async def asked(*series, strategy=None):
    live = Live(Feed(*series), strategy=strategy)
    for symbol in live.followers:
        await live.refresh(symbol)
    served = live.service
    service = Service(
        "signals", 11, "Signals", rest.router(served), (rpc.servicer(served),), served.problem, stop=served.stop
    )
    settings = ServingSettings(host="127.0.0.1", rest_port=0, grpc_port=0)
    async with (
        serving(service, settings, live.metrics) as running,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{running.rest_port}", trust_env=False) as client,
        grpc.aio.insecure_channel(f"127.0.0.1:{running.grpc_port}") as channel,
    ):
        yield Asked(live, client, SignalServiceStub(channel))


@pytest.fixture(name="asked")
def _asked():
    """Starts the service over the bars that are given."""
    return asked
