"""What a service is to its host."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tidewright.serving.rest import Router
from tidewright.serving.rpc import Servicer


async def _nothing() -> None:
    """Work that is never done."""
    await asyncio.Event().wait()


@dataclass(frozen=True)
class Service:
    """A use case with its two faces.

    `number` gives its default ports, 8000 and 9000 more. `problem` says why it is not ready, and nothing when it is. `work` runs beside the servers, and is cancelled when they have
    stopped; where it raises, the process ends. `stop` is called when requests are refused from then on: open streams must end.
    """

    name: str
    number: int
    title: str
    router: Router
    servicers: tuple[Servicer, ...]
    problem: Callable[[], str] = str
    work: Callable[[], Awaitable[None]] = _nothing
    stop: Callable[[], None] = lambda: None
