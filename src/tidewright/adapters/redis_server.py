"""A Redis server: connections within limits, time-outs, repetitions, and what its errors mean; the one module that imports redis."""

import asyncio
import random
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha1
from pathlib import Path
from typing import Any, TypeAlias, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider
from redis.exceptions import AuthenticationError, RedisError, ResponseError

from tidewright.adapters.file_url import UrlRefused
from tidewright.ports import StreamUnavailable

Word: TypeAlias = str | bytes | int | float
Reply: TypeAlias = Any
"""What a server answers, as the protocol has it: bytes, numbers, None, and lists of these."""

Answer = TypeVar("Answer")

_ATTEMPTS = 5
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0

_PASSING = ("OOM", "LOADING", "READONLY", "MASTERDOWN", "MISCONF", "NOREPLICAS", "TRYAGAIN", "CLUSTERDOWN", "BUSY")
"""What a server says that may say something else a little later."""

_CREDENTIALS = ("NOAUTH", "WRONGPASS", "NOPERM")
_CODES = re.compile(rf"\b({'|'.join((*_PASSING, *_CREDENTIALS, 'NOSCRIPT', 'NOGROUP'))})\b")

_REMEDIES = {
    "OOM": "its memory is full (maxmemory): let consumers catch up, or give it more",
    "MISCONF": "it cannot write its files: see its log, and whether its disk is full",
    "READONLY": "it is a replica, which takes nothing: name the primary",
    "LOADING": "it is reading its files",
}


@dataclass(frozen=True, slots=True)
class RedisOptions:
    """How a server is spoken to; times in seconds.

    At most `connections` commands are under way at a time, and `waiting` reads wait for messages. `patience` is how long a command
    is tried again for, while the server is away. The `password_file` is read for every connection, so that it may change; `ca` is the file
    with the authority that has signed a ``rediss://`` server's certificate.
    """

    connections: int = 16
    waiting: int = 64
    connect_timeout: float = 2.0
    timeout: float = 5.0
    patience: float = 5.0
    password_file: str = ""
    ca: str = ""


