"""The process of a service: from its ports to its last answer."""

import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version

from tidewright.serving import logs
from tidewright.serving.asgi import Gate
from tidewright.serving.certificates import Certificates, CertificatesRefused
from tidewright.serving.health import Health
from tidewright.serving.limits import Limits
from tidewright.serving.metrics import Metrics
from tidewright.serving.rest import application
from tidewright.serving.rpc import PortTaken, RpcServer
from tidewright.serving.service import Service
from tidewright.serving.settings import PREFIX, ServingSettings
from tidewright.serving.web import WebServer

REFUSED = 2
"""The exit code for what only a change outside can mend: settings, certificates, a port that is taken."""

_LOOK = 0.2
"""Seconds between two looks at whether the service is ready."""

_LOOK_AT_CERTIFICATES = 10.0


@dataclass(frozen=True, slots=True)
class Running:
    """A service that can be asked, and where; `ended` is done when its work has ended by itself, which is a failure."""

    rest_port: int
    grpc_port: int
    health: Health
    ended: asyncio.Future[None]


@asynccontextmanager
async def serving(service: Service, settings: ServingSettings, metrics: Metrics) -> AsyncIterator[Running]:
    """Serve; and at the end go on for `settings.drain` seconds, refuse what comes then, and finish what was admitted.

    Raises PortTaken and CertificatesRefused.
    """
    certificates = Certificates(settings.tls) if settings.tls else None
    limits = Limits(settings.concurrency, settings.queue, settings.open_streams, settings.request_timeout)
    health = Health(service.problem)
    _show(limits, health, metrics)
    app = application(service.title, version("tidewright"), service.router, health, metrics)
    mutual = certificates is not None and certificates.mutual
    web = WebServer(Gate(app, limits, metrics, settings.max_body, mutual=mutual), settings.grace, certificates)
    rpc = RpcServer(service.servicers, limits, metrics, settings.max_body, certificates)
    rest_port, grpc_port = _bound(service, settings, web, rpc)
    await rpc.start()
    await web.start()
    health.started()
    async with _beside(service.work()) as ended, _beside(_look_after(health, rpc, certificates)):
        try:
            yield Running(rest_port, grpc_port, health, ended)
        finally:
            health.stopping()
            await rpc.tell(ready=False)
            await asyncio.sleep(settings.drain)
            limits.close()
            service.stop()
            await asyncio.gather(rpc.stop(settings.grace), web.stop())


def run(make: Callable[[Metrics], Service], settings: ServingSettings) -> int:
    """Be the process of a service until SIGTERM or SIGINT; its exit code. A second signal ends it at once."""
    metrics = Metrics()
    service = make(metrics)
    logs.configure(service.name, settings.log_level, sys.stderr)
    _spare_what_stays()
    try:
        return asyncio.run(_until_told(service, settings, metrics))
    except (PortTaken, CertificatesRefused) as error:
        logs.logger().error("refused", reason=str(error))
        return REFUSED


def _spare_what_stays() -> None:
    """All that was imported and made by now stays: looking through it for garbage would hold up every answer for a tenth of a second, now and then."""
    gc.collect()
    gc.freeze()


async def _until_told(service: Service, settings: ServingSettings, metrics: Metrics) -> int:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop(which: signal.Signals) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        logs.logger().info("stopping", signal=which.name, drain=settings.drain, grace=settings.grace)
        told.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
    async with serving(service, settings, metrics) as running:
        logs.logger().info("started", rest=running.rest_port, grpc=running.grpc_port, tls=bool(settings.tls))
        waiting = asyncio.create_task(told.wait())
        await asyncio.wait((waiting, running.ended), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
    if not told.is_set():
        error = running.ended.exception()
        logs.logger().error("the service's work has ended", exc_info=error)
        return 1
    logs.logger().info("stopped")
    return 0


def _bound(service: Service, settings: ServingSettings, web: WebServer, rpc: RpcServer) -> tuple[int, int]:
    """The ports of REST and gRPC, listening. Raises PortTaken with the remedy."""
    wanted = {
        "REST_PORT": (web.bind, settings.rest_port, 8_000 + service.number),
        "GRPC_PORT": (rpc.bind, settings.grpc_port, 9_000 + service.number),
    }
    ports = []
    for name, (bind, port, default) in wanted.items():
        try:
            ports.append(bind(settings.host, default if port is None else port))
        except PortTaken as error:
            web.release()
            raise PortTaken(f"{error}; stop what listens there, or set {PREFIX}{name}") from error
    rest, grpc = ports
    return rest, grpc


def _show(limits: Limits, health: Health, metrics: Metrics) -> None:
    metrics.active.set_function(lambda: limits.active)
    metrics.waiting.set_function(lambda: limits.waiting)
    metrics.streaming.set_function(lambda: limits.streaming)
    metrics.ready.set_function(lambda: not health.reason)


@asynccontextmanager
async def _beside(work: Awaitable[None]) -> AsyncIterator[asyncio.Future[None]]:
    """`work` in a task of its own, cancelled at the end."""
    task = asyncio.ensure_future(work)
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await task


async def _look_after(health: Health, rpc: RpcServer, certificates: Certificates | None) -> None:
    """Tell of every change: of whether the service is ready, and of its certificates."""
    told: str | None = None
    until_certificates = _LOOK_AT_CERTIFICATES
    while True:
        reason = health.reason
        if reason != told:
            await rpc.tell(ready=not reason)
            logs.logger().info("not ready" if reason else "ready", **({"reason": reason} if reason else {}))
            told = reason
        until_certificates -= _LOOK
        if certificates is not None and until_certificates <= 0:
            until_certificates = _LOOK_AT_CERTIFICATES
            if certificates.refresh():
                logs.logger().info("certificates renewed")
        await asyncio.sleep(_LOOK)
