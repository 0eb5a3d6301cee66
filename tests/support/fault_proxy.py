"""A proxy in front of the API server that fails on demand.

It listens on loopback in plain HTTP, so that a client needs no certificate; the client's token is passed on, so that it stays who it is.
Only a certificate of `upstream` makes everybody who comes this way its bearer.
"""

import io
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import aiohttp
from aiohttp import web
from api_call import ApiCall
from background_loop import BackgroundLoop
from yarl import URL

from cluster.access import Access

LONGEST_EVENT = 1 << 23
"""Bytes; etcd holds no object that is longer than this."""

NOT_PASSED_ON = {"connection", "content-length", "host", "transfer-encoding"}
REASONS = {403: "Forbidden", 404: "NotFound", 410: "Expired", 429: "TooManyRequests", 503: "ServiceUnavailable"}


class Exchange:
    """One request, in the hands of a fault."""

    def __init__(self, proxy: "FaultProxy", request: web.Request, call: ApiCall) -> None:
        self.call = call
        self.request = request
        self._proxy = proxy

    async def pass_on(self) -> web.StreamResponse:
        """Ask the API server; what it answers is not yet on its way to the client, unless it is a watch."""
        return await self._proxy.pass_on(self)

    def reset(self) -> web.Response:
        """End the connection without an answer."""
        if self.request.transport is not None:
            self.request.transport.abort()
        return web.Response()


Fault = Callable[[Exchange], Awaitable[web.StreamResponse]]
"""Answers a request in the place of the API server, or together with it."""


@dataclass(eq=False)
class _Planned:
    fault: Fault
    match: dict[str, object]
    skip: int
    times: float


@dataclass(eq=False)
class _Loss:
    kind: str
    match: dict[str, object]
    skip: int


@dataclass(eq=False)
class _Watch:
    call: ApiCall
    response: web.StreamResponse
    request: web.Request


