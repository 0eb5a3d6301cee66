"""How far workers are, as they tell it themselves: looked up beside the work on the resources, which never waits for it."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tidewright.ports import ProgressBoard, ToldProgress
from tidewright_operator.clock import now, written

log = logging.getLogger(__name__)

ROUND = 5.0
"""Seconds between two looks."""

MOST = 1_000
"""Pieces of work that are looked at; beyond, the one that was asked for least recently is not."""

_AT_A_TIME = 16


@dataclass(frozen=True, slots=True)
class Told:
    """Percent, when the work is likely to be done, where that was told, and what its kind has to tell beside; nobody vouches for any of it."""

    percent: int
    eta: str | None = None
    details: Mapping[str, Any] | None = None


class ProgressWatch:
    """What was told last, by key. A key is looked at once somebody has asked for it; `changed` hears the kind, namespace and name of whose there is something new."""

    def __init__(
        self,
        board: ProgressBoard | None = None,
        changed: Callable[[str, str, str], None] = lambda kind, namespace, name: None,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._board, self._changed, self._now = board, changed, clock
        self._watched: OrderedDict[str, tuple[str, str, str]] = OrderedDict()
        self._told: dict[str, Told] = {}

    def of(self, key: str, kind: str, namespace: str, name: str) -> Told | None:
        """What is known of the work on a resource, at once."""
        if self._board is not None:
            self._watched[key] = kind, namespace, name
            self._watched.move_to_end(key)
            if len(self._watched) > MOST:
                self.forget(next(iter(self._watched)))
        return self._told.get(key)

    def forget(self, key: str) -> None:
        """The work has ended."""
        self._watched.pop(key, None)
        self._told.pop(key, None)

    async def run(self) -> None:
        """Look, again and again, until cancelled."""
        while self._board is not None:
            await self.look(self._board)
            await asyncio.sleep(ROUND)

    async def look(self, board: ProgressBoard) -> None:
        """One look at everything that is watched."""
        keys = list(self._watched)
        for first in range(0, len(keys), _AT_A_TIME):
            part = keys[first : first + _AT_A_TIME]
            for key, found in zip(part, await asyncio.gather(*map(board.ask, part)), strict=True):
                if found is not None:
                    self._hear(key, found)

    def _hear(self, key: str, found: ToldProgress) -> None:
        before, whole, eta = self._told.get(key), min(max(int(found.percent), 0), 100), found.eta_seconds
        if key in self._watched and (before is None or (before.percent, before.details) != (whole, found.details)):
            until = None if eta is None else written(self._now() + timedelta(seconds=min(max(eta, 0.0), 10**8)))
            self._told[key] = Told(whole, until, found.details)
            self._changed(*self._watched[key])


def board_at(url: str) -> ProgressBoard | None:
    """The board of the Redis at a URL; None where there is none, or no such URL, which is logged."""
    if not url:
        return None
    try:
        from tidewright.adapters.progress_board import RedisProgress  # noqa: PLC0415 - redis, which an operator may do without

        return RedisProgress(url)
    except (ImportError, ValueError) as error:
        log.warning("nobody is asked how far workers are: %s", error)
        return None
