"""REST: a service's routes, with health, metrics and errors as every service has them; the one module that imports FastAPI."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, FastAPI, Header, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from tidewright.serving.asgi import problem_body
from tidewright.serving.failures import Failure, Kind, internal
from tidewright.serving.health import Health
from tidewright.serving.metrics import CONTENT_TYPE, Metrics
from tidewright.serving.requests import Account

__all__ = ["Header", "Query", "Request", "Response", "Router", "application"]

Router = APIRouter
"""What a service registers its routes with: ``@router.get("/signal")`` on coroutines with typed arguments and answers."""

_PROBLEM = "application/problem+json"
_SCHEMA = {
    "type": "object",
    "properties": {
        **{name: {"type": "string"} for name in ("type", "title", "detail", "instance", "code", "requestId")},
        "status": {"type": "integer"},
    },
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    "default": {"description": "Why not (RFC 9457)", "content": {_PROBLEM: {"schema": _SCHEMA}}}
}


def application(title: str, version: str, router: Router, health: Health, metrics: Metrics) -> FastAPI:
    """The routes with their OpenAPI document at ``/openapi.json``; no page of documentation, which would load its scripts from elsewhere."""
    app = FastAPI(title=title, version=version, docs_url=None, redoc_url=None, responses=_RESPONSES)
    app.include_router(router)
    _add_probes(app, health, metrics)
    for kind, explained in (
        (Failure, _as_it_is),
        (RequestValidationError, _invalid),
        (HTTPException, _http),
        (Exception, _unforeseen),
    ):
        app.add_exception_handler(kind, _answered(explained))
    return app


def _add_probes(app: FastAPI, health: Health, metrics: Metrics) -> None:
    async def alive() -> dict[str, str]:
        return {"status": "alive"}

    async def ready() -> JSONResponse:
        reason = health.reason
        return JSONResponse({"ready": not reason, "reason": reason}, 503 if reason else 200)

    async def figures() -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    for path, probe in {"/healthz": alive, "/readyz": ready, "/health": ready, "/metrics": figures}.items():
        app.add_api_route(path, probe, include_in_schema=False)


def _answered(explained: Callable[[Any, str], Failure]) -> Callable[[Request, Exception], Awaitable[JSONResponse]]:
    async def handler(request: Request, error: Exception) -> JSONResponse:
        account: Account | None = getattr(request.state, "account", None)  # a probe has none
        failure = explained(error, account.id if account else "")
        if account:
            account.detail = failure.detail
        body = problem_body(failure, account.id if account else "", request.url.path)
        later = {"retry-after": "1"} if failure.kind.http == 503 else None
        return JSONResponse(body, failure.kind.http, later, media_type=_PROBLEM)

    return handler


def _as_it_is(error: Failure, _: str) -> Failure:
    return error


def _invalid(error: RequestValidationError, _: str) -> Failure:
    """Every argument that cannot be used, with its value."""
    told = [
        f"{'.'.join(map(str, problem['loc'][1:]))}: {str(problem.get('input'))[:80]!r}: {problem['msg']}"
        for problem in error.errors()
    ]
    return Failure(Kind.INVALID, "; ".join(told))


def _http(error: HTTPException, _: str) -> Failure:
    kinds = {404: Kind.NOT_FOUND, 405: Kind.NOT_ALLOWED}
    return Failure(kinds.get(error.status_code, Kind.INVALID), f"{error.detail}; GET /openapi.json lists what there is")


def _unforeseen(_: Exception, request_id: str) -> Failure:
    return internal(request_id)
