"""Past bars that are asked for beside live work: within the budget, and never with all of it."""

from data_collector.budget import Budget
from tidewright.adapters.exchange.source import BarSource
from tidewright.domain.bars import Bars
from tidewright.ports import Stretch

_SHARE = 0.5
"""Of the weight of a minute; the rest is for gaps in what is live."""


class SparingSource:
    """A `BarSource` that pays for its requests out of a budget; `weight` is that of a request for bars."""

    def __init__(self, source: BarSource, budget: Budget, weight: int) -> None:
        self.name = source.name
        self.longest = source.longest
        self.proves_absence = source.proves_absence
        self._source = source
        self._budget = budget
        self._weight = weight

    async def now(self) -> int:
        await self._budget.spend(1, _SHARE)
        return await self._source.now()

    async def first(self, start: int) -> int | None:
        await self._budget.spend(self._weight, _SHARE)
        return await self._source.first(start)

    async def bars(self, window: Stretch) -> Bars:
        await self._budget.spend(self._weight, _SHARE)
        return await self._source.bars(window)
