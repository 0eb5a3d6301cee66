"""How far long work is, on Redis or in this process."""

import asyncio
import json
import math
import time
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Protocol

from tidewright.adapters.redis_server import RedisOptions, RedisServer, ServerError
from tidewright.ports import StreamUnavailable, ToldProgress

_REMEMBERED = 3_600
"""Seconds after which progress is forgotten that nobody has told again."""

_MOST = 10_000
_LONGEST = 8_192
"""Bytes of what is told; there may be more at that place only where somebody else has written it."""

_SLOW = 0.1
_TROUBLES = (StreamUnavailable, ServerError, OSError, ValueError, TypeError)

Details = Mapping[str, Any]

HASTY = RedisOptions(connections=4, connect_timeout=0.5, timeout=0.5, patience=0.2)
"""Nobody waits for progress."""


class RedisProgress:
    """`ProgressBoard` on the server at a URL. Raises UrlRefused; an answer takes a second at most."""

    def __init__(self, url: str, options: RedisOptions = HASTY) -> None:
        self._server = RedisServer(url, options)

    async def tell(self, key: str, percent: float, eta_seconds: float | None, details: Details | None = None) -> None:
        told = [percent, eta_seconds] if details is None else [percent, eta_seconds, details]
        with suppress(*_TROUBLES):
            async with asyncio.timeout(1.0):
                await self._server.ask("SET", _key(key), json.dumps(told), "EX", _REMEMBERED)

    async def ask(self, key: str) -> ToldProgress | None:
        with suppress(*_TROUBLES):
            async with asyncio.timeout(1.0):
                told = await self._server.ask("GET", _key(key))
                return None if told is None else _read(told)
        return None

    async def close(self) -> None:
        """Let go of all connections."""
        await self._server.close()


class MemoryProgress:
    """`ProgressBoard` of this process; of many keys the ones told last are remembered."""

    def __init__(self) -> None:
        self._told: OrderedDict[str, ToldProgress] = OrderedDict()

    async def tell(self, key: str, percent: float, eta_seconds: float | None, details: Details | None = None) -> None:
        self._told[key] = ToldProgress(percent, eta_seconds, details)
        self._told.move_to_end(key)
        if len(self._told) > _MOST:
            self._told.popitem(last=False)

    async def ask(self, key: str) -> ToldProgress | None:
        return self._told.get(key)


class TellProgress(Protocol):
    """Tells percents of one piece of work, with what else there is to tell."""

    def __call__(self, percent: float, eta_seconds: float | None = None, details: Details | None = None) -> None: ...


def progress_at(url: str, key: str) -> TellProgress:
    """Tells how far one piece of work is to the server at a URL, for work that is no coroutine. Raises UrlRefused.

    After a server has kept it waiting, it is not asked again: so it costs the work no more than a second in all.
    """
    RedisServer(url)  # refuses what cannot be meant, now
    slow = False

    async def tell_once(percent: float, eta_seconds: float | None, details: Details | None) -> None:
        board = RedisProgress(url)
        await board.tell(key, percent, eta_seconds, details)
        await board.close()

    def tell(percent: float, eta_seconds: float | None = None, details: Details | None = None) -> None:
        nonlocal slow
        if not slow:
            began = time.monotonic()
            asyncio.run(tell_once(percent, eta_seconds, details))
            slow = time.monotonic() - began > _SLOW

    return tell


def _key(key: str) -> str:
    return f"tidewright:progress:{key}"


def _read(told: bytes) -> ToldProgress | None:
    """What was told; None for what nobody of ours has written."""
    if len(told) > _LONGEST:
        return None
    percent, eta, *more = json.loads(told)
    if not all(isinstance(number, int | float) and math.isfinite(number) for number in (percent, eta or 0.0)):
        return None
    details = more[0] if len(more) == 1 and isinstance(more[0], dict) else None
    return ToldProgress(float(percent), None if eta is None else float(eta), details)
