"""The exchange on the network: REST and WebSocket on one port. The one module of the exchange that imports aiohttp."""

import asyncio
import json
from contextlib import suppress
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from tidewright.exchange.connections import Connection
from tidewright.exchange.local import LocalExchange
from tidewright.exchange.rest import ApiError
from tidewright.exchange.streams import compact

_LARGEST_REQUEST = 1 << 20
_FAILURES = (500, 502, 503, 504)
_TOO_MUCH = {
    "code": -1003,
    "msg": "Way too much request weight used; current limit is {limit} request weight per 1 MINUTE. Please use WebSocket Streams for live updates to avoid polling the API.",
}
_BANNED = {
    "code": -1003,
    "msg": "Way too much request weight used; IP banned. Please use WebSocket Streams for live updates to avoid bans.",
}


class ExchangeServer:
    """Serves a local exchange while it is entered; time begins when it is."""

    def __init__(self, exchange: LocalExchange, host: str = "127.0.0.1", port: int = 0) -> None:
        self.exchange = exchange
        self._host, self._port = host, port
        self._dice = exchange.faults.dice()
        self._play: asyncio.Task[None] | None = None
        self._farewells: set[asyncio.Task[None]] = set()
        app = web.Application(client_max_size=_LARGEST_REQUEST)
        app.add_routes(
            [
                web.get("/ws", self._stream),
                web.get("/ws/{streams:.*}", self._stream),
                web.get("/stream", self._stream),
                web.get("/_status", self._status),
                web.get("/_faults", self._faults),
                web.post("/_faults", self._change_faults),
                web.delete("/_faults", self._clear_faults),
                web.post("/_drop", self._drop),
                web.get("/{path:.*}", self._rest),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)

    async def __aenter__(self) -> "ExchangeServer":
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        try:
            await site.start()
        except OSError:
            await self._runner.cleanup()
            raise
        self._port = self._runner.addresses[0][1]
        self._play = asyncio.create_task(self.exchange.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._play:
            self._play.cancel()
            with suppress(asyncio.CancelledError):
                await self._play
        self.exchange.drop()
        await asyncio.gather(*self._farewells)
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    async def played(self) -> None:
        """Until the tape has ended, or raises what it failed of."""
        if self._play:
            await asyncio.shield(self._play)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        """One stream connection from its beginning to its end."""
        settings, player = self.exchange.settings, self.exchange.player
        socket = web.WebSocketResponse(heartbeat=settings.ping, compress=False, max_msg_size=1 << 16)
        await socket.prepare(request)
        transport = request.transport
        if transport is None:
            return socket
        connection = Connection(
            transport,
            self.exchange.hub,
            self.exchange.faults,
            combined=request.path == "/stream",
            until=self.exchange.expiry(),
            farewell=lambda: self._say_farewell(socket),
        )
        player.connections.add(connection)
        try:
            names = request.query.get("streams", "") if connection.combined else request.match_info.get("streams", "")
            if streams := [name for name in names.split("/") if name]:
                connection.subscribe(streams)
                self.exchange.subscribed.set()
            await self._converse(socket, connection)
        except (ValueError, ConnectionError):
            transport.abort()
        finally:
            connection.close()
            player.connections.discard(connection)
        return socket

    def _say_farewell(self, socket: web.WebSocketResponse) -> None:
        task = asyncio.create_task(_closed(socket))
        self._farewells.add(task)
        task.add_done_callback(self._farewells.discard)

    async def _converse(self, socket: web.WebSocketResponse, connection: Connection) -> None:
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                continue
            answer = connection.answer(message.data)
            connection.flush()
            await socket.send_str(compact(answer).decode())
            if connection.streams:
                self.exchange.subscribed.set()

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        exchange, rest = self.exchange, self.exchange.rest
        if (fault := await self._request_fault(request)) is not None:
            return fault
        spent = exchange.limits.spend(request.remote or "", rest.weight(request.path, request.query))
        headers = {"X-MBX-USED-WEIGHT": str(spent.used), "X-MBX-USED-WEIGHT-1M": str(spent.used)}
        if spent.status:
            return self._refused(spent.status, spent.retry_after, headers)
        try:
            content = rest.answer(request.path, request.query)
        except ApiError as error:
            return _json(error.body, error.status, headers)
        except LookupError:
            return web.Response(
                status=404,
                text="<html><body><h2>404 Not found</h2></body></html>",
                content_type="text/html",
                headers=headers,
            )
        return self._spoiled(content, headers)

    async def _request_fault(self, request: web.Request) -> web.StreamResponse | None:
        happens = self._dice.happens
        for status in (429, 418):
            if fault := happens(f"http-{status}"):
                return self._refused(status, max(1, round(fault.seconds)), {})
        if happens("http-5xx"):
            return web.Response(
                status=self._dice.random.choice(_FAILURES),
                text="<html><body>failed on request</body></html>",
                content_type="text/html",
            )
        timeout, drop = happens("http-timeout"), happens("http-drop")
        if timeout:
            await asyncio.sleep(timeout.seconds)
        if (timeout or drop) and request.transport is not None:
            request.transport.abort()
            return web.Response()
        return None

    def _spoiled(self, content: Any, headers: dict[str, str]) -> web.Response:  # noqa: ANN401 - as JSON has it
        if self._dice.happens("http-missing"):
            content = self._dice.without_a_field(json.loads(compact(content)))
        if self._dice.happens("http-absurd"):
            content = self._dice.with_an_absurdity(json.loads(compact(content)))
        body = compact(content)
        if self._dice.happens("http-malformed"):
            body = body[: self._dice.random.randrange(len(body))]
        return web.Response(body=body, content_type="application/json", charset="UTF-8", headers=headers)

    def _refused(self, status: int, seconds: int, headers: dict[str, str]) -> web.Response:
        told = _BANNED if status == 418 else _TOO_MUCH
        body = told | {"msg": str(told["msg"]).format(limit=self.exchange.limits.limit)}
        return _json(body, status, headers | {"Retry-After": str(seconds)})

    async def _status(self, _: web.Request) -> web.Response:
        return _json(self.exchange.status())

    async def _faults(self, _: web.Request) -> web.Response:
        return _json(self.exchange.faults.record())

    async def _change_faults(self, request: web.Request) -> web.Response:
        try:
            self.exchange.faults.change(json.loads(await request.text()))
        except ValueError as error:
            return _json({"error": str(error)}, 400)
        return _json(self.exchange.faults.record())

    async def _clear_faults(self, _: web.Request) -> web.Response:
        self.exchange.faults.clear()
        return _json(self.exchange.faults.record())

    async def _drop(self, _: web.Request) -> web.Response:
        return _json({"dropped": self.exchange.drop()})


async def _closed(socket: web.WebSocketResponse) -> None:
    with suppress(ConnectionError):
        await socket.close(code=WSCloseCode.GOING_AWAY)


def _json(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:  # noqa: ANN401 - as JSON has it
    return web.Response(
        body=compact(content), status=status, content_type="application/json", charset="UTF-8", headers=headers
    )