class ServerError(Exception):
    """The server has refused a command for a reason of its own; `code` is its word for it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Away(Exception):
    """Nothing came back, or no more than why not now (`code`); another attempt may have an answer. `RedisServer.patiently` makes it."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class Script:
    """Lua that runs on the server, all of it or nothing."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.digest = sha1(text.encode(), usedforsecurity=False).hexdigest()


class RedisServer:
    """The server at a URL: ``redis://``, ``rediss://`` (TLS) or ``unix://``; its query may name options that are texts: ``?ca=/tls/ca.crt``.

    Raises UrlRefused.
    """

    def __init__(self, url: str, options: RedisOptions | None = None) -> None:
        url, named = _split(url)
        options = options or RedisOptions()
        self.options = replace(
            options,
            ca=named.get("ca", options.ca),
            password_file=named.get("password_file", options.password_file),
        )
        self.place = _place(url)
        self.closed = False
        self._commands = self._client(url, self.options.connections)
        self._waits = self._client(url, self.options.waiting)

    async def ask(self, *command: Word) -> Reply:
        """The answer to a command that does no harm twice. Raises StreamUnavailable, and ServerError."""
        return await self.patiently(lambda: self.call(*command))

    async def run(self, script: Script, keys: Sequence[str], arguments: Sequence[Word]) -> Reply:
        """What a script returns that does no harm twice. Raises StreamUnavailable, and ServerError."""
        return await self.patiently(lambda: self.call_script(script, keys, arguments))

    async def patiently(self, work: Callable[[], Awaitable[Answer]]) -> Answer:
        """Do `work`, which does no harm twice, again and again while the server is away, with growing pauses. Raises StreamUnavailable."""
        given_up = 0.0
        for attempt in range(_ATTEMPTS):
            try:
                return await work()
            except Away as error:
                now = time.monotonic()
                given_up = given_up or now + self.options.patience
                pause = min(_FIRST_PAUSE * 2**attempt, _LONGEST_PAUSE) * random.uniform(0.5, 1.5)  # noqa: S311 - spreads clients
                if self.closed or attempt + 1 == _ATTEMPTS or now + pause > given_up:
                    raise StreamUnavailable(f"Redis at {self.place}: {error}") from error
                await asyncio.sleep(pause)
        raise AssertionError

    async def call(self, *command: Word, waits: bool = False) -> Reply:
        """The answer to a command, tried once, within `patiently`; one that waits for messages says so. Raises Away and ServerError."""
        client = self._waits if waits else self._commands
        try:
            if self.closed:
                raise StreamUnavailable(f"the connections to Redis at {self.place} are closed")
            return await _cancellable(client.execute_command(*command))  # type: ignore[no-untyped-call]
        except AuthenticationError as error:
            raise self._credentials(str(error)) from error
        except ResponseError as error:
            raise self._meant(f"{error.status_code or ''} {error}".strip()) from error
        except (RedisError, OSError) as error:
            raise Away(f"no answer: {str(error) or type(error).__name__}") from error

    async def call_script(self, script: Script, keys: Sequence[str], arguments: Sequence[Word]) -> Reply:
        """The same for a script; a server that does not know it, after a restart say, is told it."""
        try:
            return await self.call("EVALSHA", script.digest, len(keys), *keys, *arguments)
        except ServerError as error:
            if error.code != "NOSCRIPT":
                raise
            return await self.call("EVAL", script.text, len(keys), *keys, *arguments)

    async def close(self) -> None:
        """Let go of all connections; what is under way is answered with StreamUnavailable."""
        self.closed = True
        for client in (self._commands, self._waits):
            await client.connection_pool.disconnect(inuse_connections=True)

    def _client(self, url: str, connections: int) -> "Redis":
        options = self.options
        more: dict[str, Any] = {}
        if options.password_file:
            more["credential_provider"] = _PasswordFile(options.password_file, urlsplit(url).username)
        if options.ca and url.startswith("rediss:"):
            more["ssl_ca_certs"] = options.ca
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=connections,
            timeout=options.timeout,
            socket_connect_timeout=options.connect_timeout,
            socket_timeout=options.timeout,
            retry=Retry(NoBackoff(), 0),  # a read that is repeated blindly would pass by what the first one was given
            protocol=2,
            **more,
        )
        client = Redis(connection_pool=pool)
        client.response_callbacks.clear()
        return client

    def _meant(self, message: str) -> Exception:
        """The error that a refusal stands for."""
        found = _CODES.search(message)
        code = found[1] if found else ""
        if code in _CREDENTIALS:
            return self._credentials(message)
        if code in _PASSING:
            return Away(_REMEDIES.get(code, message), code)
        return ServerError(code, message)

    def _credentials(self, message: str) -> StreamUnavailable:
        return StreamUnavailable(
            f"Redis at {self.place} refuses these credentials ({message}); put user and password into the URL, "
            "redis://USER:PASSWORD@HOST:PORT/0"
        )


async def _cancellable(call: Awaitable[Reply]) -> Reply:
    """The client waits by `asyncio.wait_for`, which in Python 3.11 forgets that it was cancelled where the answer comes at the same moment: whoever asks for ever would never end."""
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    reply = await call
    if task and task.cancelling() > before:
        raise asyncio.CancelledError
    return reply


class _PasswordFile(CredentialProvider):
    """The user of a URL, and the password as it is in a file by now."""

    def __init__(self, path: str, user: str | None) -> None:
        self._path, self._user = path, user

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        """Raises OSError."""
        password = Path(self._path).read_text(encoding="utf-8").strip()
        return (unquote(self._user), password) if self._user else (password,)


_NAMED = ("ca", "password_file")


def _split(url: str) -> tuple[str, dict[str, str]]:
    """A URL without its query, and the options in that. Raises UrlRefused."""
    bare, _, query = url.partition("?")
    named = dict(parse_qsl(query, keep_blank_values=True))
    for name in named:
        if name not in _NAMED:
            raise UrlRefused(f"the streams' URL: there is no option {name!r}; there are {' and '.join(_NAMED)}")
    return bare, named


def _place(url: str) -> str:
    """Where the server of a URL is, without its password. Raises UrlRefused."""
    remedy = "write redis://HOST:6379/0, rediss://USER:PASSWORD@HOST:6379/0 or unix:///path/of/socket"
    try:
        parts = parse_url(url)
    except ValueError:  # its message may quote a part of the password
        raise UrlRefused(f"the streams' URL cannot be read; {remedy}") from None
    if "path" in parts:
        return str(parts["path"])
    if not parts.get("host"):
        raise UrlRefused(f"the streams' URL names no host; {remedy}")
    return f"{parts['host']}:{parts.get('port', 6379)}/{parts.get('db', 0)}"
