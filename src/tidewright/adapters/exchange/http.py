"""HTTP GET that gives up late and politely. The one module that imports httpx.

What may pass (a broken connection, a time-out, 429, 5xx) is tried again after a pause that doubles and is drawn at random, or for as
long as the server asks; a download goes on where it stopped. Attempts are bounded for each request and for all of them.
"""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self, TypeVar
from urllib.parse import urlencode

import httpx

from tidewright.domain.backoff import pause_after

_T = TypeVar("_T")

_LARGEST_ANSWER = 1 << 24
_QUOTED = 120
_FOR_THE_CALLER = {httpx.codes.NOT_FOUND, httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE}
_PASSING = {408, 418, 425, 429, *range(500, 600)}
"""418 is how Binance says that 429 was not heeded."""


class Unavailable(RuntimeError):
    """A server did not answer, however often it was asked; the message names the address and the last reason."""


class Rejected(ValueError):
    """A server answered with something that asking again does not change; `status` is that of HTTP, `body` the start of the answer."""

    def __init__(self, message: str, status: int = 200, body: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.body = body


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to try, in seconds: `attempts` for each request, `retries` for all together.

    Pauses are drawn between half and all of ``first_pause * 2**n``, at most `longest_pause`. A server that asks for more than
    `longest_wait` is not waited for. `timeout` is how long nothing may arrive, `deadline` how long one attempt may take.
    """

    attempts: int = 6
    retries: int = 60
    first_pause: float = 0.5
    longest_pause: float = 30.0
    longest_wait: float = 300.0
    timeout: float = 20.0
    deadline: float = 900.0

    def pause(self, attempt: int, drawn: float) -> float:
        """How long to wait after attempt number `attempt`, from 0; `drawn` is a random number in 0..1."""
        return pause_after(attempt + 1, self.first_pause, self.longest_pause, drawn)


@dataclass(frozen=True, slots=True)
class Pace:
    """The clock that pauses are measured by, how one is waited for, and what draws it."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    draw: Callable[[], float] = random.random


class _Passing(Exception):
    """An answer that may be another one soon; `wait` is what the server asks for."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


class Http:
    """A client for one run, as an asynchronous context manager; its requests share connections, retries and the servers' wish to be left alone.

    `told` is given the headers of every answer.
    """

    def __init__(
        self,
        connections: int = 4,
        patience: Patience | None = None,
        pace: Pace | None = None,
        told: Callable[[Mapping[str, str]], None] = lambda headers: None,
    ) -> None:
        self._patience = patience or Patience()
        self._pace = pace or Pace()
        self._told = told
        self._retries_left = self._patience.retries
        self._held_off_until = 0.0
        self._client = httpx.AsyncClient(
            headers={"Accept-Encoding": "identity", "User-Agent": "tidewright"},
            timeout=httpx.Timeout(self._patience.timeout, pool=None),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def body(self, url: str, largest: int = _LARGEST_ANSWER) -> bytes | None:
        """The answer, or None where there is nothing (404). Raises Unavailable, and Rejected for a longer answer too."""

        async def once() -> bytes | None:
            async with self._answer(url) as response:
                if response.status_code == httpx.codes.NOT_FOUND:
                    return None
                content = bytearray()
                async for chunk in response.aiter_raw():
                    content += chunk
                    _hold_to(largest, len(content), url)
                return bytes(content)

        return await self._tried(url, once)

    async def json(self, url: str, parameters: Mapping[str, str | int]) -> Any:  # noqa: ANN401 - whatever the server says
        """The answer as JSON. Raises Unavailable and Rejected; 404 is a rejection here."""
        address = f"{url}?{urlencode(parameters)}" if parameters else url
        content = await self.body(address)
        if content is None:
            raise Rejected(f"{address} is not there (404)", 404)
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            raise Rejected(f"{address} answers with something else than JSON: {_excerpt(content)}") from error

    async def download(self, url: str, path: Path, largest: int) -> bool:
        """Appends to the file what it lacks, from where an earlier attempt or run stopped; False where there is nothing (404).

        What is in the file at the end is for the caller to verify. Raises Unavailable and Rejected; when the disk refuses, the file is removed.
        """

        async def once() -> bool:
            have = path.stat().st_size if path.exists() else 0
            async with self._answer(url, {"Range": f"bytes={have}-"} if have else {}) as response:
                if response.status_code == httpx.codes.NOT_FOUND:
                    return False
                if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                    path.unlink(missing_ok=True)
                    raise _Passing("it has less than what was downloaded before")
                await _received(response, path, have, largest, url)
            return True

        return await self._tried(url, once)

    @asynccontextmanager
    async def _answer(self, url: str, headers: Mapping[str, str] | None = None) -> AsyncIterator[httpx.Response]:
        async with self._client.stream("GET", url, headers=headers) as response:
            self._told(response.headers)
            status = response.status_code
            if response.is_success or status in _FOR_THE_CALLER:
                yield response
            elif status in _PASSING:
                raise _Passing(f"it answers {status} {response.reason_phrase}".rstrip(), _asked_for(response))
            else:
                await _reject(response, url)

    async def _tried(self, url: str, once: Callable[[], Awaitable[_T]]) -> _T:
        for attempt in range(self._patience.attempts):
            await self._allowed()
            try:
                async with asyncio.timeout(self._patience.deadline):
                    return await once()
            except (TimeoutError, httpx.TimeoutException):
                reason, wait = "nothing arrived in time", 0.0
            except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
                raise Rejected(f"{url} is no address: {error}") from error
            except httpx.TransportError as error:
                reason, wait = str(error) or type(error).__name__, 0.0
            except _Passing as error:
                reason, wait = str(error), error.wait
            if wait > self._patience.longest_wait:
                raise Unavailable(f"{url}: {reason} and asks to wait {wait:,.0f} s; run the same command again then")
            if wait:
                self._held_off_until = max(self._held_off_until, self._pace.now() + wait)
            if attempt + 1 < self._patience.attempts and self._retries_left > 0:
                self._retries_left -= 1
                await self._pace.sleep(max(wait, self._patience.pause(attempt, self._pace.draw())))
            else:
                break
        raise Unavailable(f"{url}: {reason}, at attempt {attempt + 1}")

    async def _allowed(self) -> None:
        """Holds every request back while the server has asked for it, not only the one that it told."""
        while (rest := self._held_off_until - self._pace.now()) > 0:
            await self._pace.sleep(rest)


async def _received(response: httpx.Response, path: Path, have: int, largest: int, url: str) -> None:
    goes_on = response.status_code == httpx.codes.PARTIAL_CONTENT
    if goes_on and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
        path.unlink()
        raise _Passing("it sends another part than was asked for")
    size = have if goes_on else 0
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("ab" if goes_on else "wb") as file:
            async for chunk in response.aiter_raw():
                size += len(chunk)
                _hold_to(largest, size, url)
                file.write(chunk)
    except (OSError, Rejected):
        path.unlink(missing_ok=True)
        raise


def _hold_to(largest: int, size: int, url: str) -> None:
    if size > largest:
        raise Rejected(f"{url} is larger than {largest:,} bytes, which nothing of its kind is")


def _asked_for(response: httpx.Response) -> float:
    """Seconds in Retry-After; a moment is taken relative to the server's own clock."""
    asked = response.headers.get("Retry-After", "").strip()
    if asked.isdecimal():
        return float(asked)
    until, now = _moment(asked), _moment(response.headers.get("Date", ""))
    return max((until - now).total_seconds(), 0.0) if until and now else 0.0


def _moment(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text).replace(tzinfo=UTC)
    except ValueError:
        return None


async def _reject(response: httpx.Response, url: str) -> NoReturn:
    body = b""
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > _QUOTED:
            break
    where = f" to {response.headers['Location']}" if response.has_redirect_location else ""
    message = f"{url} answers {response.status_code} {response.reason_phrase}".rstrip() + where
    raise Rejected(
        f"{message}: {_excerpt(body)}" if body else message, response.status_code, body.decode(errors="replace")
    )


def _excerpt(content: bytes) -> str:
    text = " ".join(content[:_QUOTED].decode(errors="replace").split())
    return repr(text + ("..." if len(content) > _QUOTED else ""))
