"""Clocks: the system's, and one that runs through the past faster."""

import asyncio
import time


class SystemClock:
    """A `Clock` that is the system's."""

    def now(self) -> int:
        return time.time_ns() // 1_000_000

    async def sleep(self, milliseconds: int) -> None:
        await asyncio.sleep(milliseconds / 1_000)


class ReplayClock:
    """A `Clock` that starts at `start` (milliseconds) and runs `speed` times as fast as time does: fed by a store, it replays what is stored."""

    def __init__(self, start: int, speed: float) -> None:
        self._start = start
        self._speed = speed
        self._began = time.monotonic()

    def now(self) -> int:
        return self._start + round((time.monotonic() - self._began) * self._speed * 1_000)

    async def sleep(self, milliseconds: int) -> None:
        await asyncio.sleep(milliseconds / 1_000 / self._speed)