class FaultProxy:
    """A context manager. Calls are matched by attributes of `ApiCall`: ``verb="create", resource="jobs"``, ``writes=True``.

    `calls` are those that arrived, in order, whatever became of them.
    """

    def __init__(self, upstream: Access) -> None:
        self.upstream = upstream
        self.calls: list[ApiCall] = []
        self._planned: list[_Planned] = []
        self._lost: list[_Loss] = []
        self._watches: list[_Watch] = []
        self._changed = threading.Condition()
        self._background = BackgroundLoop()

    def __enter__(self) -> "FaultProxy":
        self._background.__enter__()
        self.url = self._background.run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._background.run(self._stop())
        self._background.__exit__()

    @property
    def access(self) -> Access:
        """The identity of `upstream` by way of this proxy."""
        return self.upstream.through(self.url)

    def fail(self, fault: Fault, *, skip: int = 0, times: float = 1, **match: object) -> None:
        """Of the calls that match, let `skip` pass, and give the next `times` to the fault."""
        self._planned.append(_Planned(fault, match, skip, times))

    @contextmanager
    def failing(self, fault: Fault, **match: object) -> Iterator[None]:
        """Every call that matches goes to the fault, in the body of the statement."""
        planned = _Planned(fault, match, 0, float("inf"))
        self._planned.append(planned)
        try:
            yield
        finally:
            self._planned.remove(planned)

    def count(self, **match: object) -> int:
        return sum(call.matches(**match) for call in self.calls)

    def wait_for(self, count: int = 1, **match: object) -> None:
        """Until that many calls that match have arrived since the proxy began."""
        self.wait_until(lambda: self.count(**match) >= count)

    def wait_until(self, condition: Callable[[], bool], seconds: float = 30) -> None:
        """Until it is true of the calls that have arrived or of the watches that are open.

        Raises:
            TimeoutError: it is not, with the calls.
        """
        with self._changed:
            if not self._changed.wait_for(condition, seconds):
                raise TimeoutError(
                    f"not so after {seconds:g} s, with {self.watches()} watches and the calls {self.calls}"
                )

    def watches(self, **match: object) -> int:
        """How many watches are open now."""
        return len(self._open(match))

    def forgive(self) -> None:
        """No fault that was planned, and no loss, happens any more."""
        self._planned.clear()
        self._lost.clear()

    def lose_event(self, kind: str, *, skip: int = 0, **match: object) -> None:
        """After `skip` of them the next event of this kind (ADDED, MODIFIED, DELETED, BOOKMARK) never arrives in the first watch that would have had it."""
        self._lost.append(_Loss(kind, match, skip))

    def send_error(self, code: int, **match: object) -> int:
        """Put an ERROR event into the open watches, which stay open; how many there were."""
        event = {"type": "ERROR", "object": failure(code)}
        return self._background.run(self._send(json.dumps(event).encode() + b"\n", match))

    def reset_watches(self, **match: object) -> int:
        """End the connections of the open watches; how many there were."""
        return self._background.run(self._reset(match))

    async def _start(self) -> str:
        self._connector = aiohttp.TCPConnector(limit=0, ssl=self.upstream.ssl_context())
        forever = aiohttp.ClientTimeout(total=None, sock_connect=10)
        self._session = aiohttp.ClientSession(
            connector=self._connector,
            timeout=forever,
            read_bufsize=LONGEST_EVENT,
            auto_decompress=False,
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        )
        server = web.Server(self._handle, access_log=None, handler_cancellation=True)
        self._runner = web.ServerRunner(server, shutdown_timeout=0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _stop(self) -> None:
        await self._runner.cleanup()
        await self._connector.close(abort_ssl=True)  # a farewell would take longer than the loop runs
        await self._session.close()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        call = ApiCall.of(request.method, request.path, request.query)
        fault = self._fault(call)
        self.calls.append(call)
        self._notify()
        exchange = Exchange(self, request, call)
        try:
            return await fault(exchange)
        except aiohttp.ClientError:  # the API server is not there, or went away
            return exchange.reset()

    def _fault(self, call: ApiCall) -> Fault:
        for planned in self._planned:
            if planned.times and call.matches(**planned.match):
                if planned.skip:
                    planned.skip -= 1
                else:
                    planned.times -= 1
                    return planned.fault
        return Exchange.pass_on

    async def pass_on(self, exchange: Exchange) -> web.StreamResponse:
        request = exchange.request
        headers = {name: value for name, value in request.headers.items() if name.lower() not in NOT_PASSED_ON}
        url = URL(self.upstream.server + request.raw_path, encoded=True)
        sent = await request.content.read()
        body = io.BytesIO(sent) if sent else None  # aiohttp warns of long bytes
        async with self._session.request(request.method, url, headers=headers, data=body) as answer:
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in NOT_PASSED_ON}
            if exchange.call.verb == "watch" and answer.status == 200:
                return await self._relay(exchange, answer, kept)
            return web.Response(status=answer.status, headers=kept, body=await answer.read())

    async def _relay(
        self, exchange: Exchange, answer: aiohttp.ClientResponse, headers: dict[str, str]
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers=headers)
        await response.prepare(exchange.request)
        watch = _Watch(exchange.call, response, exchange.request)
        self._watches.append(watch)
        self._notify()
        try:
            async for line in answer.content:
                if not self._loses(exchange.call, line):
                    await response.write(line)
        finally:
            self._watches.remove(watch)
            self._notify()
        return response

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _loses(self, call: ApiCall, line: bytes) -> bool:
        for lost in self._lost:
            if call.matches(**lost.match) and json.loads(line)["type"] == lost.kind:
                if lost.skip:
                    lost.skip -= 1
                else:
                    self._lost.remove(lost)
                    return True
        return False

    def _open(self, match: dict[str, object]) -> list[_Watch]:
        return [watch for watch in self._watches if watch.call.matches(**match)]

    async def _send(self, line: bytes, match: dict[str, object]) -> int:
        watches = self._open(match)
        for watch in watches:
            await watch.response.write(line)
        return len(watches)

    async def _reset(self, match: dict[str, object]) -> int:
        watches = self._open(match)
        for watch in watches:
            if watch.request.transport is not None:
                watch.request.transport.abort()
        return len(watches)


def failure(code: int) -> dict[str, object]:
    """The object that the API server answers with when it refuses."""
    message = f"the fault proxy says {code}"
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return status | {"reason": REASONS.get(code, "InternalError"), "code": code, "message": message}
