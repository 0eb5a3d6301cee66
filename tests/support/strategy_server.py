"""A StrategyService in this process, and the strategy as whoever asks it has it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager

from background_loop import BackgroundLoop

from tidewright.adapters.grpc_peer import Patience
from tidewright.adapters.remote_strategy import RemoteStrategy
from tidewright.runs.strategies import load_class
from tidewright.serving.host import serving
from tidewright.serving.metrics import Metrics
from tidewright.serving.rest import Router
from tidewright.serving.rpc import Servicer
from tidewright.serving.service import Service
from tidewright.serving.settings import ServingSettings
from tidewright.specs.manifest import Document
from tidewright.strategy_service import rpc
from tidewright.strategy_service.service import StrategyService

IMPATIENT = Patience(start=10.0, answer=20.0, pause=0.01)


@contextmanager
def served(servicer: Servicer) -> Iterator[str]:
    """The address of a host with this servicer."""
    settings = ServingSettings(host="127.0.0.1", rest_port=0, grpc_port=0, grace=0.2)
    service = Service("strategy", 0, "Strategy", Router(), (servicer,))
    stack = AsyncExitStack()
    with BackgroundLoop() as loop:
        running = loop.run(stack.enter_async_context(serving(service, settings, Metrics())))
        try:
            yield f"127.0.0.1:{running.grpc_port}"
        finally:
            loop.run(stack.aclose())


@contextmanager
def served_class(name: str, module: str = "own_strategies") -> Iterator[str]:
    """The address of a host of one class."""
    loaded = load_class(module, name, Document("", {}, {(): 0}), ())
    with ThreadPoolExecutor(2) as executor, served(rpc.servicer(StrategyService(loaded.unasked, executor))) as address:
        yield address


@contextmanager
def remote(address: str, patience: Patience = IMPATIENT) -> Iterator[RemoteStrategy]:
    """The strategy at an address."""
    strategy = RemoteStrategy(address, patience)
    try:
        yield strategy
    finally:
        strategy.close()
