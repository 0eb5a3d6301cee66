"""gRPC: a service's servicers, with health, reflection, limits and errors as every service has them; the one module that imports grpc."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from tidewright.serving.certificates import Certificates
from tidewright.serving.failures import Failure, internal
from tidewright.serving.limits import Limits
from tidewright.serving.metrics import Metrics
from tidewright.serving.requests import Account, accounted

Server: TypeAlias = grpc.aio.Server
if TYPE_CHECKING:
    Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]
    Handler: TypeAlias = grpc.RpcMethodHandler[Any, Any]
else:
    Context, Handler = grpc.aio.ServicerContext, grpc.RpcMethodHandler

REQUEST_ID = "x-request-id"

_OPEN = ("/grpc.health.v1.", "/grpc.reflection.")
"""What is asked of a server to learn about it: never queued, never logged."""

os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # the core's own lines are not JSON, and errors reach Python anyway

_PENDING = 20_000
"""Calls that wait to be looked at; each is let in or refused within a millisecond or two."""

_LAST_WORDS = 1.0
"""Seconds for answers on their way when all requests are done; who watches the health would keep the server for ever."""

_MAKE_HANDLER: dict[tuple[bool, bool], Callable[..., Handler]] = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}


class PortTaken(OSError):
    """Somebody else listens there; the message says where, and the remedy."""


@dataclass(frozen=True, slots=True)
class Servicer:
    """A gRPC service: its full name, and how it is added to a server (the generated ``add_..._to_server``)."""

    name: str
    add: Callable[[Server], None]


class RpcServer:
    """The server of some servicers. Once stopped it cannot start again."""

    def __init__(
        self,
        servicers: tuple[Servicer, ...],
        limits: Limits,
        metrics: Metrics,
        max_message: int,
        certificates: Certificates | None,
    ) -> None:
        options = {
            "grpc.so_reuseport": 0,  # two processes on one port would share its connections, and nobody would know
            "grpc.max_receive_message_length": max_message,
            # Beyond a thousand calls that nobody has looked at yet the core would end them as CANCELLED, which tells nobody why; the limits answer instead.
            "grpc.server.max_pending_requests": _PENDING,
            "grpc.server.max_pending_requests_hard_limit": 2 * _PENDING,
        }
        self._server = grpc.aio.server(interceptors=[_Gate(limits, metrics)], options=list(options.items()))
        self._limits = limits
        self._certificates = certificates
        self._health = health.aio.HealthServicer()
        self._names = tuple(servicer.name for servicer in servicers)
        for servicer in servicers:
            servicer.add(self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection((*self._names, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server)

    def bind(self, host: str, port: int) -> int:
        """Listen, and the port. Raises PortTaken."""
        try:
            if self._certificates is None:
                return self._server.add_insecure_port(f"{host}:{port}")
            return self._server.add_secure_port(f"{host}:{port}", _credentials(self._certificates))
        except RuntimeError as error:
            reason = str(error).partition(";")[0]  # what follows is about environment variables of its own
            raise PortTaken(f"gRPC cannot listen on {host}:{port}: {reason}") from error

    async def start(self) -> None:
        await self._server.start()

    async def tell(self, *, ready: bool) -> None:
        """Say by ``grpc.health.v1`` whether the services can be asked."""
        serving, not_serving = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
        for name in ("", *self._names):
            await self._health.set(name, serving if ready else not_serving)

    async def stop(self, grace: float) -> None:
        """Return when all that was admitted is done, or `grace` seconds have passed; what is left then is cancelled."""
        try:
            async with asyncio.timeout(grace):
                await self._limits.idle()
        except TimeoutError:
            await self._server.stop(None)
        else:
            await self._server.stop(_LAST_WORDS)


class _Gate(grpc.aio.ServerInterceptor):
    """Lets calls through within the limits, and answers for the servicer where they cannot be served."""

    def __init__(self, limits: Limits, metrics: Metrics) -> None:
        self._limits = limits
        self._metrics = metrics
        self._gated: dict[str, Handler] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        method = handler_call_details.method
        if method in self._gated:
            return self._gated[method]
        handler = await continuation(handler_call_details)
        if handler is None or method.startswith(_OPEN):
            return handler
        return self._gated.setdefault(method, self._gate(handler, method.removeprefix("/")))

    def _gate(self, handler: Handler, method: str) -> Handler:
        asked: Any = handler.stream_unary if handler.request_streaming else handler.unary_unary
        streamed: Any = handler.stream_stream if handler.request_streaming else handler.unary_stream

        async def answer(request: Any, context: Context) -> Any:  # noqa: ANN401 - messages of any service
            with self._accounted(context, method) as account:
                try:
                    async with self._limits.request():
                        reply = await asked(request, context)
                except Exception as error:  # whatever it was, the caller gets an answer
                    failure = _explained(error, account)
                else:
                    account.code = "OK"
                    return reply
            return await _abort(context, failure)

        async def stream(request: Any, context: Context) -> AsyncIterator[Any]:  # noqa: ANN401
            with self._accounted(context, method) as account:
                try:
                    async with self._limits.stream():
                        async for message in streamed(request, context):
                            yield message
                except Exception as error:
                    failure = _explained(error, account)
                else:
                    account.code = "OK"
                    return
            await _abort(context, failure)

        make = _MAKE_HANDLER[bool(handler.request_streaming), bool(handler.response_streaming)]
        gated = stream if handler.response_streaming else answer
        return make(gated, handler.request_deserializer, handler.response_serializer)

    @contextmanager
    def _accounted(self, context: Context, method: str) -> Iterator[Account]:
        given = next((value for name, value in context.invocation_metadata() or () if name == REQUEST_ID), None)
        with accounted(self._metrics, "grpc", method, given if isinstance(given, str) else None) as account:
            account.code = "CANCELLED"  # unless it comes to another end
            context.set_trailing_metadata(((REQUEST_ID, account.id),))
            yield account


def _explained(error: Exception, account: Account) -> Failure:
    if not isinstance(error, Failure):
        account.failed = error
        error = internal(account.id)
    account.code, account.detail = error.kind.grpc, error.detail
    return error


async def _abort(context: Context, failure: Failure) -> None:
    await context.abort(getattr(grpc.StatusCode, failure.kind.grpc), failure.detail)


def _credentials(certificates: Certificates) -> grpc.ServerCredentials:
    """Every new connection is shown the certificates as they are by then."""
    shown = certificates.pem

    def configuration() -> grpc.ServerCertificateConfiguration:
        pem = certificates.pem
        return grpc.ssl_server_certificate_configuration([(pem.key, pem.chain)], pem.clients)

    def changed() -> grpc.ServerCertificateConfiguration | None:
        nonlocal shown
        if certificates.pem is shown:
            return None
        shown = certificates.pem
        return configuration()

    return grpc.dynamic_ssl_server_credentials(configuration(), changed, certificates.mutual)  # type: ignore[arg-type]  # it takes None for no change
