"""A queue of keys to reconcile: each at most once at a time, failures later and later, and never more than there is room for.

The rules are those of client-go's work queue: a key that is added while it is worked on is worked on once more afterwards; one that is added twice before that, once.
"""

import asyncio
import heapq
from collections.abc import Callable, Hashable, Sized
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

FIRST_DELAY = 0.25
LONGEST_DELAY = 300.0
"""Seconds between the attempts at a key that fails, doubling from the first to the longest."""


@dataclass(order=True)
class _Later(Generic[Key]):
    due: float
    number: int
    key: Key = field(compare=False)


class WorkQueue(Generic[Key]):
    """Keys to work on; `clock` gives monotonic seconds. Of keys to work on now, and of keys for later, there are at most `room`: the next re-list brings again what was not added, and `dropped` counts it."""

    def __init__(self, clock: Callable[[], float], room: int = 100_000) -> None:
        self._clock, self._room = clock, room
        self._ready: asyncio.Queue[Key] = asyncio.Queue()
        self._waiting: set[Key] = set()
        self._working: set[Key] = set()
        self._again: set[Key] = set()
        self._later: list[_Later[Key]] = []
        self._soonest: dict[Key, float] = {}
        self._failures: dict[Key, int] = {}
        self._number = 0
        self._wake = asyncio.Event()
        self.dropped = 0

    def __len__(self) -> int:
        """Keys that could be worked on now."""
        return len(self._waiting) + len(self._again)

    def add(self, key: Key) -> None:
        """Have `key` worked on as soon as possible."""
        if key in self._working:
            self._again.add(key)
        elif key not in self._waiting and self._has_room(self._waiting):
            self._waiting.add(key)
            self._ready.put_nowait(key)

    def add_after(self, key: Key, delay: float) -> None:
        """Have `key` worked on after `delay` seconds; an earlier date that it has already stands."""
        due = self._clock() + delay
        if due >= self._soonest.get(key, float("inf")) or not (key in self._soonest or self._has_room(self._soonest)):
            return
        self._soonest[key] = due
        self._number += 1
        heapq.heappush(self._later, _Later(due, self._number, key))
        self._wake.set()

    def add_failed(self, key: Key, at_least: float = 0.0) -> float:
        """Have `key` tried again, later than last time and not before `at_least` seconds; returns after how many."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay = max(min(FIRST_DELAY * 2.0 ** min(failures, 30), LONGEST_DELAY), at_least)
        self.add_after(key, delay)
        return delay

    def forget(self, key: Key) -> None:
        """The key succeeded: its next failure is its first."""
        self._failures.pop(key, None)

    async def get(self) -> Key:
        """The next key, which is then being worked on until `done`."""
        key = await self._ready.get()
        self._waiting.discard(key)
        self._working.add(key)
        return key

    def done(self, key: Key) -> None:
        """The work on `key` has ended, one way or the other."""
        self._working.discard(key)
        if key in self._again:
            self._again.discard(key)
            self._waiting.add(key)
            self._ready.put_nowait(key)

    def _has_room(self, keys: Sized) -> bool:
        if len(keys) < self._room:
            return True
        self.dropped += 1
        return False

    async def run(self) -> None:
        """Move keys whose time has come to those that are ready; never returns."""
        while True:
            now = self._clock()
            while self._later and self._later[0].due <= now:
                later = heapq.heappop(self._later)
                if self._soonest.get(later.key) == later.due:
                    del self._soonest[later.key]
                    self.add(later.key)
            self._wake.clear()
            pause = self._later[0].due - now if self._later else None
            try:
                await asyncio.wait_for(self._wake.wait(), pause)
            except TimeoutError:
                continue
