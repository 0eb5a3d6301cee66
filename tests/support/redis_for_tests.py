"""A Redis for the tests of a process: the one that TIDEWRIGHT_TEST_REDIS names, or an embedded one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tidewright.adapters.embedded_redis import EmbeddedRedis


@contextmanager
def redis_for_tests() -> Iterator[str]:
    """Its URL. It is not emptied: every test uses topics of its own."""
    if given := os.environ.get("TIDEWRIGHT_TEST_REDIS"):
        yield given
        return
    with TemporaryDirectory(prefix="redis-") as folder, EmbeddedRedis(Path(folder)) as server:
        yield server.url
