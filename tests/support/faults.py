"""What can go wrong on the way to the API server: faults for `FaultProxy`."""

import asyncio
from collections.abc import Callable

from aiohttp import web
from api_call import ApiCall
from fault_proxy import Exchange, Fault, failure


def status(code: int, retry_after: int | None = None) -> Fault:
    """The API server refuses: 403, 404, 410, 429, 503..."""

    async def fault(_: Exchange) -> web.Response:
        headers = {"Retry-After": str(retry_after)} if retry_after is not None else None
        return web.json_response(failure(code), status=code, headers=headers)

    return fault


async def reset(exchange: Exchange) -> web.StreamResponse:
    """The connection ends before the request arrives."""
    return exchange.reset()


async def lost_answer(exchange: Exchange) -> web.StreamResponse:
    """The request arrives, and the connection ends before the answer does."""
    await exchange.pass_on()
    return exchange.reset()


async def stall(exchange: Exchange) -> web.StreamResponse:
    """No answer, for as long as the client waits."""
    await asyncio.Event().wait()
    return exchange.reset()


async def silence(exchange: Exchange) -> web.StreamResponse:
    """A watch that opens as any other, and then tells nothing, for as long as the client waits."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(exchange.request)
    await asyncio.Event().wait()
    return response


def delay(seconds: float) -> Fault:
    """The answer comes late."""

    async def fault(exchange: Exchange) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return await exchange.pass_on()

    return fault


def killed_before(kill: Callable[[], object]) -> Fault:
    """The client dies by `kill` before its request arrives."""

    async def fault(exchange: Exchange) -> web.StreamResponse:
        await asyncio.to_thread(kill)
        return exchange.reset()

    return fault


def killed_after(kill: Callable[[], object]) -> Fault:
    """The request arrives, and the client dies by `kill` before it hears so."""

    async def fault(exchange: Exchange) -> web.StreamResponse:
        await exchange.pass_on()
        await asyncio.to_thread(kill)
        return exchange.reset()

    return fault


def noticed(hook: Callable[[ApiCall], object]) -> Fault:
    """No fault: `hook` is called, and then the request goes its way."""

    async def fault(exchange: Exchange) -> web.StreamResponse:
        await asyncio.to_thread(hook, exchange.call)
        return await exchange.pass_on()

    return fault
