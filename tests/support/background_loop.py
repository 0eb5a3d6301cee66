"""An event loop in a thread of its own, for servers beside tests that are no coroutines."""

import asyncio
import threading
from collections.abc import Coroutine, Iterable
from typing import TypeVar

Result = TypeVar("Result")


class BackgroundLoop:
    """A context manager; what still runs in the loop at its end is cancelled, and what is still connected is cut off."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._loop = self._runner.get_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> "BackgroundLoop":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self._cut_off())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._runner.close()

    def run(self, coroutine: Coroutine[object, object, Result]) -> Result:
        """The result of a coroutine in the loop, from another thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _cut_off(self) -> None:
        """A client that is cancelled while it dials, or says goodbye to a server that has gone, leaves its connection to the loop, which knows it by this alone."""
        left: Iterable[asyncio.Transport] = getattr(self._loop, "_transports", {}).values()
        for transport in list(left):
            transport.abort()
        await asyncio.sleep(0)
