"""Streams by their URL."""

from typing import Protocol

from tidewright.adapters.file_url import UrlRefused
from tidewright.adapters.memory_streams import MemoryStreams
from tidewright.ports import StreamAdmin, Streams


class AdministeredStreams(Streams, StreamAdmin, Protocol):
    """Streams, and the means to look after them."""


def streams_at(url: str) -> AdministeredStreams:
    """Those of a server at ``redis://``, ``rediss://`` or ``unix://``; ``memory:`` is streams of this process that nobody else sees.

    Raises UrlRefused.
    """
    if url == "memory:":
        return MemoryStreams()
    if not url.startswith(("redis://", "rediss://", "unix://")):
        raise UrlRefused(
            f"{url.partition(':')[0][:20] + ':'!r} names no streams; write redis://HOST:6379/0, or memory: for this process alone"
        )
    from tidewright.adapters.redis_streams import RedisStreams  # noqa: PLC0415 - an extra, and slow to import

    return RedisStreams(url)
