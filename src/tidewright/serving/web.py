"""HTTP; the one module that imports uvicorn."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from tidewright.serving.asgi import App
from tidewright.serving.certificates import Certificates
from tidewright.serving.rpc import PortTaken


class _Protocol(H11Protocol):
    """Tells the application whose certificate the client has shown, if any: ``scope["state"]["peer"]``."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "peer": transport.get_extra_info("peercert")}


class _Server(uvicorn.Server):
    """Leaves signals to the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class WebServer:
    """The server of one application. Once stopped it cannot start again."""

    def __init__(self, app: App, grace: float, certificates: Certificates | None) -> None:
        context: dict[str, Any] = {}
        if certificates is not None:
            context["ssl_context_factory"] = lambda *_: certificates.context
        config = uvicorn.Config(
            app,
            http=_Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=max(1, round(grace)),
            **context,
        )
        self._server = _Server(config)
        self._socket: socket.socket | None = None
        self._task: asyncio.Task[None] | None = None

    def bind(self, host: str, port: int) -> int:
        """Listen, and the port. Raises PortTaken."""
        try:
            self._socket = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        except OSError as error:
            raise PortTaken(f"REST cannot listen on {host}:{port}: {error.strerror}") from error
        # What it accepts inherits this; asyncio sees to it only on sockets that it made, and else an answer waits for an acknowledgement.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        bound: int = self._socket.getsockname()[1]
        return bound

    async def start(self) -> None:
        if self._socket is None:
            raise RuntimeError("bind first")
        self._task = asyncio.create_task(self._server.serve([self._socket]))
        while not self._server.started:
            await asyncio.sleep(0.005)
            if self._task.done():
                self._task.result()

    async def stop(self) -> None:
        """Return when all requests in progress are answered, or their time is over."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task

    def release(self) -> None:
        """Let the port go without having started."""
        if self._socket is not None:
            self._socket.close()
