"""A toy service in this process, and its clients in both protocols."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import grpc
import httpx
import pytest
from toy_service import Toy

from tidewright.serving.host import Running, serving
from tidewright.serving.metrics import Metrics
from tidewright.serving.settings import ServingSettings
from tidewright.v1.signal_service_pb2_grpc import SignalServiceStub


@pytest.fixture
def anyio_backend():
    return "asyncio"


@dataclass
class Hosted:
    """The toy, where it runs, and how it is asked."""

    toy: Toy
    running: Running
    metrics: Metrics
    rest: httpx.AsyncClient
    channel: grpc.aio.Channel
    stop: Callable[[], Awaitable[None]]

    @property
    def rpc(self) -> SignalServiceStub:
        return SignalServiceStub(self.channel)


@asynccontextmanager
async def hosted(**settings):
    toy, metrics = Toy(), Metrics()
    chosen = ServingSettings(**{"host": "127.0.0.1", "rest_port": 0, "grpc_port": 0, **settings})
    async with AsyncExitStack() as process, AsyncExitStack() as clients:
        running = await process.enter_async_context(serving(toy.service(), chosen, metrics))
        base = f"http://127.0.0.1:{running.rest_port}"
        rest = await clients.enter_async_context(httpx.AsyncClient(base_url=base, trust_env=False, timeout=20))
        channel = await clients.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{running.grpc_port}"))
        yield Hosted(toy, running, metrics, rest, channel, process.aclose)


@pytest.fixture(name="hosted")
def _hosted():
    """Starts the toy under the settings that are given."""
    return hosted
