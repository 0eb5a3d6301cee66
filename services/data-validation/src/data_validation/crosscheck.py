"""Bars held against the trades and the shorter bars that came by the streams; what differs is told in a report and a metric, and nothing is refused for it."""

import hashlib
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import asdict
from typing import Generic, TypeVar

from data_validation.figures import Figures
from data_validation.kinds import Lane, Series
from tidewright.domain.bars import Bars, Market
from tidewright.domain.instant import utc
from tidewright.domain.quality import Difference, TapeBars, shorter_differences
from tidewright.domain.quality.crossing import DIFFERS_FROM_SHORTER, DIFFERS_FROM_TRADES
from tidewright.domain.tape import Tape
from tidewright.domain.timeframe import milliseconds
from tidewright.ports import Archive, StoredReport
from tidewright.serving.logs import logger

_SHORTEST = "1m"
_MARKETS = 1_000
_WAITING = 50

Kept = TypeVar("Kept")


class _ByMarket(Generic[Kept]):
    """Something for each of the markets that were asked for last."""

    def __init__(self, make: Callable[[Market], Kept]) -> None:
        self._make = make
        self._kept: OrderedDict[Market, Kept] = OrderedDict()

    def __getitem__(self, market: Market) -> Kept:
        kept = self._kept.pop(market, None)
        self._kept[market] = kept = self._make(market) if kept is None else kept
        if len(self._kept) > _MARKETS:
            self._kept.popitem(last=False)
        return kept


class Crosscheck:
    """Waits for what a bar is made of, of the last bars of the markets that are busiest; who comes later than that is not judged."""

    def __init__(self, archive: Archive, figures: Figures, now: Callable[[], int]) -> None:
        self._archive = archive
        self._figures = figures
        self._now = now
        self._tapes = _ByMarket(lambda market: TapeBars(market, _WAITING))
        self._minutes = _ByMarket(_bars)
        self._longer = _ByMarket(_bars)

    async def look(self, lane: Lane, series: Series) -> None:
        """Judge what has become known with these rows of a lane. Raises ArchiveUnavailable."""
        market = lane.market._replace(timeframe=_SHORTEST)
        if isinstance(series, Tape):
            self._tapes[market].add(series)
            await self._against_trades(market)
            return
        minutes = lane.market == market
        waiting = self._minutes[market] if minutes else self._longer[market]
        waiting.extend(series.part(row, row + 1) for row in range(max(len(series) - _WAITING, 0), len(series)))
        if minutes and len(series):
            await self._against_trades(market)
            await self._against_minutes(market, int(series.time[-1]))

    async def _against_trades(self, market: Market) -> None:
        tape = self._tapes[market]
        for bar in _taken(self._minutes[market], lambda bar: tape.passed(int(bar.time[0]))):
            await self._tell(DIFFERS_FROM_TRADES.name, bar, tape.check(bar) or [])

    async def _against_minutes(self, market: Market, newest: int) -> None:
        closed = newest + milliseconds(_SHORTEST)
        for bar in _taken(self._longer[market], lambda bar: int(bar.time[0]) + bar.step <= closed):
            start = int(bar.time[0])
            minutes = await self._archive.read_bars(market, start, start + bar.step)
            await self._tell(DIFFERS_FROM_SHORTER.name, bar, shorter_differences(bar, minutes))

    async def _tell(self, rule: str, bar: Bars, differences: list[Difference]) -> None:
        self._figures.compared(rule, differs=bool(differences))
        if not differences:
            return
        subject = f"{bar.market} at {utc(int(bar.time[0]))}"
        logger().warning("a bar is not what it should be made of", rule=rule, bar=subject)
        content = {"rule": rule, "differences": [asdict(one) for one in differences]}
        digest = hashlib.sha256(f"{rule} {subject}".encode()).hexdigest()[:32]
        report = StoredReport(digest, "crosscheck", subject, self._now(), passed=False, content=content)
        await self._archive.save_report(report)


def _bars(_: Market) -> deque[Bars]:
    return deque(maxlen=_WAITING)


def _taken(waiting: deque[Bars], ready: Callable[[Bars], bool]) -> list[Bars]:
    """Those that are ready, which wait no longer."""
    chosen = [bar for bar in waiting if ready(bar)]
    left = [bar for bar in waiting if not ready(bar)]
    waiting.clear()
    waiting.extend(left)
    return chosen
