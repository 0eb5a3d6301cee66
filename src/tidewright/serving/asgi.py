"""The way of an HTTP request to a service's routes and back, in plain ASGI."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from tidewright.serving.failures import Failure, Kind, internal
from tidewright.serving.limits import Limits
from tidewright.serving.metrics import Metrics
from tidewright.serving.requests import Account, accounted

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

REQUEST_ID = "x-request-id"
PROBES = frozenset({"/health", "/healthz", "/readyz", "/metrics"})
"""What a kubelet and Prometheus ask: never queued, never logged, and without a certificate, for they have none."""


def problem_body(failure: Failure, request: str, path: str) -> dict[str, Any]:
    """RFC 9457."""
    return {
        "type": "about:blank",
        "title": failure.kind.title,
        "status": failure.kind.http,
        "detail": failure.detail,
        "instance": path,
        "code": failure.kind.grpc,
        "requestId": request,
    }


class Gate:
    """Lets requests through to `app` within the limits, and answers for it where they cannot be served."""

    def __init__(self, app: App, limits: Limits, metrics: Metrics, max_body: int, *, mutual: bool) -> None:
        self._app = app
        self._limits = limits
        self._metrics = metrics
        self._max_body = max_body
        self._mutual = mutual

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in PROBES:
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        given = headers.get(REQUEST_ID.encode(), b"").decode("latin-1")
        with accounted(self._metrics, "rest", "unmatched", given) as account:
            scope["state"]["account"] = account
            answer = _Answer(send, account)
            try:
                self._refuse_strangers(scope)
                async with self._limits.request():
                    body = await self._body(headers, receive)
                    await self._app(scope, _replayed(body, receive), answer)
            except Failure as failure:
                account.detail = failure.detail
                await answer.problem(failure, scope["path"])
            except Exception as error:  # whatever it was, the caller gets an answer and the log a traceback
                account.failed = error
                await answer.problem(internal(account.id), scope["path"])
            finally:
                account.code = str(answer.status or "disconnected")
                if "route" in scope:
                    account.method = f"{scope['method']} {scope['route'].path}"

    def _refuse_strangers(self, scope: Scope) -> None:
        if self._mutual and not scope["state"].get("peer"):
            raise Failure(Kind.FORBIDDEN, "this service asks for a client certificate; show one of its authority's")

    async def _body(self, headers: dict[bytes, bytes], receive: Receive) -> bytes:
        declared = headers.get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > self._max_body:
            raise self._too_large()
        parts: list[bytes] = []
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                break
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._max_body:
                raise self._too_large()
            more = message.get("more_body", False)
        return b"".join(parts)

    def _too_large(self) -> Failure:
        return Failure(Kind.TOO_LARGE, f"the body is larger than {self._max_body:,} bytes; send less at a time")


class _Answer:
    """Sends on what the application answers, notes the status and adds the request's id."""

    def __init__(self, send: Send, account: Account) -> None:
        self.status = 0
        self._send = send
        self._account = account

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), (REQUEST_ID.encode(), self._account.id.encode())]
        await self._send(message)

    async def problem(self, failure: Failure, path: str) -> None:
        if self.status:
            return
        body = json.dumps(problem_body(failure, self._account.id, path)).encode()
        headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]
        if failure.kind.http == 503:
            headers.append((b"retry-after", b"1"))
        await self({"type": "http.response.start", "status": failure.kind.http, "headers": headers})
        await self({"type": "http.response.body", "body": body})


def _replayed(body: bytes, receive: Receive) -> Receive:
    """`receive` as if the body, which was read already, came in one piece."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
