"""An event loop whose clock runs only while everything waits, and then at once to the next thing to happen."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class VirtualLoop(asyncio.SelectorEventLoop):
    """For coroutines that wait for nothing but each other and the time, by pauses that floats have exactly."""

    def __init__(self) -> None:
        super().__init__(_Leaping())

    def time(self) -> float:
        return self._selector.now


class _Leaping(selectors.DefaultSelector):
    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise RuntimeError("everything waits, and nothing is going to happen")
        self.now += max(timeout, 0.0)
        return super().select(0)


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """As `asyncio.run`, on a `VirtualLoop`."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
